"""Test whether rows that were answered are of the kind that training held."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.monitoring.rules.histogram import UNKNOWN_CODE
from runlore.performance.rules.assumption import Assumption, assumption

Rows = NDArray[np.float32]
Mask = NDArray[np.bool_]

MOST_OUTSIDE = 0.1
# Relative to the width of a feature's range in training: growing counts go a little beyond it.
MARGIN = 0.25
MOST_BY_CHANCE = 0.5


@dataclass(frozen=True, eq=False)
class FeatureSupport:
    """Rows that taught, (m, F), to compare with the rows that were answered, (n, F).

    categories: the names of those features whose values are codes of words.
    """

    names: tuple[str, ...]
    taught: Rows
    rows: Rows
    categories: tuple[str, ...] = ()


def is_supported(
    rows: Rows, taught: Rows, names: Sequence[str], categories: Sequence[str] = ()
) -> Assumption:
    """Whether rows (n, F) lie inside what a sample of the training rows (m, F) held.

    A number is outside when it lies beyond the range of training, or is missing where it never
    was. A code orders nothing, so a category has no range: a word is outside when training did not
    know it. Words that were too rare for a code stood in training as unknown ones, and as large a
    share of rows may hold them now.
    """
    if not len(rows) or not len(taught):
        return assumption("support", None, "not tested: there are no features to compare")
    is_code = np.isin(np.array(names), categories)
    outside = _beyond_range(rows, taught) & ~is_code | _is_unknown_word(rows, is_code)
    share = float(outside.any(axis=1).mean())
    usual = float(_is_unknown_word(taught, is_code).any(axis=1).mean())
    by_chance = min(2.0 * len(names) / len(taught), MOST_BY_CHANCE)
    bound = min(MOST_OUTSIDE + usual + by_chance, 1.0)
    worst = int(outside.mean(axis=0).argmax())
    where = f", most often by {names[worst]}" if share else ""
    if share and is_code[worst]:
        where += ", whose words are unknown in training"
    reason = f"{share:.1%} of the answers lie outside of what training held{where}; {bound:.0%} may"
    return assumption("support", share <= bound, reason)


def _beyond_range(rows: Rows, taught: Rows) -> Mask:
    low, high = np.fmin.reduce(taught, axis=0), np.fmax.reduce(taught, axis=0)
    width = (high - low) * MARGIN
    never_missing = ~np.isnan(taught).any(axis=0)
    beyond = (rows < low - width) | (rows > high + width) | (np.isnan(rows) & never_missing)
    return np.asarray(beyond)


def _is_unknown_word(rows: Rows, is_code: Mask) -> Mask:
    """(n, F): where a category holds the code of a word that training did not know, or none."""
    return np.asarray(is_code & ((rows == UNKNOWN_CODE) | np.isnan(rows)))
