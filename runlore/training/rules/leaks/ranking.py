"""How well numbers or levels tell two outcomes apart: areas under ROC curves."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

LEAST_OF_EACH = 5  # outcomes of each sort in either half


def halves(label: Floats) -> tuple[Mask, Mask] | None:
    """Two halves of rows, by time where both have enough of each outcome, else every other row."""
    places = np.arange(len(label))
    for first in (places < len(label) // 2, places % 2 == 0):
        if all(_has_enough(label[part]) for part in (first, ~first)):
            return first, ~first
    return None


def _has_enough(label: Floats) -> bool:
    ones = int(label.sum())
    return min(ones, len(label) - ones) >= LEAST_OF_EACH


def ordered_auc(levels: Ints, label: Floats, parts: Sequence[Mask]) -> float:
    """AUC by the order of the levels, whichever way: the mean of the parts."""
    size = int(levels.max(initial=0)) + 1
    areas = [_area(*_counts(levels[part], label[part], size)) for part in parts]
    mean = sum(areas) / len(areas)
    return max(mean, 1 - mean)


def encoded_auc(levels: Ints, label: Floats, parts: tuple[Mask, Mask]) -> float:
    """AUC by the outcome's rate of each level in the other part: the mean of the parts."""
    size = int(levels.max(initial=0)) + 1
    areas = []
    for learn, score in (parts, parts[::-1]):
        ones, zeros = _counts(levels[learn], label[learn], size)
        base = ones.sum() / max(ones.sum() + zeros.sum(), 1.0)
        rates = (ones + base) / (ones + zeros + 1.0)
        _, place = np.unique(rates, return_inverse=True)
        areas.append(_area(*_counts(place[levels[score]], label[score], int(place.max()) + 1)))
    return sum(areas) / len(areas)


def score_auc(scores: Floats, label: Floats) -> float:
    """AUC by a score."""
    _, place = np.unique(scores, return_inverse=True)
    return _area(*_counts(place, label, int(place.max()) + 1))


def _counts(levels: Ints, label: Floats, size: int) -> tuple[Floats, Floats]:
    ones = np.bincount(levels, weights=label, minlength=size).astype(np.float64)
    return ones, np.bincount(levels, minlength=size) - ones


def _area(ones: Floats, zeros: Floats) -> float:
    """AUC of levels in ascending order; 0.5 where one of the outcomes is missing."""
    pairs = ones.sum() * zeros.sum()
    below = np.cumsum(zeros) - zeros
    return float((ones * (below + zeros / 2)).sum() / pairs) if pairs else 0.5
