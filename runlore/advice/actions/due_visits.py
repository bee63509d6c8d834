"""Visits that are due: on the ledger, as an alert each, and what came of those before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from runlore.advice.actions.failure_log import FailureDefinition
from runlore.advice.actions.maintenance import MaintenancePlan, VisitTerms, plan_maintenance
from runlore.advice.actions.scope_maintenance import ScopeMaintenance, list_scopes
from runlore.advice.queries.advice_ledger import (
    VISIT,
    LedgerAdvice,
    NewAdvice,
    insert_score,
    insert_visits,
    read_visit_advice,
)
from runlore.advice.queries.renewals import has_kinds
from runlore.advice.rules.maintenance.visit_costs import MaintenanceCosts
from runlore.advice.rules.maintenance.visit_outcome import (
    VisitRecord,
    VisitState,
    count_visits,
    settle_visit,
)
from runlore.alerts.actions.handling import raise_alert, resolve_alert
from runlore.alerts.queries.anomalies import read_open
from runlore.alerts.rules.finding import LONGEST_SUBJECT, AlertFinding, Severity, line
from runlore.kernel.errors import BadInput, Misconfigured
from runlore.kernel.readable import readable_share
from runlore.specs.maintenance_spec import MaintenanceSpec
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store

KIND = "maintenance-due"
REQUESTER = "daily maintenance"
STEPS = 13  # points of the curve that an entry keeps
SETTLED = timedelta(days=400)  # older entries stay as they are


@dataclass(frozen=True)
class MaintenanceWatch:
    """scopes: whose risk is known. due: those with a visit due. settled: outcomes that are new."""

    scopes: int
    due: int
    settled: int


@dataclass(frozen=True, eq=False)
class _Standing:
    """A scope under the spec that takes it. alive: from now, on the days of the ledger's entry."""

    spec: MaintenanceSpec
    row: ScopeMaintenance
    is_known: bool
    alive: tuple[list[float], list[float]] | None
    renewals: list[tuple[datetime, bool]]

    def why_due(self, at: datetime) -> str | None:
        visit, risk = self.row.visit_at, self.row.risk_week
        if visit is not None and visit - at <= timedelta(days=self.spec.lead_days):
            return "visit"
        return "risk" if risk is not None and risk >= self.spec.most_risk else None

    def is_of_this_life(self, one: LedgerAdvice | None, at: datetime) -> bool:
        """Whether nothing has renewed the scope since that entry."""
        if one is None or self.row.age_days is None:
            return False
        return one.issued_at > at - timedelta(days=self.row.age_days)


def watch_maintenance(
    store: Store, specs: Sequence[MaintenanceSpec], series: Sequence[SeriesSpec], at: datetime
) -> MaintenanceWatch:
    """Record visits that are due, keep an alert for each, and settle the ones before.

    An alert ends with a visit or failure of its scope, when a person dismisses the entry, or when
    its risk is gone. Raises Misconfigured for a spec whose terms make no sense.
    """
    standings = _standings(store, specs, series, at)
    newest = _newest(store, at)
    due = [one for one in standings.values() if one.why_due(at)]
    fresh = [one for one in due if not one.is_of_this_life(newest.get(one.row.scope), at)]
    insert_visits(store, [_new(one, at) for one in fresh], REQUESTER, at)
    _keep_alerts(store, standings, _newest(store, at), at)
    known = sum(one.row.risk_week is not None for one in standings.values())
    return MaintenanceWatch(known, len(due), _settle(store, standings, at))


def visit_record(store: Store, as_of: datetime) -> VisitRecord:
    """Of all visits on the ledger, as known at an instant."""
    rows = read_visit_advice(store, as_of)
    return count_visits(
        [(state_of(one), (one.score or {}).get("foreseen"), is_dismissed(one)) for one in rows]
    )


def state_of(one: LedgerAdvice) -> VisitState:
    """As it was settled last."""
    return one.score["state"] if one.score else "open"


def is_dismissed(one: LedgerAdvice) -> bool:
    """By a person: no alert is kept for it, and what comes of it is still counted."""
    return one.decision == "dismiss"


def _standings(
    store: Store, specs: Sequence[MaintenanceSpec], series: Sequence[SeriesSpec], at: datetime
) -> dict[str, _Standing]:
    """By scope; the first spec that takes it counts."""
    found: dict[str, _Standing] = {}
    for spec in specs:
        if spec.failures == "kind" and not has_kinds(store, spec.failure_kinds):
            continue
        plan = plan_maintenance(store, series, *_terms(spec), at)
        for one in _of_plan(spec, plan):
            found.setdefault(one.row.scope, one)
    return found


def _terms(spec: MaintenanceSpec) -> tuple[FailureDefinition, VisitTerms]:
    try:
        defined = FailureDefinition(
            spec.failures,
            spec.failure_kinds,
            spec.visit_kinds,
            spec.inputs,
            spec.same_hours,
            spec.age_from,
            spec.gone_days,
            spec.scope,
            spec.only_renewed,
        )
        costs = MaintenanceCosts(spec.visit_cost, spec.failure_cost)
        return defined, VisitTerms(
            costs, spec.horizon_days, spec.crews, spec.visit_hours, spec.pool
        )
    except BadInput as error:
        raise Misconfigured(f"maintenance spec {spec.name!r}: {error}") from error


