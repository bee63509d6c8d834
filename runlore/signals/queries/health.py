"""What was known of each scope on past days: executions, alerts, and how new its data was."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

Connection = psycopg.Connection[Any]

# Compiling for all partitions would take seconds, running takes less.
WITHOUT_JIT: LiteralString = "SET LOCAL jit = off"
# until_day: the day from whose end on a newer revision was known; null: none is.
ENDED: LiteralString = """
WITH known AS (
    SELECT scope, finished, status, known_at,
        lead(known_at) OVER (PARTITION BY source, source_id, submitted ORDER BY revision) AS until
    FROM runlore.executions_as_of(%(as_of)s)
    WHERE finished > %(since)s AND finished <= %(as_of)s
), taken AS (
    SELECT scope FROM known WHERE scope <> '' GROUP BY scope ORDER BY count(*) DESC, scope
    LIMIT %(limit)s
)
SELECT CASE WHEN scope IN (SELECT scope FROM taken) OR scope = %(scope)s THEN scope END AS scope,
    floor(extract(epoch FROM %(as_of)s - finished) / 86400)::int AS day,
    floor(extract(epoch FROM %(as_of)s - known_at) / 86400)::int AS known_day,
    floor(extract(epoch FROM %(as_of)s - until) / 86400)::int AS until_day,
    count(*) AS ended, count(*) FILTER (WHERE status <> 'succeeded') AS failed
FROM known WHERE status IN ('succeeded', 'failed', 'partial')
GROUP BY 1, 2, 3, 4
"""
ARRIVED: LiteralString = """
SELECT scope, array_agg(hour) FROM (
    SELECT DISTINCT CASE WHEN scope = ANY(%(scopes)s) THEN scope END AS scope,
        floor(extract(epoch FROM %(as_of)s - arrival.at) / 3600)::int AS hour
    FROM runlore.executions_as_of(%(as_of)s)
    CROSS JOIN LATERAL (VALUES (submission_known_at), (known_at)) AS arrival (at)
    WHERE submitted > %(since)s AND arrival.at > %(since)s AND arrival.at <= %(as_of)s
) AS arrived GROUP BY scope
"""
# What an alert said then is in its history; what it says now may be newer.
ALERTS: LiteralString = """
SELECT id, kind, subject, coalesce(evidence ->> 'scope', evidence -> 'series' -> 0 ->> 'scope',
        CASE WHEN kind = 'incident' THEN subject ELSE '' END) AS scope,
    opened_at, CASE WHEN resolved_at <= %(as_of)s THEN resolved_at END AS resolved_at, since,
    coalesce((
        SELECT note FROM runlore.alert_events WHERE alert_id = alert.id AND at <= %(as_of)s
            AND event IN ('opened', 'returned', 'escalated') ORDER BY id DESC LIMIT 1
    ), '') AS what
FROM runlore.anomalies AS alert
WHERE kind = ANY(%(kinds)s) AND opened_at <= %(as_of)s
    AND (resolved_at IS NULL OR resolved_at > %(since)s)
ORDER BY opened_at DESC, id DESC LIMIT %(limit)s
"""
# The newest points of the first series of each scope, as they were known at each instant.
NEWEST_POINTS: LiteralString = """
WITH listed AS (
    SELECT source, name, scope,
        row_number() OVER (PARTITION BY scope ORDER BY source, name) AS place
    FROM runlore.series AS catalog
    WHERE scope = ANY(%(scopes)s) AND source <> %(without)s AND EXISTS (
        SELECT FROM runlore.metrics AS m
        WHERE (m.source, m.name, m.scope) = (catalog.source, catalog.name, catalog.scope)
            AND m.known_at <= %(as_of)s)
)
SELECT listed.source, listed.name, listed.scope, day,
    extract(epoch FROM %(as_of)s - day * interval '1 day' - newest.at)::float8 AS age_s,
    extract(epoch FROM newest.at - newest.first_at)::float8 AS span_s
