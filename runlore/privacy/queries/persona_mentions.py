"""Texts and JSON of all tables that mention a persona: found, replaced, or counted."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import sql
from psycopg.types.json import Json, Jsonb

from runlore.privacy.queries import Connection
from runlore.privacy.rules.mentions import Mentions

OURS = "runlore"
OTHERS = ("mlflow", "prefect")  # schemas of the tools' own tables in the same database
# Columns of text and JSON. is_key: part of a key, which names things.
COLUMNS: LiteralString = """
SELECT n.nspname, c.relname, a.attname, t.typname, EXISTS (
    SELECT FROM pg_constraint AS k WHERE k.conrelid = c.oid AND a.attnum = ANY (k.conkey)
        AND k.contype IN ('p', 'u', 'f')
)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type AS t ON t.oid = a.atttypid
WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND t.typname IN ('text', 'varchar', 'bpchar', 'json', 'jsonb', '_text', '_varchar', 'bytea')
    AND a.attgenerated = ''
ORDER BY 1, 2, a.attnum
"""
MENTIONING: LiteralString = """
SELECT tableoid::bigint, ctid::text, {columns} FROM {table} WHERE EXISTS (
    SELECT FROM unnest(%s::text[]) AS way
    WHERE strpos(concat_ws(E'\\x1f', {texts}), way) > 0
)
"""
TRIGGERS: LiteralString = "ALTER TABLE {} {} TRIGGER USER"
HAS_TRIGGERS: LiteralString = """
SELECT EXISTS (
    SELECT FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relname = %s AND NOT t.tgisinternal
)
"""


@dataclass(frozen=True)
class TextColumn:
    """kind: its type in PostgreSQL. is_key: part of a primary, unique or foreign key."""

    name: str
    kind: str
    is_key: bool


Place = tuple[int, str]  # of a row: its table or partition, and where it is in it
Tables = dict[tuple[str, str], list[TextColumn]]


def text_tables(connection: Connection) -> Tables:
    """(schema, table) -> its columns of text and JSON."""
    tables: Tables = {}
    for schema, table, *column in connection.execute(COLUMNS, ([OURS, *OTHERS],)):
        tables.setdefault((schema, table), []).append(TextColumn(*column))
    return tables


def count_mentions(
    connection: Connection, table: tuple[str, str], columns: Sequence[TextColumn], what: Mentions
) -> int:
    return sum(1 for _ in _mentioning(connection, table, columns, what))


def delete_mentioning(
    connection: Connection, table: tuple[str, str], columns: Sequence[TextColumn], what: Mentions
) -> int:
    """Delete the rows that mention the persona; returns how many."""
    places = [place for place, _ in _mentioning(connection, table, columns, what)]
    query = sql.SQL("DELETE FROM {} WHERE tableoid = %s AND ctid = %s::tid")
    with changeable(connection, table) if places else nullcontext():
        for place in places:
            connection.execute(query.format(sql.Identifier(*table)), place)
    return len(places)


def replace_mentions(
    connection: Connection, table: tuple[str, str], columns: Sequence[TextColumn], what: Mentions
) -> int:
    """Replace them in their rows; returns how many rows changed."""
    found = list(_mentioning(connection, table, columns, what))
    if not found:
        return 0
    name = sql.Identifier(*table)
    changes = sql.SQL(", ").join(
        sql.SQL("{} = %s").format(sql.Identifier(column.name)) for column in columns
    )
    query = sql.SQL("UPDATE {} SET {} WHERE tableoid = %s AND ctid = %s::tid")
    with changeable(connection, table):
        for place, values in found:
            cleaned = [
                _cleaned(what, column, value) for column, value in zip(columns, values, strict=True)
            ]
            connection.execute(query.format(name, changes), (*cleaned, *place))
    return len(found)


@contextmanager
def changeable(connection: Connection, table: tuple[str, str]) -> Iterator[None]:
    """Let rows change that triggers keep as they are, until the block or the transaction ends.

    Nobody else can write to the table meanwhile.
    """
    row = connection.execute(HAS_TRIGGERS, table).fetchone()
    if not (row and row[0]):
        yield
        return
    name = sql.Identifier(*table)
    connection.execute(sql.SQL(TRIGGERS).format(name, sql.SQL("DISABLE")))
    yield
    connection.execute(sql.SQL(TRIGGERS).format(name, sql.SQL("ENABLE")))


def _mentioning(
    connection: Connection, table: tuple[str, str], columns: Sequence[TextColumn], what: Mentions
) -> Iterator[tuple[Place, Sequence[Any]]]:
    if not columns:
        return
    query = sql.SQL(MENTIONING).format(
        columns=sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
        table=sql.Identifier(*table),
        texts=sql.SQL(", ").join(map(_as_text, columns)),
    )
    for oid, ctid, *values in connection.execute(query, (list(what.spellings),)).fetchall():
        if any(_mentions(what, value) for value in values):
            yield (oid, ctid), values


def _as_text(column: TextColumn) -> sql.Composed:
    shape = "encode({}, 'escape')" if column.kind == "bytea" else "{}::text"
    return sql.SQL(shape).format(sql.Identifier(column.name))


def _mentions(what: Mentions, value: object) -> bool:
    if isinstance(value, bytes | memoryview):
        return what.are_in_bytes(bytes(value))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return what.are_in(text)


def _cleaned(what: Mentions, column: TextColumn, value: Any) -> Any:  # noqa: ANN401
    if value is None:
        return None
    if column.kind in ("json", "jsonb"):
        return (Jsonb if column.kind == "jsonb" else Json)(what.json_without(value))
    if isinstance(value, bytes | memoryview):
        return what.bytes_without(bytes(value))
    if isinstance(value, list):
        return [one if one is None else what.without(one) for one in value]
    return what.without(value)
