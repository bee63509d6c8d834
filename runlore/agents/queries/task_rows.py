"""Tasks as rows: added, read and listed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from runlore.agents.rules.task import PRIORITIES, QUEUE_DELAY_S, NewTask, TaskStatus
from runlore.store.engine import Store
from runlore.store.notices import AGENT_TASKS

Connection = psycopg.Connection[Any]

NOTIFY: LiteralString = "SELECT pg_notify(%(channel)s, '')"
ADD: LiteralString = """
WITH added AS (
 INSERT INTO runlore.agent_tasks (type, name, description, priority, required_capabilities, input,
  context_id, parent_id, idempotency_key, deadline, lease_s, max_retries, due_at, waits_for)
 VALUES (%(type)s, %(name)s, %(description)s, %(priority)s, %(required)s, %(input)s::jsonb,
  %(context_id)s, %(parent_id)s, %(idempotency_key)s, %(deadline)s, %(lease_s)s, %(max_retries)s,
  least(clock_timestamp() + make_interval(secs => %(delay_s)s), %(deadline)s::timestamptz),
  (SELECT count(*) FROM runlore.agent_tasks d
   WHERE d.id = ANY(%(depends_on)s::uuid[]) AND d.status <> 'completed'))
 ON CONFLICT (idempotency_key) DO NOTHING
 RETURNING *
), linked AS (
 INSERT INTO runlore.agent_task_dependencies (task_id, depends_on)
 SELECT added.id, d FROM added, unnest(%(depends_on)s::uuid[]) AS d
), noted AS (
 INSERT INTO runlore.agent_task_events (task_id, event) SELECT id, 'created' FROM added
)
SELECT * FROM added
"""
LOCK: LiteralString = """
SELECT id, status FROM runlore.agent_tasks WHERE id = ANY(%(ids)s::uuid[]) ORDER BY id FOR SHARE
"""
READ: LiteralString = "SELECT t.* FROM runlore.agent_tasks t WHERE t.id = %(id)s"
READ_BY_KEY: LiteralString = """
SELECT t.* FROM runlore.agent_tasks t WHERE t.idempotency_key = %(key)s
"""
LIST: LiteralString = """
SELECT t.* FROM runlore.agent_tasks t
WHERE NOT t.is_probe AND (%(status)s::text IS NULL OR t.status = %(status)s)
 AND (%(type)s::text IS NULL OR t.type = %(type)s)
 AND (%(agent_id)s::uuid IS NULL OR t.agent_id = %(agent_id)s)
 AND (%(parent_id)s::uuid IS NULL OR t.parent_id = %(parent_id)s)
 AND (%(before)s::timestamptz IS NULL OR t.created_at < %(before)s)
ORDER BY t.created_at DESC LIMIT %(limit)s
"""
EVENTS: LiteralString = """
SELECT at, event, agent_id, token, detail FROM runlore.agent_task_events
WHERE task_id = %(id)s ORDER BY id LIMIT 1000
"""

NOTE: LiteralString = """
INSERT INTO runlore.agent_task_events (task_id, event, agent_id, token, detail)
SELECT %(task)s, 'log', %(agent)s, %(token)s, line
FROM unnest(%(lines)s::text[]) WITH ORDINALITY AS written (line, place) ORDER BY place
"""


@dataclass(frozen=True)
class TaskRow:
    """priority: its place in PRIORITIES. due_at: place in the queue. token: of the last lease."""

    id: UUID
    type: str
    name: str
    description: str
    priority: int
    status: TaskStatus
    agent_id: UUID | None
    required_capabilities: list[str]
    input: dict[str, Any]
    output: Any
    failure: str | None
    context_id: str | None
    parent_id: UUID | None
    idempotency_key: str | None
    created_at: datetime
    updated_at: datetime
    due_at: datetime
    available_at: datetime
    deadline: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    lease_s: float
    lease_until: datetime | None
    token: int | None
    attempts: int
    max_retries: int
    waits_for: int
    is_probe: bool


@dataclass(frozen=True)
class TaskEvent:
    at: datetime
    event: str
    agent_id: UUID | None
    token: int | None
    detail: str


@dataclass(frozen=True)
class TaskFilter:
    """before: when the last task of the page before was created."""

    status: str | None = None
    type: str | None = None
    agent_id: UUID | None = None
    parent_id: UUID | None = None
    before: datetime | None = None
    limit: int = 100


def add_task(connection: Connection, task: NewTask) -> TaskRow | None:
    """None: a task with its idempotency key exists. Its dependencies are locked before."""
    cursor = connection.cursor(row_factory=class_row(TaskRow))
    row = cursor.execute(ADD, _values(task)).fetchone()
    if row is not None:
        wake_agents(connection)
    return row


def wake_agents(connection: Connection) -> None:
    """Tell those who wait for tasks, when the transaction is committed, that there may be one."""
    connection.execute(NOTIFY, {"channel": AGENT_TASKS})


def lock_tasks(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, TaskStatus]:
    """Their statuses, which stay so until the transaction ends; missing: no such task."""
    return dict(connection.execute(LOCK, {"ids": list(ids)}).fetchall())


def note_lines(store: Store, task: TaskRow, lines: Sequence[str]) -> None:
    """Put what an agent wrote while it worked into the record of a task."""
    values = {"task": task.id, "agent": task.agent_id, "token": task.token, "lines": list(lines)}
    with store.connect() as connection:
        connection.execute(NOTE, values)


def read_task(store: Store, task_id: UUID) -> TaskRow | None:
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(TaskRow))
        return cursor.execute(READ, {"id": task_id}).fetchone()


def read_task_by_key(connection: Connection, key: str) -> TaskRow | None:
    cursor = connection.cursor(row_factory=class_row(TaskRow))
    return cursor.execute(READ_BY_KEY, {"key": key}).fetchone()


def list_tasks(store: Store, wanted: TaskFilter) -> list[TaskRow]:
    """The newest first."""
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(TaskRow))
        return cursor.execute(LIST, vars(wanted)).fetchall()


def read_events(store: Store, task_id: UUID) -> list[TaskEvent]:
    """What happened to a task, in order; the first 1,000."""
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(TaskEvent))
        return cursor.execute(EVENTS, {"id": task_id}).fetchall()


def _values(task: NewTask) -> dict[str, Any]:
    return {
        "type": task.type.strip(),
        "name": task.name.strip(),
        "description": task.description,
        "priority": PRIORITIES.index(task.priority),
        "required": sorted(set(task.required_capabilities)),
        "input": json.dumps(dict(task.input)),
        "context_id": task.context_id,
        "parent_id": task.parent_id,
        "idempotency_key": task.idempotency_key,
        "deadline": task.deadline,
        "lease_s": task.lease_s,
        "max_retries": task.max_retries,
        "delay_s": QUEUE_DELAY_S[task.priority],
        "depends_on": sorted(set(task.depends_on)),
    }
