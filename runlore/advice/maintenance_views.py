"""The calendar of visits as the terminal, HTTP, calendars and the console show it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from runlore.advice.actions.maintenance import MaintenancePlan
from runlore.advice.actions.scope_maintenance import ScopeMaintenance, list_scopes
from runlore.advice.rules.maintenance.choosing import SurvivalScore
from runlore.advice.rules.maintenance.lifetimes import Ints
from runlore.advice.rules.maintenance.remaining import LEVEL
from runlore.advice.rules.maintenance.visit_calendar import VisitCalendar
from runlore.kernel.durations import DAY_S
from runlore.kernel.readable import readable_duration, readable_number, readable_share


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
    """scope: only this one."""
    rows = [row for row in list_scopes(plan) if scope is None or row.scope == scope]
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
        scopes=tuple(rows),
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


def _interval_text(view: MaintenanceView) -> str:
    if view.interval_days is None:
        return "the best fixed interval: none, run to failure"
    return f"the best fixed interval: {view.interval_days:.0f} days"


def _date(at: datetime | None) -> str:
    return "later" if at is None else f"{at:%Y-%m-%d}"
