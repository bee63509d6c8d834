"""How long scopes still live, and their risk: quantiles and shares of a survival model."""

from dataclasses import dataclass

import numpy as np

from runlore.advice.rules.maintenance.lifetimes import Floats, Lifetimes
from runlore.advice.rules.maintenance.survival import SurvivalModel, survival

LEVEL = 0.8  # of the interval of the remaining time
FURTHEST = 3.0  # longest lifetimes that have been seen; beyond, no date is said
STEPS = 240
WEEK = 7.0


@dataclass(frozen=True, eq=False)
class LimitDates:
    """When a signal reaches its limit, in days from now: (n, 3) early, median, late.

    The interval holds 90 %; infinite: later than is looked ahead. NaN: no limit.
    """

    days: Floats


@dataclass(frozen=True, eq=False)
class Remaining:
    """days: (m,) from 0. alive: (n, m). early, median, late: (n,); infinite: beyond `furthest`."""

    days: Floats
    alive: Floats
    early: Floats
    median: Floats
    late: Floats
    furthest: float

    def risk(self, within: float) -> Floats:
        """(n,): the share that fails within so many days."""
        return np.array([1 - np.interp(within, self.days, row) for row in self.alive])


def grid_of(lives: Lifetimes, horizon: float) -> Floats:
    """Days ahead: fine within the horizon, coarser beyond, as far as anything is said."""
    furthest = max(FURTHEST * float(lives.days.max()), 2 * horizon)
    fine = np.linspace(0, horizon, min(max(int(horizon), 30), STEPS) + 1)
    return np.unique(np.append(fine, np.geomspace(horizon, furthest, STEPS // 2)))


def find_remaining(
    model: SurvivalModel,
    open_lives: Lifetimes,
    days: Floats,
    limits: LimitDates | None = None,
) -> Remaining:
    """open_lives: one of each scope, as old as it is. A signal's limit is a failure, too, and does
    not depend on the others."""
    alive = survival(
        model, open_lives.days, np.broadcast_to(days, (len(open_lives), len(days))),
        open_lives.covariates,
    )  # fmt: skip
    if limits is not None:
        alive = alive * below_limit(limits, days)
    early, median, late = (
        _first_below(alive, days, share) for share in ((1 + LEVEL) / 2, 0.5, (1 - LEVEL) / 2)
    )
    return Remaining(days, alive, early, median, late, float(days[-1]))


def below_limit(limits: LimitDates, days: Floats) -> Floats:
    """(n, m): the share of futures whose limit is not reached yet; lines between its quantiles."""
    shares = np.ones((len(limits.days), len(days)))
    for at, dates in enumerate(limits.days):
        known = np.isfinite(dates)
        if known.any():
            knots = np.append(0.0, np.maximum(dates[known], 1e-3))
            reached = np.append(0.0, np.array([0.05, 0.5, 0.95])[known])
            shares[at] = 1 - np.interp(days, np.maximum.accumulate(knots), reached)
    return shares


def _first_below(alive: Floats, days: Floats, share: float) -> Floats:
    """When the share alive falls to this; infinite where it does not on the grid."""
    below = alive <= share
    at = np.maximum(below.argmax(axis=1), 1)
    rows = np.arange(len(alive))
    high, low = alive[rows, at - 1], alive[rows, at]
    part = np.clip((high - share) / np.maximum(high - low, 1e-12), 0, 1)
    found = days[at - 1] + part * (days[at] - days[at - 1])
    return np.where(below.any(axis=1), found, np.inf)
