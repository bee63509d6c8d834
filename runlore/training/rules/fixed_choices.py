"""What all candidates share: their seed, their threads, and what stands for an unknown value."""

import os

SEED = 7
THREADS = min(2, os.cpu_count() or 1)
MISSING = -1.0  # for trees that cannot take NaN
