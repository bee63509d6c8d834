"""What the newest forecasts say of this moment, for `/metrics`: a bounded number of series."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text

from runlore.store.engine import Store

MOST_SERIES = 200  # by name, scope and source
TIMEOUT = text("SET LOCAL statement_timeout = '2s'")
CURRENT = text("""
SELECT DISTINCT ON (name, scope, source) name, scope, source,
    value[step] AS value, low[step] AS low, high[step] AS high
FROM runlore.series_forecasts CROSS JOIN LATERAL (
    SELECT 1 + floor(extract(epoch FROM now() - starts_at) / step_s)::int AS step
) AS current
WHERE scored_at IS NULL AND cardinality(value) > 0
    AND ends_at > now() - make_interval(secs => step_s) AND step BETWEEN 1 AND cardinality(value)
ORDER BY name, scope, source, issued_at DESC, horizon_s LIMIT :most
""")
SeriesLabels = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class ForecastGauges:
    """Each by (series, scope, source), in the unit of the series."""

    value: Mapping[SeriesLabels, float]
    low: Mapping[SeriesLabels, float]
    high: Mapping[SeriesLabels, float]


def read_forecast_gauges(store: Store) -> ForecastGauges:
    """The step of now, of the newest forecast of each series. Raises Unavailable."""
    with store.begin() as connection:
        connection.execute(TIMEOUT)
        rows = connection.execute(CURRENT, {"most": MOST_SERIES}).all()
    named = {(row.name, row.scope, row.source): row for row in rows}
    return ForecastGauges(
        {labels: row.value for labels, row in named.items()},
        {labels: row.low for labels, row in named.items()},
        {labels: row.high for labels, row in named.items()},
    )
