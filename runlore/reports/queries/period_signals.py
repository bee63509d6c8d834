"""What series did in a period: alerts about them, and how right their forecasts were."""

from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

from runlore.reports.rules.signal_part import SIGNAL_KINDS, SignalRow, SkillRow

Connection = psycopg.Connection[Any]
MOST = 500
CAUSES: LiteralString = """
SELECT kind, subject, what, since,
    CASE WHEN resolved_at <= %(known_at)s THEN resolved_at END AS until
FROM runlore.anomalies
WHERE kind = ANY(%(kinds)s) AND opened_at < %(last)s AND opened_at <= %(known_at)s
    AND (resolved_at IS NULL OR resolved_at >= %(first)s)
ORDER BY since, id LIMIT %(limit)s
"""
SKILL: LiteralString = """
SELECT spec, horizon_s, count(*) AS series,
    count(*) FILTER (WHERE error < baseline_error) AS better, sum(points)::bigint AS points,
    coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY 1 - error / nullif(baseline_error, 0)),
        'NaN') AS gain,
    max(level) AS level, sum(inside)::float8 / sum(points) AS coverage
FROM (
    SELECT spec, horizon_s, sum(points) AS points, sum(inside) AS inside, max(level) AS level,
        sum(error * points) / sum(points) AS error,
        sum(baseline_error * points) / sum(points) AS baseline_error
    FROM runlore.series_forecasts
    WHERE points > 0 AND scored_at >= %(first)s AND scored_at < %(last)s
        AND scored_at <= %(known_at)s
    GROUP BY spec, horizon_s, source, name, scope
) AS series
GROUP BY spec, horizon_s ORDER BY spec, horizon_s
"""


def read_causes(
    connection: Connection, first: datetime, last: datetime, known_at: datetime
) -> list[SignalRow]:
    """The first MOST that stood at some instant from `first` on, before `last`."""
    values = {
        "first": first,
        "last": last,
        "known_at": known_at,
        "kinds": [*SIGNAL_KINDS],
        "limit": MOST,
    }
    with connection.cursor(row_factory=class_row(SignalRow)) as cursor:
        return cursor.execute(CAUSES, values).fetchall()


def read_skill_between(
    connection: Connection, first: datetime, last: datetime, known_at: datetime
) -> list[SkillRow]:
    """Of the forecasts that were scored then, by spec and horizon."""
    values = {"first": first, "last": last, "known_at": known_at}
    with connection.cursor(row_factory=class_row(SkillRow)) as cursor:
        return cursor.execute(SKILL, values).fetchall()
