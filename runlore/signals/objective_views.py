"""Service objectives as the terminal, HTTP and the console show them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite

import numpy as np

from runlore.kernel.instants import from_us
from runlore.kernel.readable import readable_duration, readable_number, readable_share
from runlore.signals.actions.objectives import ObjectiveStatus, conclude_burn, conclude_end
from runlore.signals.rules.objectives.burn_alerts import BurnVerdict
from runlore.signals.rules.objectives.error_budget import budget_left, burn_history
from runlore.specs.objective_spec import (
    CounterEvents,
    ExecutionEvents,
    ObjectiveEvents,
    ObjectiveSpec,
)

MOST_DRAWN = 336


@dataclass(frozen=True)
class WindowBurnView:
    """burn: None without events. low, high: its interval of 95 %."""

    window_s: int
    events: float
    bad: float
    burn: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class BurnAlertView:
    """What a rule of the policy says. state: firing, quiet or unknown."""

    severity: str
    factor: float
    long_s: int
    short_s: int
    state: str
    chance: float


@dataclass(frozen=True)
class ObjectiveView:
    """sli: share of good events. budget: events that may be bad. left: share of the budget."""

    name: str
    description: str
    target: float
    period_s: int
    as_of: datetime
    state: str
    events: float
    bad: float
    sli: float | None
    sli_low: float | None
    sli_high: float | None
    budget: float
    left: float | None
    burns: tuple[WindowBurnView, ...]
    alerts: tuple[BurnAlertView, ...]
    rate_window_s: int
    spent_at: datetime | None
    spent_at_earliest: datetime | None
    spent_at_latest: datetime | None
    conclusion: str
    first_event_at: datetime | None
    newest_event_at: datetime | None


@dataclass(frozen=True)
class BudgetStep:
    """left: share of the period's budget after the step. burns: window in seconds -> rate."""

    at: datetime
    events: float
    bad: float
    left: float | None
    burns: dict[int, float | None]


def show_objective(status: ObjectiveStatus) -> ObjectiveView:
    budget, end, spec = status.budget, status.end, status.spec
    after = (end.after_s, end.earliest_s, end.latest_s)
    spent = [None if one is None else status.as_of + timedelta(seconds=one) for one in after]
    return ObjectiveView(
        name=spec.name,
        description=describe_objective(spec),
        target=spec.target,
        period_s=spec.period_s,
        as_of=status.as_of,
        state=state_of(status),
        events=budget.total,
        bad=budget.bad,
        sli=_known(budget.sli),
        sli_low=_known(budget.sli_low),
        sli_high=_known(budget.sli_high),
        budget=budget.allowed,
        left=_known(budget.left),
        burns=tuple(
            WindowBurnView(
                one.window_s, one.total, one.bad, *map(_known, (one.burn, one.low, one.high))
            )
            for one in status.burns
        ),
        alerts=tuple(_alert(verdict) for verdict in status.verdicts),
        rate_window_s=end.window_s,
        spent_at=spent[0],
        spent_at_earliest=spent[1],
        spent_at_latest=spent[2],
        conclusion=conclude_objective(status),
        first_event_at=status.first_at,
        newest_event_at=status.newest_at,
    )


def state_of(status: ObjectiveStatus) -> str:
    """page, ticket, spent, kept or no events: the gravest that holds."""
    severities = {verdict.rule.severity for verdict in status.firing}
    for severity in ("page", "ticket"):
        if severity in severities:
            return severity
    if not isfinite(status.budget.left):
        return "no events"
    return "spent" if status.budget.left <= 0 else "kept"


def describe_objective(spec: ObjectiveSpec) -> str:
    """
    >>> describe_objective(ObjectiveSpec("builds", ExecutionEvents("build"), 0.995))
    '99.5 % of executions of kind build succeed, over 28 d'
    """
    events = describe_events(spec.events)
    text = f"{100 * spec.target:.10g} % of {events}, over {readable_duration(spec.period_s)}"
    return f"{spec.description}: {text}" if spec.description else text


