"""Words that training did not know: the share of rows that hold one, and what share is usual.

The importance of a feature is measured on words that training held. It says nothing about a new
one, on whose rows the version guesses. So new words count by themselves.
"""

from collections.abc import Sequence
from functools import reduce

import numpy as np

from runlore.monitoring.rules.histogram import UNKNOWN_CODE, Histogram, Ints, Profile

# The words that come with time grow in number: after a half year twice as many as after a quarter.
GROWTH = 2.0


def share(reference: Histogram, current: Histogram) -> float:
    """The share of a window's rows that hold a word of a category that training did not know."""
    if not current.bins.is_category or not current.rows:
        return 0.0
    is_new = reference.bins.cuts == UNKNOWN_CODE
    # The last bin is of words too rare for a bin of their own; training may have held none.
    is_new = np.append(is_new, reference.counts[-1] == 0)
    return float(current.counts[is_new].sum()) / current.rows


def limit(reference: Histogram, usual: float) -> float:
    """The share from which new words are more than usual; training may have held unknown ones."""
    return max(usual, GROWTH * share(reference, reference))


def usual_shares(windows: Sequence[Profile]) -> dict[str, float]:
    """By category, the share of rows with new words that may be expected once training is over.

    windows: of the training, in order of time. What the first half of them held stands for a
    training, and the second half for what follows: the largest share of its windows, times GROWTH.
    Such a forecast of what follows from what came before is prequential (Dawid, "Statistical
    theory: the prequential approach", J. R. Stat. Soc. A, 1984). Words without a bin of their own
    always count as new, since nobody can say which of them had come before.
    """
    half = len(windows) // 2
    if not half:
        return {}
    before = reduce(Profile.merged, windows[:half])
    return {
        column.name: GROWTH * max(_new(column, window.columns[place]) for window in windows[half:])
        for place, column in enumerate(before.columns)
        if column.bins.is_category
    }


def _new(before: Histogram, window: Histogram) -> float:
    return float(window.counts[~_is_known(before)].sum()) / max(window.rows, 1)


def _is_known(before: Histogram) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    counts: Ints = before.counts.copy()
    counts[:-1][before.bins.cuts == UNKNOWN_CODE] = 0
    counts[-1] = 0
    return np.asarray(counts > 0)
