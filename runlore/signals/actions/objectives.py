"""How service objectives stand: budget, burn rates, alerts, and when the budget will be spent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from runlore.alerts.actions.handling import raise_alert, resolve_alert
from runlore.alerts.queries import anomalies
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.kernel.errors import NotFound
from runlore.kernel.instants import from_us
from runlore.kernel.readable import readable_duration, readable_number, readable_share
from runlore.signals.queries.objective_counts import read_counts
from runlore.signals.rules.objectives.burn_alerts import (
    BurnState,
    BurnVerdict,
    judge_burn,
    severity_state,
)
from runlore.signals.rules.objectives.error_budget import (
    BudgetEnd,
    ErrorBudget,
    EventCounts,
    WindowBurn,
    budget_end,
    error_budget,
    window_burn,
)
from runlore.specs.objective_spec import KIND, BurnSeverity, ObjectiveSpec
from runlore.store.engine import Store

SEVERITIES: dict[BurnSeverity, Severity] = {"page": Severity.CRITICAL, "ticket": Severity.WARNING}


@dataclass(frozen=True)
class ObjectiveStatus:
    """How an objective stood at an instant. end: at the rate of the window that decides.

    first_at, newest_at: the steps of the first and newest event of the period; None without one.
    """

    spec: ObjectiveSpec
    as_of: datetime
    counts: EventCounts
    budget: ErrorBudget
    burns: tuple[WindowBurn, ...]
    verdicts: tuple[BurnVerdict, ...]
    end: BudgetEnd
    first_at: datetime | None
    newest_at: datetime | None

    def state(self, severity: BurnSeverity) -> BurnState:
        return severity_state(self.verdicts, severity)

    @property
    def firing(self) -> tuple[BurnVerdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.state == "firing")


def find_objective(specs: Sequence[ObjectiveSpec], name: str) -> ObjectiveSpec:
    """Raises NotFound for a name that no objective has."""
    for spec in specs:
        if spec.name == name:
            return spec
    known = ", ".join(spec.name for spec in specs) or "none; see RUNLORE_OBJECTIVES"
    raise NotFound(f"no objective is named {name[:80]!r}; there are: {known}")


def read_objectives(
    store: Store, specs: Iterable[ObjectiveSpec], as_of: datetime
) -> list[ObjectiveStatus]:
    """How each objective stood at an instant, from what was known then; each by one statement."""
    return [read_objective(store, spec, as_of) for spec in specs]


def read_objective(store: Store, spec: ObjectiveSpec, as_of: datetime) -> ObjectiveStatus:
    """How an objective stood at an instant. Reads its period only."""
    with store.connect() as connection:
        counts = read_counts(connection, spec.events, as_of, spec.period_s, spec.step_s)
    return judge_objective(spec, counts)


def judge_objective(spec: ObjectiveSpec, counts: EventCounts) -> ObjectiveStatus:
    """What the counts of a whole period say of an objective."""
    verdicts = _verdicts(spec, counts)
    firing = [verdict.rule.long_s for verdict in verdicts if verdict.state == "firing"]
    slow = max((rule.long_s for rule in spec.policy), default=spec.period_s)
    window_s = min(firing) if firing else slow
    steps = np.flatnonzero(counts.total > 0)
    first, newest = (_end_of(counts, steps[place]) if len(steps) else None for place in (0, -1))
    return ObjectiveStatus(
        spec,
        from_us(counts.end_us),
        counts,
        error_budget(counts, spec.allowed),
        tuple(window_burn(counts, window_s, spec.allowed) for window_s in spec.windows_s),
        verdicts,
        budget_end(counts, window_s, spec.allowed),
        first,
        newest,
    )


def watch_objectives(
    store: Store, specs: Sequence[ObjectiveSpec], at: datetime
) -> list[ObjectiveStatus]:
    """Raise an alert per burning objective and severity; resolve those that are over.

    Reads only the windows of the policy; of what fires, the whole period. An alert whose windows
    have no events stays as it is. Returns what fires.
    """
    looked = [(spec, _recent(store, spec, at)) for spec in specs if spec.policy]
    judged = {spec.name: _verdicts(spec, counts) for spec, counts in looked}
    burning = [
        read_objective(store, spec, at)
        for spec, _ in looked
        if any(verdict.state == "firing" for verdict in judged[spec.name])
    ]
    findings = {one.subject: one for status in burning for one in _findings(status)}
    standing = {
        subject_of(name, severity)
        for name, verdicts in judged.items()
        for severity in SEVERITIES
        if severity_state(verdicts, severity) == "unknown"
    }
    with store.begin() as connection:
        opened = {alert.subject for alert in anomalies.read_open(connection, KIND)}
        for subject in sorted({*findings, *(opened - standing)}):
            if subject in findings:
                raise_alert(connection, findings[subject], at)
            else:
                resolve_alert(connection, KIND, subject, at)
    return burning


def subject_of(name: str, severity: BurnSeverity) -> str:
    """What an alert of an objective is about."""
    return f"{name} ({severity})"


def conclude_burn(verdict: BurnVerdict) -> str:
    """What a firing rule saw, in a sentence."""
    long, short = verdict.long, verdict.short
    return (
        f"the error budget burns {readable_number(long.burn)} times too fast over"
        f" {readable_duration(long.window_s)} ({readable_number(long.bad)} of"
        f" {readable_number(long.total)} bad) and {readable_number(short.burn)} times over"
        f" {readable_duration(short.window_s)}"
    )


def conclude_end(status: ObjectiveStatus) -> str:
    """When the budget is spent, in a sentence."""
    end = status.end
    window = readable_duration(end.window_s)
    if status.budget.left <= 0:
        return "The budget is spent."
    burn = next((one for one in status.burns if one.window_s == end.window_s), None)
    if burn is None or burn.total == 0:
        return f"No event in the last {window}: when the budget is spent is unknown."
    if end.after_s is None:
        text = f"At the rate of the last {window}, the budget is not spent within the period"
    else:
        text = (
            f"At the rate of the last {window}, the budget is spent in"
            f" {readable_duration(end.after_s)}"
        )
    if end.earliest_s is None:
        return f"{text}."
    latest = "never" if end.latest_s is None else readable_duration(end.latest_s)
    return f"{text} (95 % interval: {readable_duration(end.earliest_s)} to {latest})."


def _recent(store: Store, spec: ObjectiveSpec, at: datetime) -> EventCounts:
    with store.connect() as connection:
        return read_counts(connection, spec.events, at, max(spec.windows_s), spec.step_s)


def _verdicts(spec: ObjectiveSpec, counts: EventCounts) -> tuple[BurnVerdict, ...]:
    return tuple(judge_burn(counts, rule, spec.allowed) for rule in spec.policy)


def _end_of(counts: EventCounts, step: int) -> datetime:
    after = len(counts.total) - 1 - int(step)
    return from_us(counts.end_us) - timedelta(seconds=after * counts.step_s)


def _findings(status: ObjectiveStatus) -> list[AlertFinding]:
    """One per severity that fires, of its rule with the shortest windows."""
    found = {}
    for verdict in sorted(status.firing, key=lambda one: -one.rule.long_s):
        found[verdict.rule.severity] = verdict
    return [_finding(status, verdict) for verdict in found.values()]


def _finding(status: ObjectiveStatus, verdict: BurnVerdict) -> AlertFinding:
    spec, budget, long = status.spec, status.budget, verdict.long
    return AlertFinding(
        KIND,
        subject_of(spec.name, verdict.rule.severity),
        SEVERITIES[verdict.rule.severity],
        f"{conclude_burn(verdict)}{_rest(budget)}. {conclude_end(status)}",
        f"the burn rate over {readable_duration(long.window_s)} is {readable_number(long.low)} to"
        f" {readable_number(long.high)} (95 %); were the objective met, so many bad events would"
        f" have a chance of at most {verdict.chance:.2g}",
        "find what fails or is slow; the alert ends when the short window burns slower:"
        f" runlore signals objectives '{spec.name}'",
        evidence={
            "objective": spec.name,
            "target": spec.target,
            "factor": verdict.rule.factor,
            "burn": long.burn,
            "burn_short": verdict.short.burn,
            "bad": long.bad,
            "total": long.total,
            "budget_left": budget.left,
        }
        | ({"scope": spec.scope} if spec.scope else {}),
    )


def _rest(budget: ErrorBudget) -> str:
    return f"; {readable_share(budget.left)} of the budget is left" if budget.left > 0 else ""
