"""The points of metrics, and which series there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.rows import class_row

from runlore.kernel.instants import to_us
from runlore.signals.rules.series.counters import to_rates

Connection = psycopg.Connection[Any]

# Two steps of the index per series, however many points they have.
SERIES: LiteralString = """
SELECT * FROM (
    SELECT source, name, scope, first_at, last_at, last_value, kind, unit
    FROM runlore.series AS listed
    CROSS JOIN LATERAL (
        SELECT at AS last_at, value AS last_value FROM runlore.metrics AS m
        WHERE m.source = listed.source AND m.name = listed.name AND m.scope = listed.scope
        ORDER BY at DESC, revision DESC LIMIT 1
    ) AS last
    CROSS JOIN LATERAL (
        SELECT at AS first_at FROM runlore.metrics AS m
        WHERE m.source = listed.source AND m.name = listed.name AND m.scope = listed.scope
        ORDER BY at LIMIT 1
    ) AS first
    WHERE %(name)s::text IS NULL OR name = %(name)s
    ORDER BY source, name, scope LIMIT %(limit)s
) AS listed
ORDER BY name, scope, source
"""

# A point is what was known of it then: its newest revision of that time. What an undo took out
# later was known, too.
POINTS: LiteralString = """
SELECT DISTINCT ON (at) (extract(epoch FROM at) * 1000000)::bigint, value
FROM (
    SELECT at, revision, value FROM runlore.metrics
    WHERE source = %(source)s AND name = %(name)s AND scope = %(scope)s
        AND known_at <= %(as_of)s AND at <= %(as_of)s
        AND at >= coalesce(%(since)s::timestamptz, '-infinity')
    UNION ALL
    SELECT fact.at, fact.revision, fact.value FROM runlore.withdrawn_metrics AS fact
    JOIN runlore.withdrawals AS w ON w.id = fact.withdrawal_id
    WHERE fact.source = %(source)s AND fact.name = %(name)s AND fact.scope = %(scope)s
        AND fact.known_at <= %(as_of)s AND fact.at <= %(as_of)s AND w.known_at > %(as_of)s
        AND fact.at >= coalesce(%(since)s::timestamptz, '-infinity')
) AS known
ORDER BY at DESC, revision DESC
LIMIT %(limit)s
"""
IS_COUNTER: LiteralString = """
SELECT 1 FROM runlore.series WHERE (source, name, scope) = (%s, %s, %s) AND kind = 'counter'
"""


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """What names a series."""

    source: str
    name: str
    scope: str


@dataclass(frozen=True, slots=True)
class StoredSeries(SeriesKey):
    """first_at, last_at: of its points. last_value: of the newest one, as it came.

    kind: gauge, or counter, whose points are read as rates per second.
    """

    first_at: datetime
    last_at: datetime
    last_value: float
    kind: str = "gauge"
    unit: str = ""


@dataclass(frozen=True)
class Points:
    """at: microseconds since 1970, ascending. value: of the same length."""

    at: NDArray[np.int64]
    value: NDArray[np.float64]


def list_series(connection: Connection, limit: int, name: str | None = None) -> list[StoredSeries]:
    """The series of a name, or all, by name, scope and source."""
    with connection.cursor(row_factory=class_row(StoredSeries)) as cursor:
        return cursor.execute(SERIES, {"name": name, "limit": limit}).fetchall()


def read_points(
    connection: Connection,
    series: SeriesKey,
    as_of: datetime,
    limit: int,
    since: datetime | None = None,
) -> Points:
    """The newest points of a series as they were known at an instant; of a counter, its rates.

    since: of these instants and later ones only.
    """
    key = (series.source, series.name, series.scope)
    is_counter = connection.execute(IS_COUNTER, key).fetchone() is not None
    values = {
        "source": series.source,
        "name": series.name,
        "scope": series.scope,
        "as_of": as_of,
        "limit": limit,
        "since": None if is_counter else since,  # the first rate needs the point before it
    }
    rows: Sequence[tuple[int, float]] = connection.execute(POINTS, values).fetchall()
    table = np.array(rows[::-1], dtype=[("at", np.int64), ("value", np.float64)])
    if not is_counter:
        return Points(table["at"], table["value"])
    at, rates = to_rates(table["at"], table["value"])
    first = 0 if since is None else int(np.searchsorted(at, to_us(since)))
    return Points(at[first:], rates[first:])
