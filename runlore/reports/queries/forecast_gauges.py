"""Forecasts and incidents of series for `/metrics`: a bounded number of series."""

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
# Errors of different series have different units; each counts by its share of its baseline's.
SKILL = text("""
SELECT spec, horizon_s::bigint::text AS horizon,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY error / nullif(baseline_error, 0)) AS error,
    sum(inside) / sum(points) AS coverage
FROM (
    SELECT spec, horizon_s, sum(points)::float8 AS points, sum(inside)::float8 AS inside,
        sum(error * points) / sum(points) AS error,
        sum(baseline_error * points) / sum(points) AS baseline_error
    FROM runlore.series_forecasts
    WHERE points > 0 AND scored_at > now() - make_interval(days => :days)
    GROUP BY spec, horizon_s, source, name, scope
) AS series
GROUP BY spec, horizon_s ORDER BY spec, horizon_s LIMIT :most
""")
DEVIATING = text("""
SELECT count(DISTINCT incident.id) AS incidents, count(moved.series_id) AS series
FROM runlore.incidents AS incident
LEFT JOIN runlore.incident_series AS moved
    ON moved.incident_id = incident.id AND moved.ended_at IS NULL
WHERE incident.resolved_at IS NULL
""")
SKILL_DAYS = 28
SeriesLabels = tuple[str, str, str]
SkillLabels = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ForecastGauges:
    """value, low, high: by (series, scope, source), in the unit of the series.

    error, coverage: by (spec, horizon in seconds). error: the median over the series, as a share of
    that of the last season again. incidents, deviating: open ones, and series that are in them.
    """

    value: Mapping[SeriesLabels, float]
    low: Mapping[SeriesLabels, float]
    high: Mapping[SeriesLabels, float]
    error: Mapping[SkillLabels, float]
    coverage: Mapping[SkillLabels, float]
    incidents: int
    deviating: int


def read_forecast_gauges(store: Store) -> ForecastGauges:
    """Of the newest forecast of each series the step of now; skill of SKILL_DAYS.

    Raises Unavailable.
    """
    with store.begin() as connection:
        connection.execute(TIMEOUT)
        rows = connection.execute(CURRENT, {"most": MOST_SERIES}).all()
        wanted = {"most": MOST_SERIES, "days": SKILL_DAYS}
        skill = {(row.spec, row.horizon): row for row in connection.execute(SKILL, wanted)}
        open_now = connection.execute(DEVIATING).one()
    named = {(row.name, row.scope, row.source): row for row in rows}
    return ForecastGauges(
        {labels: row.value for labels, row in named.items()},
        {labels: row.low for labels, row in named.items()},
        {labels: row.high for labels, row in named.items()},
        {labels: row.error for labels, row in skill.items() if row.error is not None},
        {labels: row.coverage for labels, row in skill.items()},
        open_now.incidents,
        open_now.series,
    )
