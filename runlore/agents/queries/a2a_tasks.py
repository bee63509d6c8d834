"""Tasks and agents as A2A lists them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row

from runlore.agents.queries.task_rows import TaskRow
from runlore.agents.rules.a2a.agent_card import ShownType
from runlore.agents.rules.task import TaskStatus
from runlore.store.engine import Store

MATCHES: LiteralString = """
 (%(statuses)s::text[] IS NULL OR t.status = ANY(%(statuses)s))
 AND (%(context_id)s::text IS NULL OR t.context_id = %(context_id)s)
 AND (%(agent_id)s::uuid IS NULL OR t.agent_id = %(agent_id)s)
 AND (%(since)s::timestamptz IS NULL OR t.updated_at >= %(since)s)
"""
LIST: LiteralString = f"""
SELECT t.* FROM runlore.agent_tasks t
WHERE {MATCHES} AND (%(before)s::timestamptz IS NULL OR t.created_at < %(before)s)
ORDER BY t.created_at DESC LIMIT %(limit)s
"""  # noqa: S608  (parts of ours)
COUNT: LiteralString = f"SELECT count(*) FROM runlore.agent_tasks t WHERE {MATCHES}"  # noqa: S608
SHOWN: LiteralString = """
SELECT task_type, sum(successes) AS successes, sum(successes + failures) AS outcomes
FROM runlore.agent_skills WHERE %(agent_id)s::uuid IS NULL OR agent_id = %(agent_id)s
GROUP BY task_type ORDER BY outcomes DESC, task_type LIMIT 100
"""
LOAD: LiteralString = """
SELECT (SELECT count(*) FROM runlore.agent_tasks WHERE status IN ('assigned', 'in_progress')),
 (SELECT coalesce(sum(max_concurrent_tasks), 0) FROM runlore.agents WHERE state = 'active'),
 ARRAY(SELECT DISTINCT w FROM runlore.agents, unnest(capabilities) w WHERE state = 'active'
  ORDER BY w LIMIT 100)
"""


@dataclass(frozen=True)
class A2aTaskQuery:
    """before: when the last task of the page before was created. since: of the last change."""

    statuses: tuple[TaskStatus, ...] | None = None
    context_id: str | None = None
    agent_id: UUID | None = None
    since: datetime | None = None
    before: datetime | None = None
    limit: int = 50


@dataclass(frozen=True)
class WholeLoad:
    """Of all active agents. words: their capabilities, at most 100."""

    in_hand: int
    slots: int
    words: list[str]


def list_a2a_tasks(store: Store, wanted: A2aTaskQuery) -> tuple[list[TaskRow], int]:
    """A page of tasks, the newest first, and how many there are on all pages."""
    values: dict[str, Any] = vars(wanted) | {
        "statuses": None if wanted.statuses is None else list(wanted.statuses)
    }
    with store.connect() as connection:
        rows = connection.cursor(row_factory=class_row(TaskRow)).execute(LIST, values).fetchall()
        total = connection.execute(COUNT, values).fetchone()
    return rows, int(total[0]) if total else 0


def read_shown(store: Store, agent_id: UUID | None = None) -> list[ShownType]:
    """Outcomes by type of task, of one agent or of all; the 100 types with most of them."""
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(ShownType))
        return cursor.execute(SHOWN, {"agent_id": agent_id}).fetchall()


def read_whole_load(store: Store) -> WholeLoad:
    with store.connect() as connection:
        row = connection.execute(LOAD).fetchone()
    return WholeLoad(int(row[0]), int(row[1]), list(row[2])) if row else WholeLoad(0, 0, [])