FROM listed CROSS JOIN generate_series(0, %(days)s - 1) AS day CROSS JOIN LATERAL (
    SELECT max(at) AS at, min(at) AS first_at FROM (
        SELECT m.at FROM runlore.metrics AS m
        WHERE (m.source, m.name, m.scope) = (listed.source, listed.name, listed.scope)
            AND m.at <= %(as_of)s - day * interval '1 day'
            AND m.at > %(as_of)s - (day + %(usual)s) * interval '1 day'
            AND m.known_at <= %(as_of)s - day * interval '1 day' AND m.revision = 0
        ORDER BY m.at DESC LIMIT %(points)s
    ) AS points HAVING count(*) = %(points)s
) AS newest
WHERE place <= %(series)s
"""
IS_KNOWN: LiteralString = """
SELECT EXISTS (SELECT FROM runlore.series WHERE scope = %(scope)s)
    OR EXISTS (SELECT FROM runlore.anomalies
        WHERE %(scope)s IN (subject, evidence ->> 'scope',
            evidence -> 'series' -> 0 ->> 'scope'))
"""


@dataclass(frozen=True, slots=True)
class EndedExecutions:
    """Executions that ended on one day and became known on one. scope None: of all others.

    day, known_day: counted back from the instant that is asked about. until_day: as known_day, of
    a newer revision; None: none is known.
    """

    scope: str | None
    day: int
    known_day: int
    until_day: int | None
    ended: int
    failed: int


@dataclass(frozen=True, slots=True)
class PastAlert:
    """resolved_at: None while it was open. what: the last thing that it had said."""

    id: int
    kind: str
    subject: str
    scope: str
    opened_at: datetime
    resolved_at: datetime | None
    since: datetime
    what: str


@dataclass(frozen=True, slots=True)
class PointsAge:
    """age_s: of the newest point known at an instant; span_s: of the newest five points."""

    source: str
    name: str
    scope: str
    day: int
    age_s: float
    span_s: float


@dataclass(frozen=True, slots=True)
class HealthWindow:
    """as_of: what was known then. since: nothing before it is read."""

    as_of: datetime
    since: datetime

    @classmethod
    def of_days(cls, as_of: datetime, days: int) -> "HealthWindow":
        return cls(as_of, as_of - timedelta(days=days))


def prepare(connection: Connection) -> None:
    """To be called first in a transaction."""
    connection.execute(WITHOUT_JIT)


def read_ended(
    connection: Connection, window: HealthWindow, most_scopes: int, scope: str | None
) -> list[EndedExecutions]:
    """By scope and day; the scopes with most executions, and one that is named."""
    values = {"as_of": window.as_of, "since": window.since, "limit": most_scopes, "scope": scope}
    with connection.cursor(row_factory=class_row(EndedExecutions)) as cursor:
        return cursor.execute(ENDED, values).fetchall()


def read_arrivals(
    connection: Connection, window: HealthWindow, scopes: Sequence[str]
) -> dict[str | None, list[int]]:
    """Scope -> how many hours ago facts became known; None: of all other scopes."""
    values = {"as_of": window.as_of, "since": window.since, "scopes": list(scopes)}
    return dict(connection.execute(ARRIVED, values).fetchall())


def read_alerts(
    connection: Connection, window: HealthWindow, kinds: Sequence[str], limit: int
) -> list[PastAlert]:
    """Those that were open at some time of the window, the newest first."""
    values = {"as_of": window.as_of, "since": window.since, "kinds": list(kinds), "limit": limit}
    with connection.cursor(row_factory=class_row(PastAlert)) as cursor:
        return cursor.execute(ALERTS, values).fetchall()


def read_point_ages(
    connection: Connection, as_of: datetime, scopes: Sequence[str], days: int, usual_days: int
) -> list[PointsAge]:
    """Of the first series of each scope that is not made from executions, day by day."""
    values = {
        "as_of": as_of,
        "scopes": list(scopes),
        "days": days,
        "usual": usual_days,
        "without": "executions",
        "series": 1,
        "points": 5,
    }
    with connection.cursor(row_factory=class_row(PointsAge)) as cursor:
        return cursor.execute(NEWEST_POINTS, values).fetchall()


def has_scope(connection: Connection, scope: str) -> bool:
    """Whether any series or alert is about it."""
    row = connection.execute(IS_KNOWN, {"scope": scope}).fetchone()
    return bool(row and row[0])
