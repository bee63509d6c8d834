"""What stands out now, with its evidence: open alerts of series, failures, forecasts, late data."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from runlore.alerts.queries import alerts
from runlore.alerts.queries.alerts import AlertQuery
from runlore.kernel.readable import readable_number, readable_share
from runlore.signals.actions.health import ScopeHealth, read_health
from runlore.signals.queries.outside_forecasts import OutsideForecast, read_outside
from runlore.signals.rules.health.health_states import PART_OF_KIND
from runlore.store.engine import Store

InsightKind = Literal[
    "incidents", "regressions", "limits", "objectives", "failures", "freshness", "forecast"
]
MOST_ALERTS = 200
MOST_FORECASTS = 200
DAY = timedelta(days=1)


@dataclass(frozen=True)
class SignalInsight:
    """subject: the scope or the series. alert: its id; None: there is none.

    advice: what to do; empty: nothing is known. evidence: numbers.
    """

    kind: InsightKind
    subject: str
    severity: str
    what: str
    certainty: str
    advice: str
    since: datetime | None
    alert: int | None
    evidence: Mapping[str, Any]


def read_insights(store: Store, at: datetime) -> list[SignalInsight]:
    """Open alerts of series first, then scopes that fail more than usual, forecasts, late data."""
    with store.begin() as connection:
        opened = alerts.read(connection, AlertQuery(limit=MOST_ALERTS))
    with store.connect() as connection:
        outside = read_outside(connection, at, MOST_FORECASTS)
    found = read_health(store, at)
    of_alerts = [
        SignalInsight(
            PART_OF_KIND[one.kind],
            one.subject,
            one.severity.value,
            one.what,
            one.certainty,
            one.advice,
            one.since,
            one.id,
            one.evidence,
        )
        for one in opened
        if one.kind in PART_OF_KIND
    ]
    of_scopes = [insight for scope in found.scopes for insight in _of_scope(scope, at)]
    return [*of_alerts, *of_scopes, *map(_of_forecast, outside)]


def _of_scope(scope: ScopeHealth, at: datetime) -> Iterator[SignalInsight]:
    for part in scope.parts:
        if part.name not in {"failures", "freshness"} or part.state < 1:
            continue
        numbers = {"state": part.state, "health": scope.health, "in the past": part.says}
        for one in part.evidence:
            since = one.since or (at - DAY if part.name == "failures" else None)
            yield SignalInsight(
                part.name, scope.scope, "info", one.what, part.says, "", since, None, numbers
            )


def _of_forecast(one: OutsideForecast) -> SignalInsight:
    way = "above" if one.seen > one.high else "below"
    return SignalInsight(
        "forecast",
        f"{one.name} of {one.scope}" if one.scope else one.name,
        "info",
        f"{readable_number(one.seen)} is {way} the band of its forecast,"
        f" {readable_number(one.low)} to {readable_number(one.high)}",
        f"the band is made for {readable_share(one.level)} of the values",
        "",
        one.at,
        None,
        asdict(one),
    )
