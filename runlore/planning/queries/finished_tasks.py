"""What finished tasks of a kind took, as known at an instant."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import class_row

from runlore.store.engine import Store

TASKS: LiteralString = """
SELECT source_id, actor, scope, inputs, submitted, known_at,
    CASE WHEN %(measure)s = 'duration_s'
        THEN coalesce(extract(epoch FROM finished - started)::float8, measured)
        ELSE measured END AS amount
FROM (
    SELECT DISTINCT ON (source, source_id, submitted) *,
        CASE WHEN jsonb_typeof(outcome -> %(measure)s::text) = 'number'
            THEN (outcome ->> %(measure)s::text)::float8 END AS measured
    FROM runlore.executions
    WHERE kind = %(kind)s AND known_at <= %(as_of)s
        AND submitted >= coalesce(%(since)s, '-infinity'::timestamptz)
    ORDER BY source, source_id, submitted, revision DESC
) AS latest
WHERE status = 'succeeded' AND finished IS NOT NULL
ORDER BY submitted DESC, source, source_id LIMIT %(limit)s
"""
# The facts of one kind, newest first, are read in the order of an index: few where few are needed.
SINCE: LiteralString = """
SELECT submitted FROM runlore.executions
WHERE kind = %(kind)s AND known_at <= %(as_of)s
ORDER BY submitted DESC OFFSET %(facts)s LIMIT 1
"""
KINDS: LiteralString = """
WITH RECURSIVE kinds AS (
    SELECT min(kind) AS kind, 1 AS place FROM runlore.executions WHERE known_at <= %(as_of)s
    UNION ALL
    SELECT (SELECT min(kind) FROM runlore.executions AS other
        WHERE other.kind > kinds.kind AND known_at <= %(as_of)s), place + 1
    FROM kinds WHERE kind IS NOT NULL AND place < %(limit)s
)
SELECT kind FROM kinds WHERE kind IS NOT NULL
"""
FACTS_OF_TASK = 3  # read at first: a submission, an outcome, and those that failed
WIDENED = 4  # times as many, where these were too few


@dataclass(frozen=True)
class FinishedTask:
    """amount: what it took, in the measure's unit; None: not known."""

    source_id: str
    actor: str
    scope: str
    inputs: Mapping[str, Any]
    submitted: datetime
    known_at: datetime
    amount: float | None


def read_finished(
    store: Store, kind: str, measure: str, as_of: datetime, limit: int
) -> list[FinishedTask]:
    """The newest ones that succeeded, the oldest of them first."""
    values = {"kind": kind, "measure": measure, "as_of": as_of, "limit": limit}
    facts = FACTS_OF_TASK * limit
    with store.connect() as connection:
        while True:
            bound = connection.execute(SINCE, values | {"facts": facts}).fetchone()
            since = None if bound is None else bound[0]
            cursor = connection.cursor(row_factory=class_row(FinishedTask))
            rows = cursor.execute(TASKS, values | {"since": since}).fetchall()
            if since is None or len(rows) >= limit:
                return rows[::-1]
            facts *= WIDENED


def read_kinds(store: Store, as_of: datetime, limit: int = 10) -> list[str]:
    """The first by name, an index probe for each."""
    with store.connect() as connection:
        rows = connection.execute(KINDS, {"as_of": as_of, "limit": limit}).fetchall()
    return [kind for (kind,) in rows]
