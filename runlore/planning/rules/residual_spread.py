"""How far truths lie from estimates: wider where similar tasks were missed by more.

Residuals are log(truth / estimate) of tasks that were held out. Each is divided by a local scale,
so that one distribution serves all: normalised conformal prediction (Papadopoulos, Gammerman &
Vovk, Normalized nonconformity measures, 2008).
"""

from dataclasses import dataclass
from functools import cached_property
from math import floor

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.small_models import distances

Floats = NDArray[np.float64]

NEAR = 10  # similar tasks that give a local scale
PRIOR = 3.0  # tasks of the usual scale that count beside them
REACH, GRID = 3.5, 281  # standard deviations on both sides, and their points
FLOOR = 0.05  # of the usual scale: a local scale is never smaller


def local_scales(far: Floats, sizes: Floats) -> Floats:
    """(m,): mean of (h,) absolute residuals of the nearest tasks by (m, h) distances, shrunk.

    An infinite distance leaves a task out.
    """
    usual = max(float(sizes.mean()), 1e-9)
    count = min(NEAR, far.shape[1])
    near = np.argpartition(far, count - 1, axis=1)[:, :count]
    is_there = np.isfinite(np.take_along_axis(far, near, axis=1))
    sums = np.where(is_there, sizes[near], 0.0).sum(axis=1)
    scales: Floats = (sums + PRIOR * usual) / (is_there.sum(axis=1) + PRIOR)
    return np.maximum(scales, FLOOR * usual)


def scales_of_held(rows: Floats, sizes: Floats, *, has_order: bool) -> Floats:
    """(h,): the local scale of each held-out task, from the others; in order: from earlier ones."""
    far = distances(rows, rows)
    np.fill_diagonal(far, np.inf)
    if has_order:
        far[np.triu_indices(len(far))] = np.inf
    return local_scales(far, sizes)


@dataclass(frozen=True, eq=False)
class ResidualSpread:
    """(h,) scaled residuals of held-out tasks, ascending."""

    scaled: Floats

    def quantile(self, level: float) -> float:
        """The level's quantile with one more task counted, as conformal prediction does.

        Beyond the reach of so few tasks: Student's t, with the spread of a new one.
        """
        count = len(self.scaled)
        place = level * (count + 1)
        if 1 <= place <= count:
            lower = floor(place)
            upper = min(lower + 1, count)
            share = place - lower
            return float((1 - share) * self.scaled[lower - 1] + share * self.scaled[upper - 1])
        from scipy.stats import t

        tail = self._middle + float(t.ppf(level, max(count - 1, 1))) * self._spread
        end = self.scaled[0] if level < 0.5 else self.scaled[-1]
        return float(min(tail, end) if level < 0.5 else max(tail, end))

    def at_scores(self, scores: Floats) -> Floats:
        """Quantiles at standard normal scores, of any shape; beyond 3.5 like 3.5."""
        grid, values = self._by_score
        found: Floats = np.interp(scores, grid, values)
        return found

    def share_between(self, low: Floats, high: Floats) -> Floats:
        """(m,): the probability of a scaled residual between, one more task counted as outside."""
        below = np.searchsorted(self.scaled, low, side="left")
        above = np.searchsorted(self.scaled, high, side="right")
        shares: Floats = (above - below) / (len(self.scaled) + 1)
        return shares

    @cached_property
    def _by_score(self) -> tuple[Floats, Floats]:
        from scipy.special import ndtr

        grid = np.linspace(-REACH, REACH, GRID)
        return grid, np.array([self.quantile(float(level)) for level in ndtr(grid)])

    @cached_property
    def _middle(self) -> float:
        return float(self.scaled.mean())

    @cached_property
    def _spread(self) -> float:
        count = len(self.scaled)
        return float(self.scaled.std(ddof=1)) * float(np.sqrt(1 + 1 / count)) if count > 1 else 0.0
