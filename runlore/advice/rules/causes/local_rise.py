"""A rise of failures with one value, where those of all executions did not rise visibly."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from runlore.advice.rules.causes.columns import CauseColumn
from runlore.advice.rules.causes.exact import PRIOR
from runlore.advice.rules.causes.expected import RARE, FailureTable, rise

Floats = NDArray[np.float64]


def is_rare_rise(
    table: FailureTable, rates: Floats, columns: Sequence[CauseColumn], gain: float, least: int
) -> bool:
    """Whether hardly an earlier window of this length had a value that rose as much as `gain`.

    At most 10 % of them, over all values of all columns with `least` failures: what was looked at
    and failures that come in heaps are both in it.
    """
    before = ~table.in_window
    length = float(table.at_s.max()) + 1.0
    window = np.floor(-table.at_s[before] / length).astype(np.int64)
    if not len(window):
        return False
    strongest = np.zeros(int(window.max()) + 1)
    for column in columns:
        gains = _gains(column, window, table.failed[before], rates[before], before, least)
        strongest = np.maximum(strongest, gains)
    seen = np.bincount(window) > 0
    return bool((strongest[seen] >= gain).sum() <= RARE * seen.sum())


def _gains(
    column: CauseColumn,
    window: NDArray[np.int64],
    failed: NDArray[np.bool_],
    rates: Floats,
    before: NDArray[np.bool_],
    least: int,
) -> Floats:
    """(w,) of each window the strongest rise of any value of the column."""
    codes = column.codes[before]
    known = codes >= 0
    size, windows = len(column.labels), int(window.max()) + 1
    place = window[known] * size + codes[known]
    shape = (windows, size)
    weights = failed[known].astype(float)
    bad: Floats = np.bincount(place, weights, windows * size).reshape(shape).astype(float)
    expected = np.bincount(place, rates[known], windows * size).reshape(shape)
    own = (bad.sum(0) + PRIOR) / (expected.sum(0) + PRIOR)
    gains: Floats = np.where(bad >= least, rise(bad, expected * own), 0.0).max(1, initial=0.0)
    return gains
