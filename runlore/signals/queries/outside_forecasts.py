"""Series whose newest point is outside the band of the forecast that was issued before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

Connection = psycopg.Connection[Any]

OUTSIDE: LiteralString = """
WITH current AS (
    SELECT DISTINCT ON (name, scope, source) * FROM runlore.series_forecasts
    WHERE scored_at IS NULL AND cardinality(value) > 0 AND issued_at <= %(at)s
        AND ends_at > %(at)s - make_interval(secs => step_s)
    ORDER BY name, scope, source, issued_at DESC, horizon_s LIMIT %(limit)s
), placed AS (
    SELECT current.*, newest.at, newest.seen,
        1 + floor(extract(epoch FROM newest.at - starts_at) / step_s)::int AS step
    FROM current CROSS JOIN LATERAL (
        SELECT m.at, m.value AS seen FROM runlore.metrics AS m
        WHERE (m.source, m.name, m.scope) = (current.source, current.name, current.scope)
            AND m.at > current.issued_at AND m.at <= %(at)s AND m.known_at <= %(at)s
        ORDER BY m.at DESC, m.revision DESC LIMIT 1
    ) AS newest
    WHERE NOT EXISTS (SELECT FROM runlore.series AS catalog
        WHERE (catalog.source, catalog.name, catalog.scope)
            = (current.source, current.name, current.scope) AND catalog.kind = 'counter')
)
SELECT source, name, scope, at, seen, value[step] AS expected, low[step] AS low,
    high[step] AS high, level, issued_at
FROM placed
WHERE step BETWEEN 1 AND cardinality(value) AND NOT seen BETWEEN low[step] AND high[step]
ORDER BY name, scope, source
"""


@dataclass(frozen=True, slots=True)
class OutsideForecast:
    """seen: the newest point, at `at`. low, high: the band then, for `level` of the values."""

    source: str
    name: str
    scope: str
    at: datetime
    seen: float
    expected: float
    low: float
    high: float
    level: float
    issued_at: datetime


def read_outside(connection: Connection, at: datetime, limit: int) -> Sequence[OutsideForecast]:
    """Of the newest forecast of each series; counters, whose forecasts are of rates, are left out.

    limit: of the forecasts that are looked at.
    """
    with connection.cursor(row_factory=class_row(OutsideForecast)) as cursor:
        return cursor.execute(OUTSIDE, {"at": at, "limit": limit}).fetchall()
