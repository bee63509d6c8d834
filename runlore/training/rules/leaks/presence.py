"""Inputs that are filled, or differ from their usual value, only with one outcome."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.training.rules.leaks.cells import InputCells
from runlore.training.rules.leaks.leak import CHANCE, PURE

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST_PURE = 15
# A side without the outcome may be chance or good practice; one that most others belong to is not.
LEAST_SPARED = 0.5
CODES = 20  # rows that a level of a category has on average, at least
YES_OR_NO = frozenset({"true", "false", "yes", "no", "y", "n", "t", "f", "0", "1", "on", "off"})


def only_one_outcome(cells: InputCells, label: Floats, what: str) -> Iterator[tuple[Mask, str]]:
    """Sides of an input that come with one value of the label only, with the evidence.

    A side is (n,), True for its executions.
    """
    filled = cells.filled
    if not filled.all():
        for side, verb in ((filled, "filled"), (~filled, "missing")):
            yield from _pure(side, label, what, verb, may_spare=True)
    unusual = _unusual(cells)
    if unusual is not None:
        words = "other than its usual value"
        yield from _pure(unusual, label, what, words, may_spare=False)


def _pure(
    side: Mask, label: Floats, what: str, verb: str, *, may_spare: bool
) -> Iterator[tuple[Mask, str]]:
    size = int(side.sum())
    if not LEAST_PURE <= size <= len(side) - LEAST_PURE or label.all():
        return
    rate, base, others = label[side].mean(), label.mean(), label[~side].mean()
    if rate >= PURE and size * np.log(base) < CHANCE:
        share = f"{what} in {rate:.1%} of these and in {others:.1%} of the others"
        yield side, f"is {verb} in {size:,} of {len(side):,} executions: {share}"
    spared = (1 - label[side]).sum() / (1 - label).sum()
    is_spared = rate <= 1 - PURE and rate < base / 20 and spared >= LEAST_SPARED
    if may_spare and is_spared and size * np.log1p(-base) < CHANCE:
        share = f"{what} in {rate:.1%} of these and in {others:.1%} of the others"
        yield side, f"is {verb} in {size:,} of {len(side):,} executions: {share}"


def _unusual(cells: InputCells) -> Mask | None:
    """(n,): True where a value differs from the one that most have; None where that says nothing.

    A level of a category may be a machine that breaks everything, which is no leak. A flag, a
    number, or a category of which all levels but one mean failure is.
    """
    levels = cells.levels[cells.filled]
    if not levels.size or cells.count < 2:
        return None
    sizes = np.bincount(levels, minlength=cells.count)
    usual = int(sizes.argmax())
    if sizes[usual] * 2 < levels.size:
        return None
    if cells.is_text and cells.count <= 3 and not _is_flag(cells):
        return None
    is_unusual: Mask = cells.filled & (cells.levels != usual)
    return is_unusual


def _is_flag(cells: InputCells) -> bool:
    return all(word.lower() in YES_OR_NO for word in cells.words if word)


def is_structural(side: Mask, categories: "Sequence[pd.Series[Any]]") -> bool:
    """Whether a category decides which side an execution is on, as a kind of work would."""
    rare = side if 2 * side.sum() <= len(side) else ~side
    return any(_decides(column, rare) for column in categories)


def _decides(column: "pd.Series[Any]", rare: Mask) -> bool:
    codes, words = pd.factorize(column, use_na_sentinel=False)
    if len(words) < 2 or len(words) * CODES > len(codes):
        return False
    inside = np.bincount(codes[rare], minlength=len(words))
    share = inside / np.maximum(np.bincount(codes, minlength=len(words)), 1)
    return bool(inside[share >= PURE].sum() >= PURE * rare.sum())
