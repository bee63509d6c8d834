"""Tasks that were split: they wait for their parts without an agent, then are in the queue again.

Only a task that was leased and split is pending with a token and waits: those are gathered here.
"""

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from runlore.agents.queries.task_rows import Connection, TaskRow, wake_agents

SUSPEND: LiteralString = """
WITH split AS (
 UPDATE runlore.agent_tasks t SET status = 'pending', waits_for = %(parts)s, lease_until = NULL,
  attempts = greatest(0, t.attempts - 1), available_at = clock_timestamp(),
  updated_at = clock_timestamp()
 WHERE t.id = %(task)s AND t.token = %(token)s AND t.status = 'in_progress'
 RETURNING t.*
), noted AS (
 INSERT INTO runlore.agent_task_events (task_id, event, agent_id, token, detail)
 SELECT id, 'split', agent_id, token, 'waits for ' || waits_for || ' parts' FROM split
)
SELECT * FROM split
"""
DEPTH: LiteralString = """
WITH RECURSIVE above AS (
 SELECT parent_id, 1 AS depth FROM runlore.agent_tasks WHERE id = %(task)s
 UNION ALL
 SELECT t.parent_id, above.depth + 1 FROM runlore.agent_tasks t JOIN above ON t.id = above.parent_id
 WHERE above.depth < 100
)
SELECT max(depth) FROM above
"""
# Locked first: the next statement has a snapshot with each part that has ended by then.
LOCK_PARENTS: LiteralString = """
SELECT p.id FROM runlore.agent_tasks p
WHERE p.id IN (SELECT parent_id FROM runlore.agent_tasks
  WHERE id = ANY(%(ids)s::uuid[]) AND parent_id IS NOT NULL)
 AND p.status = 'pending' AND p.waits_for > 0 AND p.token IS NOT NULL
ORDER BY p.id FOR UPDATE
"""
GATHER: LiteralString = """
UPDATE runlore.agent_tasks p SET updated_at = clock_timestamp(), waits_for = (
 SELECT count(*) FROM runlore.agent_tasks t
 WHERE t.parent_id = p.id AND t.status IN ('pending', 'assigned', 'in_progress'))
WHERE p.id = ANY(%(ids)s::uuid[]) RETURNING p.waits_for
"""


def suspend_task(connection: Connection, task_id: UUID, token: int, parts: int) -> TaskRow | None:
    """Give a task's slot free until its parts have ended. None: the lease was lost."""
    cursor = connection.cursor(row_factory=class_row(TaskRow))
    return cursor.execute(SUSPEND, {"task": task_id, "token": token, "parts": parts}).fetchone()


def read_depth(connection: Connection, task_id: UUID) -> int:
    """1: the task is no part of another; 0: there is no such task."""
    row = connection.execute(DEPTH, {"task": task_id}).fetchone()
    return int(row[0] or 0) if row else 0


def gather_parts(connection: Connection, ended: Sequence[UUID]) -> None:
    """Put tasks whose last part is among these back into the queue."""
    parents = [row[0] for row in connection.execute(LOCK_PARENTS, {"ids": list(ended)}).fetchall()]
    if parents and any(row[0] == 0 for row in connection.execute(GATHER, {"ids": parents})):
        wake_agents(connection)
