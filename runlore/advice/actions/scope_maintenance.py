"""Each scope of a calendar: its risk, when it fails, and its visit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

from runlore.advice.actions.maintenance import MaintenancePlan
from runlore.advice.rules.maintenance.remaining import WEEK
from runlore.advice.rules.maintenance.visit_calendar import VisitCalendar
from runlore.kernel.readable import readable_number
from runlore.signals.actions.limits import conclude_limit

VisitAdvice = Literal["visit", "wait", "unknown", "gone"]


@dataclass(frozen=True)
class ScopeMaintenance:
    """early, median, late: when it fails, with an interval of 80 %; None: later than can be said,
    or unknown. risk_week, risk_horizon: of a failure within it. saving: of the visit, beside none
    within the horizon."""

    scope: str
    advice: VisitAdvice
    reason: str
    visit_at: datetime | None
    visit_until: datetime | None
    saving: float | None
    age_days: float | None
    failures: int
    visits: int
    last_failure_at: datetime | None
    risk_week: float | None
    risk_horizon: float | None
    early_at: datetime | None
    median_at: datetime | None
    late_at: datetime | None
    limit: str | None


def list_scopes(plan: MaintenancePlan) -> list[ScopeMaintenance]:
    """Visits first, by time; then by risk."""
    place = {int(scope): at for at, scope in enumerate(plan.open_lives.scope)}
    visits = _visit_instants(plan)
    rows = [_row(plan, at, place.get(at), visits) for at in range(len(plan.log.scopes))]
    return sorted(rows, key=_urgency)


def _row(
    plan: MaintenancePlan,
    scope: int,
    at: int | None,
    visits: Mapping[int, tuple[datetime, datetime]],
) -> ScopeMaintenance:
    """at: its place among the open lives; None: it has none."""
    name, calendar = plan.log.scopes[scope].scope, plan.calendar
    visit = None if at is None else visits.get(at)
    limit = plan.limits.get(name)
    early, median, late = _dates(plan, at)
    return ScopeMaintenance(
        scope=name,
        advice=_advice(plan, scope, at, is_visited=visit is not None),
        reason=_reason(plan, scope, at, is_visited=visit is not None),
        visit_at=None if visit is None else visit[0],
        visit_until=None if visit is None else visit[1],
        saving=None if calendar is None or visit is None else _saving(calendar, at),
        age_days=None if at is None else float(plan.open_lives.days[at]),
        failures=plan.log.failures[scope],
        visits=plan.log.visits[scope],
        last_failure_at=plan.log.last_failure[scope],
        risk_week=_risk(plan, at, WEEK),
        risk_horizon=_risk(plan, at, plan.terms.horizon_days),
        early_at=early,
        median_at=median,
        late_at=late,
        limit=None if limit is None else f"{limit.series.name}: {conclude_limit(limit)}",
    )


def _advice(plan: MaintenancePlan, scope: int, at: int | None, *, is_visited: bool) -> VisitAdvice:
    if plan.log.is_gone[scope]:
        return "gone"
    if at is None or plan.calendar is None:
        return "unknown"
    return "visit" if is_visited else "wait"


def _reason(plan: MaintenancePlan, scope: int, at: int | None, *, is_visited: bool) -> str:
    if plan.log.is_gone[scope]:
        return f"no record since {plan.log.scopes[scope].last_at:%Y-%m-%d}"
    if at is None:
        return "its age is not known: no failure and no visit yet"
    if plan.calendar is None:
        return plan.choice.reason
    best = float(plan.calendar.gains[at].max(initial=0.0))
    limit = plan.limits.get(plan.log.scopes[scope].scope)
    near = "" if limit is None else f"; {limit.series.name} reaches its limit"
    if is_visited:
        return f"age and history make a failure costlier than a visit{near}"
    if best > 0:
        return f"a visit would save {readable_number(best)}, and no window has room{near}"
    return f"no visit within the horizon pays{near}"


def _saving(calendar: VisitCalendar, at: int | None) -> float | None:
    return None if at is None else float(calendar.gains[at, calendar.chosen[at]])


def _risk(plan: MaintenancePlan, at: int | None, days: float) -> float | None:
    if at is None or plan.calendar is None:
        return None
    remaining = plan.calendar.remaining
    return float(1 - np.interp(days, remaining.days, remaining.alive[at]))


def _dates(plan: MaintenancePlan, at: int | None) -> list[datetime | None]:
    """Early, median and late."""
    if at is None or plan.calendar is None:
        return [None] * 3
    remaining = plan.calendar.remaining
    days = (remaining.early[at], remaining.median[at], remaining.late[at])
    return [plan.as_of + timedelta(days=float(d)) if np.isfinite(d) else None for d in days]


def _visit_instants(plan: MaintenancePlan) -> dict[int, tuple[datetime, datetime]]:
    """In a window, the visit that saves most comes first."""
    calendar = plan.calendar
    if calendar is None:
        return {}
    taken: dict[int, int] = {}
    found: dict[int, tuple[datetime, datetime]] = {}
    visited = np.flatnonzero(calendar.chosen >= 0)
    saved = calendar.gains[visited, calendar.chosen[visited]]
    for at in visited[np.argsort(-saved, kind="stable")].tolist():
        slot = int(calendar.chosen[at])
        found[at] = plan.slots.instants(slot, taken.get(slot, 0))
        taken[slot] = taken.get(slot, 0) + 1
    return found


def _urgency(row: ScopeMaintenance) -> tuple[bool, float, float, str]:
    at = row.visit_at
    return (at is None, at.timestamp() if at else 0.0, -(row.risk_week or 0.0), row.scope)