def describe_events(events: ObjectiveEvents) -> str:
    if isinstance(events, ExecutionEvents):
        filters = ("kind", "scope", "actor", "source")
        limits = [(name, getattr(events, name)) for name in filters]
        who = " and ".join(f"{name} {pattern}" for name, pattern in limits if pattern != "*")
        end = readable_duration(events.at_most_s) if events.good != "success" else ""
        what = {"success": "succeed", "duration": "last at most ", "wait": "wait at most "}
        return f"executions{f' of {who}' if who else ''} {what[events.good]}{end}"
    if isinstance(events, CounterEvents):
        part = f"are {events.good}" if events.good else f"are not {events.bad}"
        return f"{events.total} {part}"
    ends = [f"at least {readable_number(events.lower)}"] if isfinite(events.lower) else []
    ends += [f"at most {readable_number(events.upper)}"] if isfinite(events.upper) else []
    return f"the points of {events.series} are {' and '.join(ends)}"


def conclude_objective(status: ObjectiveStatus) -> str:
    """How the objective stands, in two or three sentences."""
    budget = status.budget
    if not isfinite(budget.left):
        return f"No event in the last {readable_duration(status.spec.period_s)}."
    text = (
        f"{readable_number(budget.bad)} of {readable_number(budget.total)} events were bad;"
        f" {readable_number(budget.allowed)} may be. {conclude_end(status)}"
    )
    for verdict in status.firing[:1]:
        sentence = conclude_burn(verdict)
        text = f"{sentence[:1].upper()}{sentence[1:]}. {text}"
    return text


def tabulate_objective(status: ObjectiveStatus) -> dict[str, object]:
    budget = status.budget
    is_known = isfinite(budget.left)
    return {
        "objective": status.spec.name,
        "target": f"{100 * status.spec.target:.10g} %",
        "good": precise_share(budget.sli) if is_known else "no events",
        "95 % interval": (
            f"{precise_share(budget.sli_low)} to {precise_share(budget.sli_high)}"
            if is_known
            else ""
        ),
        "budget left": readable_share(budget.left) if is_known else "unknown",
        "state": state_of(status),
    }


def tabulate_burn(burn: WindowBurnView) -> dict[str, object]:
    if burn.burn is None or burn.low is None or burn.high is None:
        rates = {"burn rate": "no events", "95 % interval": ""}
    else:
        interval = f"{readable_number(burn.low)} to {readable_number(burn.high)}"
        rates = {"burn rate": readable_number(burn.burn), "95 % interval": interval}
    events = {"events": readable_number(burn.events), "bad": readable_number(burn.bad)}
    return {"window": readable_duration(burn.window_s), **events, **rates}


def budget_history(status: ObjectiveStatus) -> list[BudgetStep]:
    """At most MOST_DRAWN steps of the period, each at its end."""
    counts, allowed = status.counts, status.spec.allowed
    every = -(-len(counts.total) // MOST_DRAWN)
    ends = np.arange(len(counts.total) - 1, -1, -every)[::-1]
    total, bad = (np.cumsum(values)[ends] for values in (counts.total, counts.bad))
    left = budget_left(counts, allowed)[ends]
    burns = {
        burn.window_s: burn_history(counts, burn.window_s, allowed)[ends]
        for burn in status.burns
        if burn.window_s >= every * counts.step_s
    }
    step_us = counts.step_s * 1_000_000
    last = len(counts.total) - 1
    return [
        BudgetStep(
            from_us(counts.end_us - int(last - end) * step_us),
            float(total[place] - (total[place - 1] if place else 0.0)),
            float(bad[place] - (bad[place - 1] if place else 0.0)),
            _known(float(left[place])),
            {window_s: _known(float(rates[place])) for window_s, rates in burns.items()},
        )
        for place, end in enumerate(ends)
    ]


def precise_share(share: float) -> str:
    """A share near 1, with the digits that count.

    >>> precise_share(0.99531), precise_share(1.0)
    ('99.53 %', '100 %')
    """
    return f"{100 * share:.4g} %"


def _alert(verdict: BurnVerdict) -> BurnAlertView:
    rule = verdict.rule
    return BurnAlertView(
        rule.severity, rule.factor, rule.long_s, rule.short_s, verdict.state, verdict.chance
    )


def _known(value: float) -> float | None:
    return value if isfinite(value) else None
