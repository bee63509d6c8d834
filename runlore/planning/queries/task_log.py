"""Tasks of all kinds, and what those took that have ended, as known at an instant."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, LiteralString

from psycopg.rows import class_row

from runlore.store.engine import Store

Moment = Literal["submitted", "started"]

TASKS: LiteralString = """
SELECT kind, actor, scope, inputs,
    CASE WHEN %(moment)s = 'started' AND is_known THEN coalesce(started, submitted)
        ELSE submitted END AS asked_at,
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
ORDER BY asked_at, source, source_id
"""


@dataclass(frozen=True)
class LoggedTask:
    """asked_at: when it was submitted, or started. known_at, amount: of the outcome, if known."""

    kind: str
    actor: str
    scope: str
    inputs: Mapping[str, Any]
    asked_at: datetime
    known_at: datetime | None
    amount: float | None


def read_task_log(
    store: Store, measure: str, as_of: datetime, limit: int, moment: Moment = "submitted"
) -> list[LoggedTask]:
    """The newest ones, in the order in which they are asked for; of corrected ones the newest fact.

    moment: of asking. What is not known to have started is asked for when it was submitted.
    """
    wanted = {"measure": measure, "as_of": as_of, "limit": limit, "moment": moment}
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(LoggedTask))
        return cursor.execute(TASKS, wanted).fetchall()
