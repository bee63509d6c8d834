"""When failures rose: the stretch of hours that stands out most."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.advice.rules.causes.expected import rise

Floats = NDArray[np.float64]
HOUR_S = 3600.0
LENGTHS_H = (1, 2, 3, 6, 12, 24, 48)


@dataclass(frozen=True)
class RiseWindow:
    """start_s, end_s: of submissions. looked_at: how many stretches were compared."""

    start_s: float
    end_s: float
    looked_at: int


def find_rise(submitted_s: Floats, failed: NDArray[np.bool_], since_s: float) -> RiseWindow:
    """The stretch from `since_s` on whose failures exceed those expected by the rate before most.

    submitted_s: (n,), ascending. A scan over time (Neill 2009): 1 to 48 hours, each hour a start.
    """
    before = submitted_s < since_s
    rate = (failed[before].sum() + 0.5) / (before.sum() + 1)
    end_s = float(submitted_s[-1]) + 1.0
    hours = max(1, int(np.ceil((end_s - since_s) / HOUR_S)))
    number = np.minimum(((submitted_s[~before] - since_s) // HOUR_S).astype(np.int64), hours - 1)
    rows = np.bincount(number, minlength=hours)
    bad = np.bincount(number, weights=failed[~before], minlength=hours)
    total, fails = np.append(0.0, np.cumsum(rows)), np.append(0.0, np.cumsum(bad))
    best, place, looked_at = -1.0, (0, hours), 0
    for length in LENGTHS_H:
        start = np.arange(max(1, hours - length + 1))
        stop = np.minimum(start + length, hours)
        gain = rise(fails[stop] - fails[start], (total[stop] - total[start]) * rate)
        looked_at += len(start)
        at = int(gain.argmax())
        if gain[at] > best:
            best, place = float(gain[at]), (int(start[at]), int(stop[at]))
    start_s = since_s + place[0] * HOUR_S
    return RiseWindow(start_s, min(since_s + place[1] * HOUR_S, end_s), looked_at)
