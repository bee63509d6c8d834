"""Intervals that hold as often as they say: conformalised quantile regression.

Romano, Patterson & Candès, Conformalized quantile regression, NeurIPS 2019. Everything is on the
scale that the models learn, log1p of the quantity; `bounds` answers in the quantity's own unit.
"""

from dataclasses import asdict, dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runlore.models.scale import quantity

if TYPE_CHECKING:
    pass

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WIDTH_GROUPS = 5
LEAST_GROUP_ROWS = 300


@dataclass(frozen=True)
class Conformal:
    """How far to move the predicted bounds outwards, by how wide apart they are predicted.

    edges: (g - 1,) ascending widths that divide the groups. corrections: (g,), log1p scale.
    """

    coverage: float
    edges: tuple[float, ...]
    corrections: tuple[float, ...]

    def bounds(self, raw: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
        """The interval, always around the prediction itself and never below 0."""
        moved = np.array(self.corrections)[np.searchsorted(self.edges, high - low, side="right")]
        lowest = np.maximum(np.minimum(low - moved, raw), 0.0)
        return quantity(lowest), quantity(np.maximum(high + moved, raw))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Conformal":
        return cls(data["coverage"], tuple(data["edges"]), tuple(data["corrections"]))


def conform(actual: Floats, raw: Floats, low: Floats, high: Floats, coverage: float) -> Conformal:
    """Corrections per group of predicted width (Mondrian), from rows the models never saw."""
    width = high - low
    groups = min(WIDTH_GROUPS, max(1, len(actual) // LEAST_GROUP_ROWS))
    edges = np.unique(np.quantile(width, np.linspace(0, 1, groups + 1)[1:-1]))
    short = shortfall(actual, raw, low, high)
    where = np.searchsorted(edges, width, side="right")
    corrections = [
        conformal_quantile(short[where == group] if (where == group).any() else short, coverage)
        for group in range(len(edges) + 1)
    ]
    return Conformal(coverage, tuple(map(float, edges)), tuple(corrections))


def shortfall(actual: Floats, raw: Floats, low: Floats, high: Floats) -> Floats:
    """By how much each interval around `raw` must widen to hold the actual value.

    An interval always holds its own prediction, so only the bound on the actual value's side
    counts.
    """
    return np.where(actual < raw, low - actual, np.where(actual > raw, actual - high, -np.inf))


def conformal_quantile(short: Floats, coverage: float) -> float:
    """The least correction that holds the share `coverage` of the rows, one more row counted."""
    at = min(ceil(coverage * (len(short) + 1)), len(short)) - 1
    finite = short[np.isfinite(short)]
    return float(max(np.partition(short, at)[at], finite.min(initial=0.0)))
