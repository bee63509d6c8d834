"""The visits that cost least, for a fleet as it stands and a survival model."""

from dataclasses import dataclass

import numpy as np

from runlore.advice.rules.maintenance.fixed_intervals import FixedInterval, find_interval
from runlore.advice.rules.maintenance.lifetimes import Floats, Ints, Lifetimes
from runlore.advice.rules.maintenance.remaining import (
    LimitDates,
    Remaining,
    find_remaining,
    grid_of,
)
from runlore.advice.rules.maintenance.survival import SurvivalModel, survival
from runlore.advice.rules.maintenance.visit_costs import MaintenanceCosts, price_visits
from runlore.advice.rules.maintenance.visit_slots import VisitSlots
from runlore.planning.rules.allocation.slot_choice import choose_slots
from runlore.planning.rules.allocation.solving import TimeBudget

SEARCH_S = 5.0


@dataclass(frozen=True, eq=False)
class FleetState:
    """lives: all that are known. open_lives: one of each scope, as old as it is."""

    lives: Lifetimes
    open_lives: Lifetimes
    limits: LimitDates | None = None


@dataclass(frozen=True, eq=False)
class VisitCalendar:
    """Rows are those of the open lives. as_new: the share alive of scopes that are new.

    gains: (n, m) of a visit in each slot. chosen: (n,) the slot of each, or -1. fixed: the same of
    fixed intervals.
    """

    remaining: Remaining
    as_new: Floats
    gains: Floats
    chosen: Ints
    fixed: Ints
    interval: FixedInterval


def plan_visits(
    model: SurvivalModel,
    fleet: FleetState,
    slots: VisitSlots,
    costs: MaintenanceCosts,
    horizon: float,
) -> VisitCalendar:
    """A slot for each scope, or none; with the best fixed interval beside it."""
    lives, days = fleet.open_lives, grid_of(fleet.lives, horizon)
    remaining = find_remaining(model, lives, days, fleet.limits)
    ahead = np.broadcast_to(days, (len(lives), len(days)))
    as_new = survival(model, np.zeros(len(lives)), ahead, lives.covariates)
    gains = price_visits(remaining, as_new, costs, horizon).gains(slots.days)
    chosen = choose_slots(gains, slots.room, TimeBudget(SEARCH_S))
    interval = find_interval(days, as_new.mean(axis=0), costs)
    fixed = interval.place(lives.days, slots.days, slots.room)
    return VisitCalendar(remaining, as_new, gains, chosen, fixed, interval)
