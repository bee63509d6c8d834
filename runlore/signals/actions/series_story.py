"""What is known of one series beside its forecast: its past, anomalies and earlier forecasts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runlore.signals import queries
from runlore.signals.actions import forecasting, issued_forecasts
from runlore.signals.actions.anomalies import AnomalyQuery, SeriesAnomaly, find_anomalies
from runlore.signals.actions.dismissals import list_dismissals
from runlore.signals.queries import StoredSeries
from runlore.signals.queries.dismissals import KeptDismissal
from runlore.signals.queries.forecast_ledger import SeriesSkill
from runlore.signals.rules.series.grid import SeriesGrid, to_grid
from runlore.store.engine import Store

PAST_POINTS = 2_000
MOST_TOGETHER = 12  # series of a scope that are searched together, to see which others moved
A_WEEK = 1.0  # alarms, of one series


@dataclass(frozen=True)
class SeriesStory:
    """anomalies: the newest first. together: how many series of the scope were searched.

    dismissals: of this series that hold. skill: of its issued forecasts, by spec and horizon.
    """

    anomalies: Sequence[SeriesAnomaly]
    together: int
    dismissals: Sequence[KeptDismissal]
    skill: Sequence[SeriesSkill]


def read_past(store: Store, series: StoredSeries, as_of: datetime) -> SeriesGrid | None:
    """Its newest points on a grid; None with fewer than two."""
    with store.connect() as connection:
        points = queries.read_points(connection, series, as_of, PAST_POINTS)
    return to_grid(points.at, points.value) if len(points.at) > 1 else None


def tell_series(
    store: Store, series: StoredSeries, since: datetime, as_of: datetime
) -> SeriesStory:
    """Anomalies since an instant, within a budget of one alarm a week and series."""
    listed = forecasting.list_series(store)
    together = sum(one.scope == series.scope for one in listed) if series.scope else 1
    is_alone = together > MOST_TOGETHER or together < 2
    if is_alone:
        query = AnomalyQuery(as_of, since, series.name, series.scope, A_WEEK)
    else:
        query = AnomalyQuery(as_of, since, None, series.scope, A_WEEK * together)
    found = find_anomalies(store, query)
    return SeriesStory(
        [one for one in found if _is_of(one.series, one.scope, one.source, series)],
        1 if is_alone else together,
        [
            one
            for one in list_dismissals(store, as_of)
            if _is_of(one.name, one.scope, one.source, series)
        ],
        [
            one
            for one in issued_forecasts.read_skill(store, series.name)
            if _is_of(one.name, one.scope, one.source, series)
        ],
    )


def _is_of(name: str, scope: str, source: str, series: StoredSeries) -> bool:
    return (name, scope, source) == (series.name, series.scope, series.source)
