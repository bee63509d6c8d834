"""Tasks that leave inputs open, completed as similar past tasks were.

Multiple imputation: Rubin, Multiple Imputation for Nonresponse in Surveys, 1987.
"""

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.small_models import distances

Floats = NDArray[np.float64]

DONORS = 50  # similar past tasks that lend their values


def complete(rows: Floats, gaps: NDArray[np.bool_], past: Floats) -> Floats:
    """(m, k, p): (m, p) rows with their gaps filled from the k past tasks nearest by the rest.

    past: (n, w) the first w of p columns, in which all gaps are.
    """
    count = min(DONORS, len(past))
    lots = np.random.default_rng(0).permutation(len(past))  # among equally near tasks
    width = past.shape[1]
    completed = np.repeat(rows[:, None, :], count, axis=1)
    for pattern in np.unique(gaps, axis=0):
        at = np.flatnonzero((gaps == pattern).all(axis=1))
        known, open_ = np.flatnonzero(~pattern[:width]), np.flatnonzero(pattern[:width])
        far = distances(rows[np.ix_(at, known)], past[lots][:, known])
        donors = lots[np.argsort(far, axis=1, kind="stable")[:, :count]]
        completed[np.ix_(at, np.arange(count), open_)] = past[donors][:, :, open_]
    return completed
