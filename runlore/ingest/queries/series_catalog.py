"""The catalog of series: kept by whatever adds points or takes them out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from runlore.ingest.rules.points.batch import SeriesIdentity, SeriesKind

Connection = psycopg.Connection[Any]
KEY = ("source", "name", "scope")
KEEP = """
INSERT INTO runlore.series (source, name, scope, first_at, last_at, points)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[],
    %s::bigint[])
ON CONFLICT (source, name, scope) DO UPDATE SET
    first_at = least(series.first_at, excluded.first_at),
    last_at = greatest(series.last_at, excluded.last_at),
    points = series.points + excluded.points
"""
KNOWN = """
SELECT incoming.place, series.kind, series.unit, series.labels = '{}'
FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS incoming (name, scope, place)
JOIN runlore.series USING (name, scope) WHERE series.source = %s
"""
DESCRIBE = """
INSERT INTO runlore.series (source, name, scope, labels, unit, kind)
SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::jsonb[], %s::text[], %s::text[])
ON CONFLICT (source, name, scope) DO UPDATE SET
    labels = excluded.labels, unit = excluded.unit, kind = excluded.kind
"""
COUNT = "SELECT count(*) FROM runlore.series"
LOCK_NEW = "SELECT pg_advisory_xact_lock(hashtext('runlore.series'), 0)"
TOUCHED = (
    "SELECT DISTINCT source, name, scope FROM {withdrawn} WHERE withdrawal_id = %(withdrawal)s"
)
RECOUNT = """
UPDATE runlore.series SET first_at = rest.first_at, last_at = rest.last_at, points = rest.points
FROM (
    SELECT source, name, scope, min(at) AS first_at, max(at) AS last_at,
        count(DISTINCT at) AS points
    FROM ({touched}) AS touched LEFT JOIN runlore.metrics USING (source, name, scope)
    GROUP BY source, name, scope
) AS rest
WHERE (series.source, series.name, series.scope) = (rest.source, rest.name, rest.scope)
"""
FORGET = """
DELETE FROM runlore.series USING ({touched}) AS touched
WHERE points = 0
    AND (series.source, series.name, series.scope) = (touched.source, touched.name, touched.scope)
"""


@dataclass(frozen=True, slots=True)
class KnownSeries:
    """A series of the catalog. is_bare: its labels are not known."""

    kind: SeriesKind
    unit: str
    is_bare: bool


def keep(connection: Connection, points: pa.Table) -> None:
    """Enter points that were added. points: source, name, scope, at, and revision where not 0."""
    if not len(points):
        return
    is_first = pa.repeat(pa.scalar(1, pa.int64()), len(points))
    if "revision" in points.column_names:
        is_first = pc.equal(points["revision"], 0).cast(pa.int64())
    columns = points.select([*KEY, "at"]).append_column("first", is_first)
    ends = columns.group_by(list(KEY)).aggregate([("at", "min"), ("at", "max"), ("first", "sum")])
    names = (*KEY, "at_min", "at_max", "first_sum")
    rows = ends.sort_by([(name, "ascending") for name in KEY])
    connection.execute(KEEP, [_utc(rows[name]).to_pylist() for name in names])


def find_known(
    connection: Connection, source: str, series: Sequence[SeriesIdentity]
) -> Mapping[int, KnownSeries]:
    """Which of these series are there, by their positions."""
    names, scopes = [one.name for one in series], [one.scope for one in series]
    rows = connection.execute(KNOWN, (names, scopes, source)).fetchall()
    return {place - 1: KnownSeries(kind, unit, bare) for place, kind, unit, bare in rows}


def describe(connection: Connection, source: str, series: Sequence[SeriesIdentity]) -> None:
    """Write labels, unit and kind of series, new ones and known ones."""
    ordered = sorted(series, key=lambda one: (one.name, one.scope))
    columns = [
        [one.name for one in ordered],
        [one.scope for one in ordered],
        [json.dumps(dict(one.labels)) for one in ordered],
        [one.unit for one in ordered],
        [one.kind or "gauge" for one in ordered],
    ]
    connection.execute(DESCRIBE, (source, *columns))


def count_series(connection: Connection, *, is_locked: bool = False) -> int:
    """How many series there are. is_locked: no other that counts so adds any until the commit."""
    if is_locked:
        connection.execute(LOCK_NEW)
    row = connection.execute(COUNT).fetchone()
    assert row is not None  # noqa: S101  (an aggregate)
    return int(row[0])


def recount(connection: Connection, withdrawn: str, withdrawal_id: int) -> None:
    """Count the rest of the series that a withdrawal took points of; empty ones are forgotten."""
    touched = TOUCHED.format(withdrawn=withdrawn)
    values = {"withdrawal": withdrawal_id}
    connection.execute(RECOUNT.format(touched=touched).encode(), values)
    connection.execute(FORGET.format(touched=touched).encode(), values)


def _utc(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.timestamp("us", "UTC")) if pa.types.is_timestamp(column.type) else column
