"""Keep an alert open for each scope whose watched series have an anomaly now."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from runlore.alerts.actions.handling import raise_alert, resolve_alert
from runlore.alerts.queries.anomalies import read_open
from runlore.alerts.rules.finding import LONGEST_SUBJECT, AlertFinding, Severity, line
from runlore.kernel.durations import DAY_S
from runlore.kernel.readable import readable_number
from runlore.signals import queries
from runlore.signals.actions import stream_batches
from runlore.signals.actions.anomalies import (
    MOST_SERIES,
    AnomalyQuery,
    SeriesAnomaly,
    find_anomalies_of,
)
from runlore.signals.actions.regressions import SOURCE
from runlore.signals.rules.anomalies.alarm_budget import SILENCE_S
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store

KIND = "anomaly"
LASTS = timedelta(seconds=SILENCE_S)  # after its last unusual point
MOST_LISTED = 100_000
MOST_POINTS = 5_000_000
MOST_SHOWN, MOST_NAMED = 20, 3  # anomalies of one alert


def watch_anomalies(
    store: Store, specs: Sequence[SeriesSpec], at: datetime
) -> dict[str, list[SeriesAnomaly]]:
    """Raise one alert for each scope with anomalies, and resolve those that are gone.

    Watched are the series that are made from executions, and those that a spec takes; of more than
    MOST_SERIES, those with the newest points. A scope with an open incident has no second alert.
    Returns the anomalies by the subject of their alert.
    """
    with store.connect() as connection:
        listed = queries.list_series(connection, MOST_LISTED)
    watched = [
        one
        for one in listed
        if one.source == SOURCE or any(s.takes(one.name, one.scope, one.source) for s in specs)
    ]
    newest = sorted(watched, key=lambda one: one.last_at, reverse=True)[:MOST_SERIES]
    query = AnomalyQuery(at, at - LASTS, most_points=MOST_POINTS)
    found = group_by_cause(find_anomalies_of(store, newest, query))
    with store.begin() as connection:
        told = {one.subject for one in read_open(connection, stream_batches.KIND)}
        raised = {subject: rows for subject, rows in found.items() if subject not in told}
        standing = {one.subject for one in read_open(connection, KIND)}
        for subject in sorted(standing | set(raised)):
            if subject in raised:
                raise_alert(connection, _finding(subject, raised[subject]), at)
            else:
                resolve_alert(connection, KIND, subject, at)
    return raised


def group_by_cause(found: Sequence[SeriesAnomaly]) -> dict[str, list[SeriesAnomaly]]:
    """Anomalies by their scope, or by their series where it has none; the oldest first."""
    causes: dict[str, list[SeriesAnomaly]] = {}
    for one in sorted(found, key=lambda one: one.since):
        causes.setdefault(line(one.scope or one.series, LONGEST_SUBJECT), []).append(one)
    return causes


def _finding(subject: str, found: Sequence[SeriesAnomaly]) -> AlertFinding:
    named = "; ".join(_conclude(one) for one in found[:MOST_NAMED])
    more = f"; and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    known = [one.probability for one in found if one.probability is not None]
    return AlertFinding(
        KIND,
        subject,
        Severity.WARNING,
        f"{subject}: {named}{more}",
        f"the rarest has a probability of {min(known):.1e} by its past" if known else "",
        "look at the series: `runlore signals anomalies`; `runlore signals dismiss` says that a"
        " point is none; the alert ends when nothing was unusual for 12 hours",
        since=found[0].since,
        evidence={
            "scope": found[0].scope,
            "count": len(found),
            "anomalies": [_evidence(one) for one in found[:MOST_SHOWN]],
        },
    )


def _conclude(one: SeriesAnomaly) -> str:
    since = f"since {one.since:%Y-%m-%d %H:%M} UTC"
    if not one.series:
        kind = one.kind.removeprefix("many-")
        return f"{one.seen:.0f} series {kind} at once {since}"
    if one.rhythm is not None:
        cycle = "day" if one.rhythm.period_s == DAY_S else "week"
        return f"the {cycle} of {one.series} is {one.rhythm.what} {since}"
    usual = "" if one.expected is None else f", not {readable_number(one.expected)}"
    return f"{one.series} ({one.kind}) {readable_number(one.seen)}{usual} {since}"


def _evidence(one: SeriesAnomaly) -> Mapping[str, object]:
    return asdict(replace(one, others=list(one.others[:MOST_SHOWN])))
