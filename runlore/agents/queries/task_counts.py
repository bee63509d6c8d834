"""How some tasks stand."""

from collections.abc import Sequence
from typing import LiteralString, NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from runlore.store.engine import Store

COUNTS: LiteralString = """
SELECT count(*) FILTER (WHERE status = 'completed')::int AS completed,
 count(*) FILTER (WHERE status IN ('failed', 'cancelled'))::int AS failed,
 count(*) FILTER (WHERE status IN ('pending', 'assigned', 'in_progress'))::int AS open,
 coalesce(sum(greatest(attempts - 1, 0)), 0)::int AS retries
FROM runlore.agent_tasks WHERE id = ANY(%(ids)s::uuid[])
"""


class TaskCounts(NamedTuple):
    completed: int
    failed: int
    open: int
    retries: int


def count_tasks(store: Store, ids: Sequence[UUID]) -> TaskCounts:
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(TaskCounts))
        row = cursor.execute(COUNTS, {"ids": list(ids)}).fetchone()
    return row or TaskCounts(0, 0, 0, 0)
