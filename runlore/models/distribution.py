"""The whole distribution of a quantity: its quantiles, calibrated on rows that no model had seen.

A model gives the share of each class of the quantity; within a class the distribution is uniform on
the log1p scale. Levels are then mapped so that they hold on validation rows: distributional
conformal prediction, Chernozhukov, Wüthrich & Zhu, PNAS 118(48), 2021.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.errors import BadInput
from runlore.models.scale import quantity

Floats = NDArray[np.float64]

# The levels at which the map is kept; denser where the tails are.
TAIL = (0.0005, 0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04)
LEVELS = (0.0, *TAIL, *(at / 40 for at in range(2, 39)), *(1 - at for at in TAIL[::-1]), 1.0)
_LEVELS = np.array(LEVELS)
WINDOW_ROWS = 1000  # below, a window's tails say little of their own
SMALLEST_SHARE = 1e-300  # divides by no less


@dataclass(frozen=True)
class Distribution:
    """How shares of classes become quantiles.

    edges: (K + 1,) ascending, log1p scale. places: the uncalibrated level for each of `LEVELS`.
    shares: (K,) of a version whose residuals are its distribution: their classes lie around each
    answer, in units of its scale; empty where a graph gives the shares of each row. tails: the
    uncalibrated levels of the interval's bounds, where they were calibrated on their own; else
    empty.

    Every method takes (n, K) shares from the graph, None without one; (n,) answers `raw`, log1p
    scale; and (n,) scales of the residuals, None for 1.
    """

    edges: tuple[float, ...]
    places: tuple[float, ...]
    shares: tuple[float, ...] = ()
    tails: tuple[float, ...] = ()

    def quantiles(
        self, shares: Floats | None, raw: Floats, levels: Floats, scale: Floats | None = None
    ) -> Floats:
        """(n, L): the quantiles at (L,) levels, in the quantity's own unit."""
        return self._at(shares, raw, np.interp(levels, _LEVELS, self._places), scale)

    def bounds(
        self, shares: Floats | None, raw: Floats, coverage: float, scale: Floats | None = None
    ) -> tuple[Floats, Floats]:
        """(n,), (n,): the interval that holds with that probability, always around the answer."""
        if self.tails:
            low, high = self._at(shares, raw, self._tails, scale).T
        else:
            levels = np.array([(1 - coverage) / 2, (1 + coverage) / 2])
            low, high = self.quantiles(shares, raw, levels, scale).T
        answers = quantity(raw)
        return np.minimum(low, answers), np.maximum(high, answers)

    def places_of(
        self, shares: Floats | None, raw: Floats, actual: Floats, scale: Floats | None = None
    ) -> Floats:
        """(n,): the uncalibrated share of the distribution at or below each (n,) actual value.

        actual: on the log1p scale. A value inside a class of a single value has all of it.
        """
        if shares is None:
            residuals = actual - raw
            return _places(
                np.broadcast_to(self._shares, (len(raw), len(self.shares))),
                self._edges,
                residuals if scale is None else residuals / scale,
            )
        return _places(shares, self._edges, actual)

    def _at(
        self, shares: Floats | None, raw: Floats, places: Floats, scale: Floats | None
    ) -> Floats:
        """(n, L): the quantiles at (L,) uncalibrated levels."""
        if shares is None:
            around = _quantiles(self._shares, self._edges, places)
            return quantity(raw[:, None] + (around if scale is None else scale[:, None] * around))
        return quantity(_quantiles(shares, self._edges, places))

    @cached_property
    def _tails(self) -> Floats:
        return np.array(self.tails)

    @cached_property
    def _edges(self) -> Floats:
        return np.array(self.edges)

    @cached_property
    def _places(self) -> Floats:
        return np.array(self.places)

    @cached_property
    def _shares(self) -> Floats:
        return np.array(self.shares)[None, :]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Distribution":
        return cls(**{name: tuple(values) for name, values in data.items()})


def checked_levels(levels: Sequence[float]) -> Floats:
    """(L,): the levels. Raises BadInput for one that is not above 0 and below 1."""
    values = np.asarray(levels, dtype=np.float64)
    if values.ndim != 1 or not ((values > 0) & (values < 1)).all():
        raise BadInput(f"levels: {list(levels)} must lie between 0 and 1, such as 0.95", "levels")
    return values


def calibrated_places(places: Floats) -> tuple[float, ...]:
    """For each of `LEVELS`, the uncalibrated level below which that share of `places` lies.

    places: (n,) those of validation rows; one more row is counted, as conformal prediction does.
    """
    ordered, n = np.sort(places), len(places)
    ranks = [ceil(level * (n + 1)) for level in LEVELS]
    inner = [1.0 if rank > n else float(ordered[max(rank, 1) - 1]) for rank in ranks]
    return (0.0, *(min(place, 1.0) for place in inner[1:-1]), 1.0)


def worst_tails(windows: Sequence[Floats], coverage: float) -> tuple[float, float]:
    """The uncalibrated levels of an interval's bounds that hold in every window of places.

    A future unlike the past shows first in the tails, and windows differ as the future will. Short
    windows differ by chance, so they count together.
    """
    shortest = min(len(window) for window in windows)
    parts = windows if shortest >= WINDOW_ROWS else [np.concatenate(windows)]
    tail = (1 - coverage) / 2
    places = [np.interp([tail, 1 - tail], _LEVELS, calibrated_places(part)) for part in parts]
    low, high = np.transpose(places)
    return float(low.min()), float(high.max())


def _cumulative(shares: Floats) -> Floats:
    """(n, K + 1): from 0 to 1, however the shares were rounded."""
    sums = np.zeros((len(shares), shares.shape[1] + 1))
    np.cumsum(shares, axis=1, out=sums[:, 1:])
    sums /= sums[:, -1:]
    return sums


def _quantiles(shares: Floats, edges: Floats, places: Floats) -> Floats:
    """(n, L): by interpolation inside the class where each of (L,) places lies."""
    sums, row = _cumulative(shares), np.arange(len(shares))[:, None]
    at = np.add.reduce(sums[:, None, 1:-1] < places[:, None], axis=2, dtype=np.intp)
    below = sums[row, at]
    width = np.maximum(sums[row, at + 1] - below, SMALLEST_SHARE)
    inside = np.maximum(np.minimum((places - below) / width, 1.0), 0.0)
    start = edges[at]
    quantiles: Floats = start + inside * (edges[at + 1] - start)
    return quantiles


def _places(shares: Floats, edges: Floats, actual: Floats) -> Floats:
    sums, rows = _cumulative(shares), np.arange(len(shares))
    at = np.clip(np.searchsorted(edges, actual, side="left") - 1, 0, len(edges) - 2)
    width = edges[at + 1] - edges[at]
    inside = np.divide(actual - edges[at], width, out=np.ones_like(actual), where=width > 0)
    below, above = sums[rows, at], sums[rows, at + 1]
    places = below + np.clip(inside, 0.0, 1.0) * (above - below)
    return np.where(actual > edges[-1], np.inf, places)