def _of_plan(spec: MaintenanceSpec, plan: MaintenancePlan) -> Iterator[_Standing]:
    renewals: dict[str, list[tuple[datetime, bool]]] = {}
    for one in plan.log.renewals:
        renewals.setdefault(one.scope, []).append((one.at, one.is_failure))
    scopes = [plan.log.scopes[at].scope for at in plan.open_lives.scope.tolist()]
    place = {scope: at for at, scope in enumerate(scopes)}
    days = np.linspace(0, spec.horizon_days, STEPS)
    for row in list_scopes(plan):
        alive = None
        if plan.calendar is not None and row.scope in place:
            remaining = plan.calendar.remaining
            shares = np.interp(days, remaining.days, remaining.alive[place[row.scope]])
            alive = (days.tolist(), shares.tolist())
        known = plan.calendar is not None
        yield _Standing(spec, row, known, alive, renewals.get(row.scope, []))


def _newest(store: Store, at: datetime) -> dict[str, LedgerAdvice]:
    found: dict[str, LedgerAdvice] = {}
    for one in read_visit_advice(store, at):
        found.setdefault(one.subject, one)
    return found


def _new(one: _Standing, at: datetime) -> NewAdvice:
    row, days = one.row, one.alive or ([], [])
    by = at if row.visit_at is None else row.visit_at
    evidence = {
        "spec": one.spec.name,
        "because": one.why_due(at),
        "visit_at": _iso(row.visit_at),
        "visit_until": _iso(row.visit_until),
        "risk_week": row.risk_week,
        "risk_horizon": row.risk_horizon,
        "horizon_days": one.spec.horizon_days,
        "median_at": _iso(row.median_at),
        "age_days": row.age_days,
        "failures": row.failures,
        "visits": row.visits,
        "saving": row.saving,
        "limit": row.limit,
        "alive_days": days[0],
        "alive": days[1],
    }
    kind, value = one.spec.visit_kinds[0], f"{by:%Y-%m-%d}"
    return NewAdvice("scope", row.scope, kind, VISIT, value, "use", "failures", evidence)


def _keep_alerts(
    store: Store,
    standings: Mapping[str, _Standing],
    newest: Mapping[str, LedgerAdvice],
    at: datetime,
) -> None:
    with store.begin() as connection:
        opened = {alert.subject for alert in read_open(connection, KIND)}
        kept = set()
        for scope in sorted(standings):
            one, entry = standings[scope], newest.get(scope)
            subject = line(scope, LONGEST_SUBJECT)
            if entry is None or is_dismissed(entry) or not one.is_of_this_life(entry, at):
                continue
            if one.why_due(at):
                raise_alert(connection, _finding(one, entry, at), at)
                kept.add(subject)
            elif not one.is_known or one.row.visit_at is not None:  # a calendar moves its visits
                kept.add(subject)
        for subject in sorted(opened - kept):
            resolve_alert(connection, KIND, subject, at)


def _finding(one: _Standing, entry: LedgerAdvice, at: datetime) -> AlertFinding:
    row, spec = one.row, one.spec
    week, horizon = readable_share(row.risk_week or 0.0), readable_share(row.risk_horizon or 0.0)
    is_risky = (row.risk_week or 0.0) >= spec.most_risk
    what = (
        f"{row.scope}: a visit is due on {row.visit_at:%Y-%m-%d %H:%M} UTC"
        if one.why_due(at) == "visit"
        else f"{row.scope} fails within a week with a probability of {week}"
    )
    return AlertFinding(
        KIND,
        line(row.scope, LONGEST_SUBJECT),
        Severity.CRITICAL if is_risky else Severity.WARNING,
        what,
        f"risk {week} in a week and {horizon} in {spec.horizon_days:g} days, from"
        f" {row.failures} failures of it and those of all like it",
        f"{_remedy(one, entry)}; to leave it: runlore advise dismiss {entry.id}",
        evidence={
            "advice": entry.id,
            "spec": spec.name,
            "visit_at": _iso(row.visit_at),
            "risk_week": row.risk_week,
            "risk_horizon": row.risk_horizon,
            "most_risk": spec.most_risk,
        },
    )


def _remedy(one: _Standing, entry: LedgerAdvice) -> str:
    if one.row.visit_at is None:
        return (
            "a visit does not pay, so look for the cause: runlore advise why; it ends when the risk"
            f" is below {readable_share(one.spec.most_risk)}, which is most_risk in its spec"
        )
    return f"visit it, and record that as a succeeded execution of kind {entry.kind!r}"


def _settle(store: Store, standings: Mapping[str, _Standing], at: datetime) -> int:
    """What came of entries is written again where facts that came late change it."""
    changed = 0
    for one in read_visit_advice(store, at):
        standing = standings.get(one.subject)
        is_mine = standing is not None and standing.spec.name == one.evidence["spec"]
        if standing is None or not is_mine or at - one.issued_at > SETTLED:
            continue
        alive = (one.evidence["alive_days"], one.evidence["alive"])
        made = settle_visit(one.issued_at, alive, standing.renewals, at)
        if made.state == state_of(one):
            continue
        score: dict[str, Any] = vars(made) | {"at": _iso(made.at)}
        insert_score(store, one.id, at, score)
        changed += 1
    return changed


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
