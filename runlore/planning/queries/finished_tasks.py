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
    ORDER BY source, source_id, submitted, revision DESC
) AS latest
WHERE status = 'succeeded' AND finished IS NOT NULL
ORDER BY submitted DESC, source_id LIMIT %(limit)s
"""
KINDS: LiteralString = """
SELECT kind FROM runlore.executions WHERE known_at <= %(as_of)s
GROUP BY kind ORDER BY count(*) DESC LIMIT 10
"""


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
    wanted = {"kind": kind, "measure": measure, "as_of": as_of, "limit": limit}
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(FinishedTask))
        return cursor.execute(TASKS, wanted).fetchall()[::-1]


def read_kinds(store: Store, as_of: datetime) -> list[str]:
    """The most frequent kinds."""
    with store.connect() as connection:
        rows = connection.execute(KINDS, {"as_of": as_of}).fetchall()
    return [kind for (kind,) in rows]
