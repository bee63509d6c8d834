"""Whether predicted probabilities are what comes: groups of answers beside their outcomes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.plots.style import groups, wilson

Floats = NDArray[np.float64]

MOST_GROUPS = 10


@dataclass(frozen=True)
class ReliabilityGroup:
    """Answers of about one probability. came: the share that happened; low, high: 95 % interval."""

    said: float
    came: float
    low: float
    high: float
    rows: int


def reliability_groups(predicted: Floats, actual: Floats) -> tuple[ReliabilityGroup, ...]:
    """Up to MOST_GROUPS groups of about equal size; answers without an outcome are left out.

    predicted: (N,), probabilities. actual: (N,), 0 or 1, NaN while unknown. The intervals are
    Wilson's (Probable inference, JASA 1927).

    >>> reliability_groups(np.array([0.1] * 10), np.array([0.0] * 9 + [1.0]))[0].came
    0.1
    """
    known = np.isfinite(actual) & np.isfinite(predicted)
    said, came = predicted[known], actual[known]
    if not len(said):
        return ()
    made = []
    for group in groups(said, MOST_GROUPS):
        hits, count = np.array([came[group].sum()]), np.array([float(len(group))])
        low, high = wilson(hits, count)
        share = float(hits[0] / count[0])
        ends = float(low[0]), float(high[0])
        made.append(ReliabilityGroup(float(said[group].mean()), share, *ends, len(group)))
    return tuple(made)
