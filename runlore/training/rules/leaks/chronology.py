"""Inputs that follow the duration or the instant at which work finished."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.records.execution import NO_INSTANT
from runlore.training.rules.leaks.cells import InputCells

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

LEAST_AGREEMENT = 0.995  # of pairs in the order of a quantity
LEAST_FOLLOWING = 0.99  # of pairs in the order of their finish
LEAST_ROWS = 50
LEAST_LEVELS = 10  # distinct values, so that a few sorts of work are no leak
LEAST_PAIRS = 100
PAIRS = 200_000
LAGS = (1, 2, 4, 8, 16, 32, 64)
NEAR_S = 2.0
NEAR_SHARE = 0.01
LEAST_DIGITS = 4
EPOCHS_US = ((1e8, 5e9, 1e6), (1e11, 5e12, 1e3), (1e14, 5e15, 1.0), (1e17, 5e18, 1e-3))
LONGEST_US = 400 * 86_400e6


def agreement(values: Floats, measure: Floats) -> float:
    """The share of pairs of executions that an input orders as a measure does, whichever way.

    Pairs with equal values count neither way. 0.5 where there are too few.
    """
    known = np.isfinite(values) & np.isfinite(measure)
    x, y = values[known], measure[known]
    if len(x) < LEAST_ROWS or len(np.unique(x)) < LEAST_LEVELS:
        return 0.5
    if len(np.unique(y)) < LEAST_LEVELS:
        return 0.5
    draw = np.random.default_rng(len(x))
    one, other = draw.integers(len(x), size=(2, PAIRS))
    signs = np.sign(x[one] - x[other]) * np.sign(y[one] - y[other])
    differ = np.count_nonzero(signs)
    if differ < LEAST_PAIRS:
        return 0.5
    share = float((signs > 0).sum() / differ)
    return max(share, 1 - share)


def as_numbers(cells: InputCells) -> Floats:
    """(n,): numbers, or the digits of texts such as ids; NaN where there are too few digits."""
    if not cells.is_text:
        return cells.values
    digits = pd.Series(cells.words, dtype="string").str.replace(r"\D", "", regex=True)
    digits = digits.where(digits.str.len().between(LEAST_DIGITS, 20))
    of_level = np.append(
        digits.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan), np.nan
    )
    return of_level[cells.levels]


def as_instants(cells: InputCells) -> Floats:
    """(n,): microseconds since 1970 where the values look like instants, else NaN."""
    if cells.is_text:
        texts = pd.Series(cells.words, dtype=object)
        texts = texts.where(texts.str.len().between(10, 40))
        parsed = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
        us = parsed.dt.as_unit("us").astype("int64").to_numpy().astype(np.float64)
        return np.append(np.where(parsed.isna(), np.nan, us), np.nan)[cells.levels]
    middle = np.nanmedian(cells.values) if cells.filled.any() else np.nan
    for low, high, factor in EPOCHS_US:
        if low <= middle <= high:
            scaled: Floats = cells.values * factor
            return scaled
    return np.full(len(cells.values), np.nan)


def nearness(instants: Floats, submitted_us: Ints, finished_us: Ints) -> float:
    """The share of executions whose instant lies at one distance from the finish; 0: not known.

    The distance may be that of another time zone. Where it could as well be the submission's
    instant, nothing is known.
    """
    known = np.isfinite(instants) & (finished_us != NO_INSTANT)
    x, begun, end = instants[known], submitted_us[known], finished_us[known]
    if len(x) < LEAST_ROWS or np.median(np.abs(x - end)) > LONGEST_US:
        return 0.0
    near_us = np.maximum(NEAR_S * 1e6, NEAR_SHARE * (end - begun))
    share = _at_one_distance(x - end, near_us)
    return share if share > 2 * _at_one_distance(x - begun, near_us) else 0.0


def _at_one_distance(distance_us: Floats, near_us: Floats) -> float:
    return float((np.abs(distance_us - np.median(distance_us)) <= near_us).mean())


def following(values: Floats, submitted_us: Ints, finished_us: Ints) -> tuple[float, int]:
    """How surely values ascend in the order of the finish where that is not the submission's.

    Some pairs of neighbours finished in the order of submission, some did not. Of both, the lower
    share of pairs that ascend in the order of their finish is returned. The second number is how
    many pairs did not finish in the order of submission. Equal values do not count.
    """
    known = np.isfinite(values) & (finished_us != NO_INSTANT)
    order = np.argsort(submitted_us[known], kind="stable")
    x, end = values[known][order], finished_us[known][order]
    shares: dict[bool, list[int]] = {True: [0, 0], False: [0, 0]}
    for lag in LAGS:
        if lag >= len(x):
            break
        step, later = x[lag:] - x[:-lag], end[lag:] - end[:-lag]
        for is_overtaken, pairs in ((False, later > 0), (True, later < 0)):
            shares[is_overtaken][0] += int(((step * later > 0) & pairs).sum())
            shares[is_overtaken][1] += int(((step != 0) & pairs).sum())
    overtaken = shares[True][1]
    if overtaken < LEAST_PAIRS or shares[False][1] < LEAST_PAIRS:
        return 0.0, overtaken
    return min(agreed / pairs for agreed, pairs in shares.values()), overtaken
