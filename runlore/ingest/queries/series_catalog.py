"""The catalog of series: kept by whatever adds points or takes them out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa

from runlore.ingest.rules.points.batch import SeriesIdentity, SeriesKey, SeriesKind

Connection = psycopg.Connection[Any]
KEY = ["source", "name", "scope"]
ENTER = """
INSERT INTO runlore.series (source, name, scope)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[])
ON CONFLICT (source, name, scope) DO NOTHING
"""
COUNT_SAME = "SELECT count(*) FROM runlore.series WHERE fingerprint = ANY(%s::bigint[])"
KNOWN = """
SELECT name, scope, series.kind, series.unit, series.labels = '{}', series.fingerprint
FROM unnest(%s::text[], %s::text[]) AS incoming (name, scope)
JOIN runlore.series USING (name, scope) WHERE series.source = %s
"""
DESCRIBE = """
INSERT INTO runlore.series (source, name, scope, labels, unit, kind)
SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::jsonb[], %s::text[], %s::text[])
ON CONFLICT (source, name, scope) DO UPDATE SET
    labels = excluded.labels, unit = excluded.unit, kind = excluded.kind
RETURNING name, scope, kind, unit, labels = '{}', fingerprint
"""
COUNT = "SELECT count(*) FROM runlore.series"
LOCK_NEW = "SELECT pg_advisory_xact_lock(hashtext('runlore.series'), 0)"
FORGET = """
DELETE FROM runlore.series AS empty USING (
    SELECT DISTINCT source, name, scope FROM {withdrawn} WHERE withdrawal_id = %(withdrawal)s
) AS touched
WHERE (empty.source, empty.name, empty.scope) = (touched.source, touched.name, touched.scope)
    AND NOT EXISTS (SELECT FROM runlore.metrics AS m
        WHERE (m.source, m.name, m.scope) = (empty.source, empty.name, empty.scope))
"""


@dataclass(frozen=True, slots=True)
class KnownSeries:
    """A series of the catalog. is_bare: its labels are not known.

    fingerprint: another one after kind or unit were changed.
    """

    kind: SeriesKind
    unit: str
    is_bare: bool
    fingerprint: int


def enter(connection: Connection, points: pa.Table) -> None:
    """Enter the series of points that are not there yet. points: with source, name and scope."""
    names = points.select(KEY).group_by(KEY).aggregate([])
    rows = names.sort_by([(name, "ascending") for name in KEY])
    connection.execute(ENTER, [rows[name].to_pylist() for name in KEY])


def count_same(connection: Connection, fingerprints: Sequence[int]) -> int:
    """How many series have one of these fingerprints."""
    numbers = "{" + ",".join(map(str, fingerprints)) + "}"
    row = connection.execute(COUNT_SAME, (numbers,)).fetchone()
    assert row is not None  # noqa: S101  (an aggregate)
    return int(row[0])


def find_known(
    connection: Connection, source: str, series: Sequence[SeriesIdentity]
) -> Mapping[SeriesKey, KnownSeries]:
    """Those of the series that are in the catalog."""
    names, scopes = [one.name for one in series], [one.scope for one in series]
    rows = connection.execute(KNOWN, (names, scopes, source)).fetchall()
    return {(name, scope): KnownSeries(*found) for name, scope, *found in rows}


def describe(
    connection: Connection, source: str, series: Sequence[SeriesIdentity]
) -> Mapping[SeriesKey, KnownSeries]:
    """Write labels, unit and kind of series, new ones and known ones; returns what now stands."""
    ordered = sorted(series, key=lambda one: (one.name, one.scope))
    columns = [
        [one.name for one in ordered],
        [one.scope for one in ordered],
        [json.dumps(dict(one.labels)) for one in ordered],
        [one.unit for one in ordered],
        [one.kind or "gauge" for one in ordered],
    ]
    rows = connection.execute(DESCRIBE, (source, *columns)).fetchall()
    return {(name, scope): KnownSeries(*stored) for name, scope, *stored in rows}


def count_series(connection: Connection, *, is_locked: bool = False) -> int:
    """How many series there are. is_locked: no other that counts so adds any until the commit."""
    if is_locked:
        connection.execute(LOCK_NEW)
    row = connection.execute(COUNT).fetchone()
    assert row is not None  # noqa: S101  (an aggregate)
    return int(row[0])


def forget_empty(connection: Connection, withdrawn: str, withdrawal_id: int) -> None:
    """Forget the series that a withdrawal left without points."""
    connection.execute(FORGET.format(withdrawn=withdrawn).encode(), {"withdrawal": withdrawal_id})
