"""Which scopes to visit when: lifetimes from the log, a survival model, and the best calendar."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from runlore.advice.actions.failure_log import FailureDefinition, FailureLog, read_failure_log
from runlore.advice.rules.maintenance.choosing import SurvivalChoice, choose_survival
from runlore.advice.rules.maintenance.lifetimes import Lifetimes
from runlore.advice.rules.maintenance.remaining import LimitDates
from runlore.advice.rules.maintenance.visit_calendar import (
    FleetState,
    VisitCalendar,
    plan_visits,
)
from runlore.advice.rules.maintenance.visit_costs import MaintenanceCosts
from runlore.advice.rules.maintenance.visit_slots import CREW, VisitSlots, find_slots
from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import BadInput
from runlore.planning.actions.pools import find_pools
from runlore.planning.rules.pools.pool import Pool
from runlore.signals.actions.limits import LimitForecast, forecast_limits
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store

MOST_DAYS = 365.0


@dataclass(frozen=True)
class VisitTerms:
    """crews: visits at the same time. pool: a declared one, whose hours and size count instead."""

    costs: MaintenanceCosts = field(default_factory=MaintenanceCosts)
    horizon_days: float = 30.0
    crews: int = 1
    visit_hours: float = 2.0
    pool: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.horizon_days <= MOST_DAYS:
            raise BadInput(f"horizon: use from 1 to {MOST_DAYS:g} days", "horizon")
        if not 1 <= self.crews <= 1_000:
            raise BadInput(f"crews: {self.crews} is not a number from 1 to 1000", "crews")
        if not 0 < self.visit_hours <= 24:
            raise BadInput("visit_hours: use a number of hours up to 24", "visit_hours")


@dataclass(frozen=True, eq=False)
class MaintenancePlan:
    """open_lives: one of each scope that has not left. limits: the soonest of each scope.

    calendar: None: too few failures are known.
    """

    as_of: datetime
    terms: VisitTerms
    log: FailureLog
    choice: SurvivalChoice
    slots: VisitSlots
    limits: Mapping[str, LimitForecast]
    open_lives: Lifetimes
    calendar: VisitCalendar | None = None


def plan_maintenance(
    store: Store,
    specs: Sequence[SeriesSpec],
    defined: FailureDefinition,
    terms: VisitTerms,
    as_of: datetime,
) -> MaintenancePlan:
    """A calendar of visits with the least expected cost, from what was known at an instant.

    Raises NotFound for a pool that is not declared.
    """
    slots = find_slots(_pool(store, terms, as_of), terms.visit_hours, as_of, terms.horizon_days)
    log = read_failure_log(store, defined, as_of)
    choice = choose_survival(log.lives)
    gone = np.array(log.is_gone, dtype=bool)
    open_lives = log.lives.take(log.lives.is_open & ~gone[log.lives.scope])
    limits = soonest_limits(forecast_limits(store, specs, as_of))
    plan = MaintenancePlan(as_of, terms, log, choice, slots, limits, open_lives)
    if choice.model is None or not len(open_lives):
        return plan
    renewed = FleetState(log.lives, open_lives, _limit_dates(plan))
    calendar = plan_visits(choice.model, renewed, slots, terms.costs, terms.horizon_days)
    return replace(plan, calendar=calendar)


def soonest_limits(forecasts: Sequence[LimitForecast]) -> dict[str, LimitForecast]:
    """By scope; those of which something is known to come. They come with the soonest first."""
    found: dict[str, LimitForecast] = {}
    for one in forecasts:
        if one.series.scope and one.crossing.state in {"crossed", "expected"}:
            found.setdefault(one.series.scope, one)
    return found


def _limit_dates(plan: MaintenancePlan) -> LimitDates:
    rows = [_dates(plan.limits.get(plan.log.scopes[at].scope)) for at in plan.open_lives.scope]
    return LimitDates(np.array(rows, dtype=np.float64).reshape(-1, 3))


def _dates(one: LimitForecast | None) -> tuple[float, float, float]:
    if one is None:
        return (np.nan, np.nan, np.nan)
    if one.crossing.state == "crossed":
        return (0.0, 0.0, 0.0)
    crossing = one.crossing
    early, median, late = (
        one.at(step) for step in (crossing.early, crossing.median, crossing.late)
    )
    return (_days(one, early), _days(one, median), _days(one, late))


def _days(one: LimitForecast, at: datetime | None) -> float:
    return np.nan if at is None else (at - one.as_of).total_seconds() / DAY_S


def _pool(store: Store, terms: VisitTerms, as_of: datetime) -> Pool:
    if terms.pool is not None:
        return find_pools(store, as_of, terms.pool)[0]
    return Pool(CREW.name, terms.crews, hours=CREW.hours)
