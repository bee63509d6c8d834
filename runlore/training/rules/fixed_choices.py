"""What all candidates share: their seed, their threads, and what stands for an unknown value."""

import os

SEED = 7
THREADS = min(2, os.cpu_count() or 1)
MISSING = -1.0  # for trees that cannot take NaN
# Values nearer to 0 count as 0 in fitting, such as a count that has decayed for long: so small a
# scale has no reciprocal in a float32.
SMALLEST = 1e-20
