"""Causes as people and programs read them."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from runlore.advice.actions.causes import CauseAnswer
from runlore.advice.rules.causes.metric_levels import MovedMetric
from runlore.advice.rules.causes.search import Answer, Suspect, phrase
from runlore.kernel.readable import readable_share
from runlore.plots.style import wilson

MOST_METRICS = 20  # that moved


@dataclass(frozen=True)
class SuspectView:
    """expected: failures by its own time before. share: of all failures above the expected; None:
    failures did not rise.

    p: of such a difference by chance, corrected for all values looked at. rate, low, high: share
    that failed, with the interval of 95 % by Wilson; None: of no execution.
    """

    text: str
    what: str
    name: str
    value: str
    rows: int
    failed: int
    expected: float
    share: float | None
    p: float
    without_rows: int
    without_failed: int
    rate: float
    low: float
    high: float
    without_rate: float | None
    without_low: float | None
    without_high: float | None


@dataclass(frozen=True)
class MovedMetricView:
    """level: mean of the period. low, high: of 95 % of such periods before. p: corrected."""

    text: str
    name: str
    scope: str
    source: str
    level: float
    usual: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class CauseView:
    """answer: `cause`, `not known` or `no incident`. causes: more than one if they go together.

    risen: None: not known, too few failures to tell.
    """

    answer: Answer
    risen: bool | None
    text: str
    reason: str
    as_of: datetime
    since: datetime
    until: datetime
    kind: str | None
    scope: str | None
    execution: str | None
    rows: int
    failed: int
    expected: float
    p: float
    looked_at: int
    compared: int
    truncated: bool
    causes: tuple[SuspectView, ...]
    suspects: tuple[SuspectView, ...]
    metrics: tuple[MovedMetricView, ...]
    metrics_compared: int
    metrics_truncated: bool


def show_causes(one: CauseAnswer) -> CauseView:
    search, incident = one.search, one.search.incident
    return CauseView(
        answer=search.answer,
        risen=True if search.is_risen else False if search.answer == "no incident" else None,
        text=_text(one),
        reason=search.reason,
        as_of=one.question.as_of,
        since=one.since,
        until=one.until,
        kind=one.run.kind if one.run else one.question.kind,
        scope=one.question.scope,
        execution=one.question.execution,
        rows=incident.rows,
        failed=incident.failed,
        expected=incident.expected,
        p=incident.p,
        looked_at=search.looked_at,
        compared=one.compared,
        truncated=one.is_truncated,
        causes=tuple(map(show_suspect, search.causes)),
        suspects=tuple(show_suspect(x, is_risen=search.is_risen) for x in search.suspects),
        metrics=tuple(map(show_metric, one.moved[:MOST_METRICS])),
        metrics_compared=one.metrics,
        metrics_truncated=one.is_metrics_cut,
    )


def show_metric(one: MovedMetric) -> MovedMetricView:
    key = one.key
    name = f"{key.name} of {key.scope}" if key.scope else key.name
    text = f"{name}: {one.level:.4g}, usually {one.low:.4g} to {one.high:.4g}"
    return MovedMetricView(
        text,
        key.name,
        key.scope,
        key.source,
        one.level,
        one.usual,
        one.low,
        one.high,
        one.p,
    )


def tabulate_metric(one: MovedMetricView) -> dict[str, object]:
    return {
        "metric": f"{one.name} {one.scope}".strip(),
        "level": f"{one.level:.4g}",
        "usual": f"{one.low:.4g} to {one.high:.4g}",
        "p": f"{one.p:.2g}",
    }


def show_suspect(one: Suspect, *, is_risen: bool = True) -> SuspectView:
    low, high = wilson(
        np.array([one.failed, one.without_failed], float),
        np.array([one.rows, max(one.without_rows, 1)], float),
    )
    is_alone = one.without_rows == 0
    return SuspectView(
        phrase(one),
        one.what,
        one.name,
        one.value,
        one.rows,
        one.failed,
        one.expected,
        one.share if is_risen else None,
        one.p,
        one.without_rows,
        one.without_failed,
        one.failed / one.rows,
        float(low[0]),
        float(high[0]),
        None if is_alone else one.without_failed / one.without_rows,
        None if is_alone else float(low[1]),
        None if is_alone else float(high[1]),
    )


def tabulate_suspect(one: SuspectView) -> dict[str, object]:
    return {
        "value": one.text,
        "failed": f"{one.failed} of {one.rows}",
        "expected": f"{one.expected:.1f}",
        "without it": f"{one.without_failed} of {one.without_rows}",
        "explains": "" if one.share is None else readable_share(one.share),
        "p": f"{one.p:.2g}",
    }


def _moved(one: CauseAnswer) -> str:
    if not one.moved:
        return ""
    names = "; ".join(show_metric(moved).text for moved in one.moved[:3])
    return f" Moved at the same time: {names}."


def _text(one: CauseAnswer) -> str:
    search, incident = one.search, one.search.incident
    if search.answer == "no incident":
        return f"No incident: {search.reason}."
    if not search.is_risen:
        return f"Not known whether failures rose: {search.reason}."
    begin = f"{incident.failed} of {incident.rows} failed, {incident.expected:.1f} were expected."
    if search.answer == "not known":
        looked_at = f"({search.looked_at} values looked at)"
        return f"{begin} Not known why: {search.reason} {looked_at}.{_moved(one)}"
    first = search.causes[0]
    names = " and ".join(phrase(cause) for cause in search.causes[:4])
    together = " (they go together and cannot be told apart)" if len(search.causes) > 1 else ""
    return (
        f"{begin} Likely cause: {names}{together}: {first.failed} of {first.rows} failed with it,"
        f" {first.without_failed} of {first.without_rows} without; it explains"
        f" {readable_share(min(first.share, 1.0))} of the rise."
    )
