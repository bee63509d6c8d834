"""The rows of a persona, by the declaration of what each table holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg import sql

from runlore.privacy.queries import Connection
from runlore.privacy.queries.persona_mentions import changeable
from runlore.privacy.rules.holdings import HOLDINGS, TableHolding
from runlore.signals.rules.series.execution_series import series_suffix

# Texts and numbers in inputs of the persona that no other actor's inputs have, and that name no
# actor, kind, scope or source.
VALUES: LiteralString = """
WITH facts AS (
    SELECT actor, kind, scope, source, inputs FROM runlore.executions
    UNION ALL SELECT actor, kind, scope, source, inputs FROM runlore.withdrawn_executions
), mine AS (
    SELECT DISTINCT value #>> '{}' AS value
    FROM facts, jsonb_path_query(inputs, '$.**') AS value
    WHERE actor = %(name)s AND jsonb_typeof(value) IN ('string', 'number')
        AND length(value #>> '{}') >= %(least)s
), others AS (
    SELECT DISTINCT value #>> '{}' AS value
    FROM facts, jsonb_path_query(inputs, '$.**') AS value
    WHERE actor <> %(name)s AND jsonb_typeof(value) IN ('string', 'number')
    UNION SELECT name FROM facts, unnest(ARRAY[actor, kind, scope, source]) AS name
)
SELECT value FROM mine WHERE value NOT IN (SELECT value FROM others)
    AND (value !~ '^[-+0-9.eE]+$' OR length(value) >= %(least_number)s)
UNION SELECT source_id FROM runlore.withdrawn_executions
    WHERE actor = %(name)s AND length(source_id) >= %(least_number)s
UNION SELECT source_id FROM runlore.executions
    WHERE actor = %(name)s AND length(source_id) >= %(least_number)s
"""
EXTENT: LiteralString = """
SELECT min(seq), min(least(submission_known_at, known_at)) FROM (
    SELECT seq, submission_known_at, known_at FROM runlore.executions WHERE actor = %(name)s
    UNION ALL
    SELECT seq, submission_known_at, known_at FROM runlore.withdrawn_executions
    WHERE actor = %(name)s
) AS facts
"""
MIN_NUMBER_CHARACTERS = 6


@dataclass(frozen=True)
class PersonaExtent:
    """first_seq: the lowest number of its facts; first_known_at: when one became known first."""

    first_seq: int | None
    first_known_at: datetime | None


def parameters(persona: str) -> dict[str, Any]:
    return {"name": persona, "suffix": series_suffix("actor", persona)}


def with_rows() -> Iterator[tuple[str, TableHolding]]:
    """The tables that have rows of personas, in the order in which these can be deleted."""
    return ((table, holding) for table, holding in HOLDINGS.items() if holding.rows)


def count_rows(connection: Connection, persona: str) -> dict[str, int]:
    """Table -> how many rows are the persona's; tables without are left out."""
    counts = {}
    for table, holding in with_rows():
        row = connection.execute(
            _query("SELECT count(*) FROM {} WHERE ", table, holding.rows), parameters(persona)
        ).fetchone()
        counts[table] = int(row[0]) if row else 0
    return {table: count for table, count in counts.items() if count}


def delete_rows(connection: Connection, persona: str) -> dict[str, int]:
    """Delete them; returns table -> how many there were."""
    held, counts = count_rows(connection, persona), {}
    for table, holding in with_rows():
        if table not in held:
            continue
        query = _query("DELETE FROM {} WHERE ", table, holding.rows)
        with changeable(connection, ("runlore", table)):
            counts[table] = connection.execute(query, parameters(persona)).rowcount
    return counts


def stream_rows(connection: Connection, table: str, persona: str) -> Iterator[str]:
    """The persona's rows of a table, each as JSON."""
    query = _query(
        "SELECT row_to_json(held)::text FROM {} AS held WHERE ", table, HOLDINGS[table].rows
    )
    with connection.cursor(name="persona_rows") as cursor:
        cursor.execute(query, parameters(persona))
        yield from (row for (row,) in cursor)


def read_extent(connection: Connection, persona: str) -> PersonaExtent:
    row = connection.execute(EXTENT, {"name": persona}).fetchone()
    return PersonaExtent(*row) if row else PersonaExtent(None, None)


def read_values(connection: Connection, persona: str, least: int) -> list[str]:
    """What the inputs of this persona alone hold, and the ids of its executions."""
    values = {"name": persona, "least": least, "least_number": MIN_NUMBER_CHARACTERS}
    return [value for (value,) in connection.execute(VALUES, values)]


def _query(begin: LiteralString, table: str, condition: str) -> sql.Composed:
    name = sql.Identifier("runlore", table)
    return sql.SQL(begin).format(name) + sql.SQL(condition)
