"""The calendar of visits as the terminal, HTTP, calendars and the console show it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

from runlore.advice.actions.maintenance import MaintenancePlan
from runlore.advice.rules.maintenance.choosing import SurvivalScore
from runlore.advice.rules.maintenance.lifetimes import Ints
from runlore.advice.rules.maintenance.remaining import LEVEL, WEEK
from runlore.advice.rules.maintenance.visit_calendar import VisitCalendar
from runlore.kernel.durations import DAY_S
from runlore.kernel.readable import readable_duration, readable_number, readable_share
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


@dataclass(frozen=True)
class PolicyFigures:
    """visits: within the horizon. failures: expected within it, the first of each scope after now
    or its visit. saving: expected, beside no visit within the horizon."""

    policy: str
    visits: int
    failures: float
    saving: float


@dataclass(frozen=True)
class MaintenanceView:
    """level: of the intervals. interval_days: of the best fixed interval; None: none pays."""

    as_of: datetime
    horizon_days: float
    visit_cost: float
    failure_cost: float
    model: str | None
    model_reason: str
    scores: tuple[SurvivalScore, ...]
    basis: str
    failures: int
    lifetimes: int
    level: float
    interval_days: float | None
    policies: tuple[PolicyFigures, ...]
    scopes: tuple[ScopeMaintenance, ...]
    scopes_known: int
    is_cut: bool


def show_maintenance(plan: MaintenancePlan, scope: str | None = None) -> MaintenanceView:
    """Visits first, by time; then by risk. scope: only this one."""
    rows = [row for row in _rows(plan) if scope is None or row.scope == scope]
    model = plan.choice.model
    calendar = plan.calendar
    interval = np.inf if calendar is None else calendar.interval.days
    return MaintenanceView(
        as_of=plan.as_of,
        horizon_days=plan.terms.horizon_days,
        visit_cost=plan.terms.costs.visit,
        failure_cost=plan.terms.costs.failure,
        model=None if model is None else model.name,
        model_reason=plan.choice.reason,
        scores=plan.choice.scores,
        basis=plan.log.basis,
        failures=int(plan.log.lives.is_failure.sum()),
        lifetimes=len(plan.log.lives),
        level=LEVEL,
        interval_days=None if np.isinf(interval) else interval,
        policies=_policies(plan),
        scopes=tuple(sorted(rows, key=_urgency)),
        scopes_known=len(plan.log.scopes),
        is_cut=plan.log.is_cut,
    )


def explain_maintenance(view: MaintenanceView) -> list[str]:
    """What to do and why, in sentences."""
    visits = sum(row.advice == "visit" for row in view.scopes)
    lines = [
        f"{visits} visits within {view.horizon_days:g} days for {view.scopes_known} scopes."
        if view.model
        else f"No calendar: {view.model_reason}.",
        f"Failures: {view.failures}, from {view.basis}; {view.lifetimes} lifetimes.",
    ]
    if view.model:
        lines.append(f"Model: {view.model_reason}.")
        lines.append(
            f"A visit costs {view.visit_cost:g}, a failure {view.failure_cost:g}"
            f" ({_interval_text(view)})."
        )
    if view.is_cut:
        lines.append("The log has more: only the newest records and busiest scopes were read.")
    return lines


def tabulate_scope(row: ScopeMaintenance) -> Mapping[str, object]:
    return {
        "scope": row.scope,
        "visit": None if row.visit_at is None else f"{row.visit_at:%Y-%m-%d %H:%M}",
        "risk, week": None if row.risk_week is None else readable_share(row.risk_week),
        "fails about": _date(row.median_at),
        "80 %": "" if row.early_at is None else f"{_date(row.early_at)} to {_date(row.late_at)}",
        "age": None if row.age_days is None else readable_duration(row.age_days * DAY_S),
        "failures": row.failures,
        "saving": None if row.saving is None else readable_number(row.saving),
        "why": row.reason,
    }


def tabulate_policy(row: PolicyFigures) -> Mapping[str, object]:
    return {
        "policy": row.policy,
        "visits": row.visits,
        "failures expected": readable_number(row.failures),
        "saving expected": readable_number(row.saving),
    }


def _rows(plan: MaintenancePlan) -> list[ScopeMaintenance]:
    place = {int(scope): at for at, scope in enumerate(plan.open_lives.scope)}
    visits = _visit_instants(plan)
    return [_row(plan, at, place.get(at), visits) for at in range(len(plan.log.scopes))]


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


def _policies(plan: MaintenancePlan) -> tuple[PolicyFigures, ...]:
    calendar = plan.calendar
    if calendar is None:
        return ()
    none = np.full(len(calendar.chosen), -1, dtype=np.int64)
    return (
        _figures(plan, calendar, "this calendar", calendar.chosen),
        _figures(plan, calendar, "fixed interval", calendar.fixed),
        _figures(plan, calendar, "no visits", none),
    )


def _figures(
    plan: MaintenancePlan, calendar: VisitCalendar, name: str, slots: Ints
) -> PolicyFigures:
    horizon, days = plan.terms.horizon_days, calendar.remaining.days
    saving, failures = 0.0, 0.0
    for at, slot in enumerate(slots.tolist()):
        alive, until = calendar.remaining.alive[at], horizon
        if slot >= 0:
            saving += float(calendar.gains[at, slot])
            until = min(float(plan.slots.days[slot]), horizon)
            left = float(np.interp(until, days, alive))
            failures += left * (1 - float(np.interp(horizon - until, days, calendar.as_new[at])))
        failures += 1 - float(np.interp(until, days, alive))
    return PolicyFigures(name, int((slots >= 0).sum()), failures, saving)


def _urgency(row: ScopeMaintenance) -> tuple[bool, float, float, str]:
    at = row.visit_at
    return (at is None, at.timestamp() if at else 0.0, -(row.risk_week or 0.0), row.scope)


def _interval_text(view: MaintenanceView) -> str:
    if view.interval_days is None:
        return "the best fixed interval: none, run to failure"
    return f"the best fixed interval: {view.interval_days:.0f} days"


def _date(at: datetime | None) -> str:
    return "later" if at is None else f"{at:%Y-%m-%d}"
