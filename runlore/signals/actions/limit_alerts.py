"""Keep an alert open for each series that may reach its limit soon."""

from collections.abc import Sequence
from datetime import datetime

from runlore.alerts.actions.handling import raise_alert, resolve_alert
from runlore.alerts.queries.anomalies import read_open
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.signals.actions.limits import LimitForecast, conclude_limit, forecast_limits
from runlore.signals.actions.regressions import subject_of
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Store

KIND = "limit"


def watch_limits(store: Store, specs: Sequence[SeriesSpec], at: datetime) -> list[LimitForecast]:
    """Keep an alert open for each series that is, or may be within its lead time, at its limit.

    One that has no points any more stays as it was. Returns those at or near the limit.
    """
    made = forecast_limits(store, specs, at)
    subjects = {subject_of(one.series) for one in made}
    with store.begin() as connection:
        for one in sorted(made, key=lambda one: subject_of(one.series)):
            if one.is_due:
                raise_alert(connection, _finding(one), at)
            elif one.crossing.state != "withheld" or one.crossing.probability is not None:
                resolve_alert(connection, KIND, subject_of(one.series), at)
        for alert in read_open(connection, KIND):
            if alert.subject not in subjects:
                resolve_alert(connection, KIND, alert.subject, at)
    return [one for one in made if one.is_due]


def _finding(one: LimitForecast) -> AlertFinding:
    crossing = one.crossing
    dates = {
        name: at.isoformat() if at else None
        for name, at in (
            ("early", one.at(crossing.early)),
            ("median", one.at(crossing.median)),
            ("late", one.at(crossing.late)),
        )
    }
    return AlertFinding(
        KIND,
        subject_of(one.series),
        Severity.CRITICAL if crossing.state == "crossed" else Severity.WARNING,
        conclude_limit(one),
        "a simulation of its growth, noise, bursts and clean-ups",
        "make room or raise the limit in its series spec; a date beyond the spec's lead time ends"
        " this alert; to see it: runlore signals limit",
        evidence={
            "source": one.series.source,
            "series": one.series.name,
            "scope": one.series.scope,
            "limit": one.limit.limit,
            "side": one.limit.side,
            "value": one.last_value,
            "probability": crossing.probability,
            **dates,
        },
    )
