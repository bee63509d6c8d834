"""Tasks of all kinds, and what those took that have ended, as known at an instant."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import class_row

from runlore.store.engine import Store

TASKS: LiteralString = """
SELECT kind, actor, scope, inputs, submitted,
    CASE WHEN is_known AND finished IS NOT NULL THEN known_at END AS known_at,
    CASE WHEN NOT is_known THEN NULL
        WHEN %(measure)s = 'duration_s'
        THEN coalesce(extract(epoch FROM finished - started)::float8, measured)
        ELSE measured END AS amount
FROM (
    SELECT DISTINCT ON (source, source_id, submitted) *, known_at <= %(as_of)s AS is_known,
        CASE WHEN jsonb_typeof(outcome -> %(measure)s::text) = 'number'
            THEN (outcome ->> %(measure)s::text)::float8 END AS measured
    FROM runlore.executions
    WHERE submission_known_at <= %(as_of)s AND submitted <= %(as_of)s AND submitted >= coalesce((
        SELECT submitted FROM runlore.executions
        WHERE submission_known_at <= %(as_of)s AND submitted <= %(as_of)s
        ORDER BY submitted DESC OFFSET %(limit)s LIMIT 1
    ), '-infinity')
    ORDER BY source, source_id, submitted, (known_at <= %(as_of)s) DESC, revision DESC
) AS latest
ORDER BY submitted, source, source_id
"""


@dataclass(frozen=True)
class LoggedTask:
    """known_at, amount: of the outcome; None: not known."""

    kind: str
    actor: str
    scope: str
    inputs: Mapping[str, Any]
    submitted: datetime
    known_at: datetime | None
    amount: float | None


def read_task_log(store: Store, measure: str, as_of: datetime, limit: int) -> list[LoggedTask]:
    """The newest ones, in order of submission; of corrected ones the newest fact."""
    wanted = {"measure": measure, "as_of": as_of, "limit": limit}
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(LoggedTask))
        return cursor.execute(TASKS, wanted).fetchall()
