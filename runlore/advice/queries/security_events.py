"""Security events: executions as they were known at an instant, under the names of rules."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.csv as pa_csv
from psycopg import sql

from runlore.advice.rules.security.events import (
    CATEGORY,
    COLUMN_FIELDS,
    HABIT_FIELDS,
    NETWORK,
    SecurityEvents,
    input_key,
    make_events,
)
from runlore.store.copying import copy_out

Connection = psycopg.Connection[Any]

EVENTS: LiteralString = """
SELECT at, {names} FROM (
    SELECT DISTINCT ON (source, source_id, submitted)
        (extract(epoch FROM submitted) * 1000000)::bigint AS at, seq, status, {columns}
    FROM runlore.executions_as_of({as_of}) AS fact
    WHERE submitted >= {begin} AND submitted <= {until} AND {limits}
    ORDER BY source, source_id, submitted, revision DESC
) AS event ORDER BY at, seq
"""
ANY_KIND: LiteralString = "({kinds}::text[] IS NULL OR kind = ANY({kinds}::text[]))"
OF_ACTORS: LiteralString = "({actors}::text[] IS NULL OR actor = ANY({actors}::text[]))"
SPAN: LiteralString = """
SELECT min(submitted), max(submitted), count(*) FROM runlore.executions
WHERE seq > %(after)s AND seq <= %(until)s AND known_at <= %(at)s AND submitted >= %(begin)s
    AND (%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s::text[]))
"""
HAS_NEWS: LiteralString = """
SELECT EXISTS (SELECT FROM runlore.executions WHERE seq > %(after)s AND submitted >= %(begin)s
    AND (%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s::text[])))
"""
ACTORS: LiteralString = """
SELECT DISTINCT actor FROM runlore.executions
WHERE seq > %(after)s AND seq <= %(until)s AND known_at <= %(at)s AND submitted >= %(begin)s
    AND kind IN ('login', 'transfer') AND status = 'succeeded'
"""


@dataclass(frozen=True)
class EventQuery:
    """Which events: submitted in [begin, until], of these kinds and actors (None: of any), as they
    were known at as_of. fields: ECS names that are needed."""

    begin: datetime
    until: datetime
    as_of: datetime
    fields: Sequence[str]
    kinds: Sequence[str] | None = None
    actors: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class NewEvents:
    first_at: datetime
    last_at: datetime
    count: int


def read_events(
    connection: Connection, query: EventQuery, new_since: datetime | None, after_seq: int = -1
) -> SecurityEvents:
    """Events in order of time; those from new_since on with a number above after_seq are new."""
    names = sorted({*query.fields, *COLUMN_FIELDS} - {*HABIT_FIELDS, CATEGORY, NETWORK})
    columns = [_column(name) for name in names]
    statement = sql.SQL(EVENTS).format(
        names=sql.SQL(", ").join([sql.SQL("seq"), *map(sql.Identifier, names)]),
        columns=sql.SQL(", ").join(columns),
        as_of=sql.Literal(query.as_of),
        begin=sql.Literal(query.begin),
        until=sql.Literal(query.until),
        limits=sql.SQL(ANY_KIND + " AND " + OF_ACTORS).format(
            kinds=sql.Literal(None if query.kinds is None else list(query.kinds)),
            actors=sql.Literal(None if query.actors is None else list(query.actors)),
        ),
    )
    table = _table(copy_out(connection, statement), ["at", "seq", *names])
    at = table["at"].to_numpy()
    is_new = table["seq"].to_numpy() > after_seq
    if new_since is not None:
        is_new &= at >= round(new_since.timestamp() * 1e6)
    return make_events(at, {name: table[name] for name in names}, is_new)


def read_new(
    connection: Connection,
    after: int,
    until: int,
    at: datetime,
    begin: datetime,
    kinds: list[str] | None,
) -> NewEvents | None:
    """What was recorded with the numbers in (after, until], submitted from begin on."""
    values = {"after": after, "until": until, "at": at, "begin": begin, "kinds": kinds}
    row = connection.execute(SPAN, values).fetchone()
    return None if row is None or row[0] is None else NewEvents(*row)


def has_news(connection: Connection, after: int, begin: datetime, kinds: list[str] | None) -> bool:
    """Is anything recorded with a higher number, submitted from begin on?"""
    values = {"after": after, "begin": begin, "kinds": kinds}
    row = connection.execute(HAS_NEWS, values).fetchone()
    return row is not None and bool(row[0])


def read_touched(
    connection: Connection, after: int, until: int, at: datetime, begin: datetime
) -> list[str]:
    """The users of new logins and transfers."""
    values = {"after": after, "until": until, "at": at, "begin": begin}
    return [row[0] for row in connection.execute(ACTORS, values)]


def _column(name: str) -> sql.Composable:
    alias = sql.Identifier(name)
    if name in COLUMN_FIELDS:
        return sql.SQL("{} AS {}").format(sql.Identifier(COLUMN_FIELDS[name]), alias)
    key = sql.Literal(input_key(name))
    return sql.SQL("coalesce(inputs ->> {}, outcome ->> {}) AS {}").format(key, key, alias)


def _table(rows: bytearray, names: list[str]) -> pa.Table:
    types = {name: pa.int64() if name in ("at", "seq") else pa.string() for name in names}
    if not rows:
        return pa.table({name: pa.array([], types[name]) for name in names})
    return pa_csv.read_csv(
        io.BytesIO(rows),
        pa_csv.ReadOptions(column_names=names),
        pa_csv.ParseOptions(newlines_in_values=True),
        pa_csv.ConvertOptions(column_types=types, strings_can_be_null=True, null_values=[""]),
    )


def merge_events(*parts: SecurityEvents) -> SecurityEvents:
    """Several as one, in order of time."""
    names = {name for part in parts for name in part.columns}
    columns = {
        name: pa.concat_arrays([_plain(part.column(name)) for part in parts]) for name in names
    }
    at = np.concatenate([part.at for part in parts])
    order = np.argsort(at, kind="stable")
    taken = {name: values.take(pa.array(order)) for name, values in columns.items()}
    is_new = np.concatenate([part.is_new for part in parts])
    return SecurityEvents(at[order], taken, is_new[order])


def _plain(values: Any) -> pa.Array:  # noqa: ANN401  (an array, in chunks or not)
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
