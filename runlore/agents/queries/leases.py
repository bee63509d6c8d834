"""Who has which task: leases with fencing tokens.

A token is higher than all before it. The receiver of an effect remembers the highest token of a
task, and refuses lower ones. So an agent that lost its lease without knowing changes nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row

from runlore.agents.queries.splitting import gather_parts
from runlore.agents.queries.task_rows import Connection, TaskRow, wake_agents
from runlore.agents.rules.learned_score import FORGETTING
from runlore.store.engine import Store

# Locks the agent first: the statements after it count its tasks with a snapshot of their own.
SEEN: LiteralString = """
UPDATE runlore.agents SET seen_at = clock_timestamp() WHERE id = %(agent)s
RETURNING EXISTS (SELECT FROM runlore.agent_tasks
  WHERE status IN ('assigned', 'in_progress') AND lease_until < clock_timestamp()
  AND NOT (is_probe AND status = 'assigned'))
 OR EXISTS (SELECT FROM runlore.agent_tasks
  WHERE status = 'pending' AND deadline < clock_timestamp())
"""
# Two that end leases at once could wait for each other's agents.
ALONE: LiteralString = "SELECT pg_try_advisory_xact_lock(hashtext('runlore.agent_leases'))"
LOCK_AGENT: LiteralString = "SELECT 1 FROM runlore.agents WHERE id = %(agent)s FOR NO KEY UPDATE"
LEASE: LiteralString = """
WITH me AS (
 SELECT id, capabilities, state, quarantined_at,
  CASE WHEN state = 'maintenance' THEN 0 ELSE max_concurrent_tasks END AS slots
 FROM runlore.agents WHERE id = %(agent)s
), own AS (
 SELECT t.id FROM runlore.agent_tasks t, me
 WHERE t.status = 'assigned' AND t.agent_id = me.id AND t.lease_until > clock_timestamp()
 ORDER BY t.due_at LIMIT (SELECT greatest(0, least(%(most)s, slots - (SELECT count(*)
  FROM runlore.agent_tasks h WHERE h.agent_id = me.id AND h.status = 'in_progress'))) FROM me)
 FOR UPDATE OF t SKIP LOCKED
), queued AS (
 SELECT t.id FROM runlore.agent_tasks t, me
 WHERE t.status = 'pending' AND t.waits_for = 0 AND t.available_at <= clock_timestamp()
  AND me.state = 'active' AND me.quarantined_at IS NULL
  AND t.required_capabilities <@ me.capabilities
  AND (%(types)s::text[] IS NULL OR t.type = ANY(%(types)s::text[]))
 ORDER BY t.due_at LIMIT (SELECT greatest(0, least(%(most)s - (SELECT count(*) FROM own),
  slots - (SELECT count(*) FROM runlore.agent_tasks h
   WHERE h.agent_id = me.id AND h.status IN ('assigned', 'in_progress')))) FROM me)
 FOR UPDATE OF t SKIP LOCKED
), leased AS (
 UPDATE runlore.agent_tasks t SET status = 'in_progress', agent_id = %(agent)s,
  token = nextval('runlore.agent_task_token'), attempts = t.attempts + 1,
  started_at = clock_timestamp(), updated_at = clock_timestamp(),
  lease_until = clock_timestamp() + make_interval(secs => t.lease_s)
 WHERE t.id IN (SELECT id FROM own UNION ALL SELECT id FROM queued)
 RETURNING t.*
), noted AS (
 INSERT INTO runlore.agent_task_events (task_id, event, agent_id, token)
 SELECT id, 'leased', agent_id, token FROM leased
)
SELECT * FROM leased ORDER BY due_at
"""
ASSIGN: LiteralString = """
WITH me AS (
 SELECT a.id FROM runlore.agents a, runlore.agent_tasks t
 WHERE a.id = %(agent)s AND t.id = %(task)s AND a.state = 'active'
  AND a.quarantined_at IS NULL
  AND t.required_capabilities <@ a.capabilities
  AND a.max_concurrent_tasks > (SELECT count(*) FROM runlore.agent_tasks h
   WHERE h.agent_id = a.id AND h.status IN ('assigned', 'in_progress'))
), assigned AS (
 UPDATE runlore.agent_tasks t SET status = 'assigned', agent_id = me.id,
  updated_at = clock_timestamp(), lease_until = clock_timestamp() + make_interval(secs => t.lease_s)
 FROM me WHERE t.id = %(task)s AND t.status = 'pending' AND t.waits_for = 0
 RETURNING t.*
), noted AS (
 INSERT INTO runlore.agent_task_events (task_id, event, agent_id, detail)
 SELECT id, 'assigned', agent_id, %(detail)s FROM assigned
)
SELECT * FROM assigned
"""
BEGIN: LiteralString = """
WITH begun AS (
 UPDATE runlore.agent_tasks t SET status = 'in_progress', attempts = t.attempts + 1,
  token = nextval('runlore.agent_task_token'), started_at = clock_timestamp(),
  updated_at = clock_timestamp(),
  lease_until = clock_timestamp() + make_interval(secs => t.lease_s)
 WHERE t.id = %(task)s AND t.status = 'assigned'
 RETURNING t.*
), noted AS (
 INSERT INTO runlore.agent_task_events (task_id, event, agent_id, token)
 SELECT id, 'leased', agent_id, token FROM begun
)
SELECT * FROM begun
"""
RENEW: LiteralString = """
WITH renewed AS (
 UPDATE runlore.agent_tasks t SET updated_at = clock_timestamp(),
  lease_until = clock_timestamp() + make_interval(secs => t.lease_s)
 WHERE t.id = %(task)s AND t.token = %(token)s AND t.status = 'in_progress'
 RETURNING t.*
), seen AS (
 UPDATE runlore.agents a SET seen_at = clock_timestamp() FROM renewed WHERE a.id = renewed.agent_id
)
SELECT * FROM renewed
"""
COMPLETE: LiteralString = """
WITH done AS (
 UPDATE runlore.agent_tasks t SET status = 'completed', output = %(output)s::jsonb, failure = NULL,
  completed_at = clock_timestamp(), updated_at = clock_timestamp(), lease_until = NULL
 WHERE t.id = %(task)s AND t.token = %(token)s AND t.status = 'in_progress'
 RETURNING t.*
), credited AS (
 UPDATE runlore.agents a SET seen_at = clock_timestamp(), tasks_completed = a.tasks_completed + 1,
  mean_duration_s = coalesce(%(weight)s * took.s + (1 - %(weight)s) * a.mean_duration_s, took.s)
 FROM (SELECT agent_id, is_probe,
   extract(epoch FROM completed_at - started_at)::float8 AS s FROM done) took
 WHERE a.id = took.agent_id AND NOT took.is_probe
), noted AS (
 INSERT INTO runlore.agent_task_events (task_id, event, agent_id, token)
 SELECT id, 'completed', agent_id, token FROM done
), shown AS (
 INSERT INTO runlore.agent_skills AS k (agent_id, task_type, successes, failures, log_s, log_s2)
 SELECT agent_id, type, 1, 0, took.ln, took.ln * took.ln FROM done,
  LATERAL (SELECT ln(greatest(0.001, extract(epoch FROM completed_at - started_at)))::float8 AS ln)
   AS took WHERE NOT is_probe
 ON CONFLICT (agent_id, task_type) DO UPDATE SET
  successes = %(forgetting)s * k.successes + 1, failures = %(forgetting)s * k.failures,
  log_s = %(forgetting)s * k.log_s + excluded.log_s,
  log_s2 = %(forgetting)s * k.log_s2 + excluded.log_s2
)
SELECT * FROM done
"""
# After COMPLETE, with a snapshot that has each dependent: whoever adds one locks the task first.
FREE: LiteralString = """
UPDATE runlore.agent_tasks t SET waits_for = t.waits_for - 1, updated_at = clock_timestamp()
FROM runlore.agent_task_dependencies d
WHERE d.depends_on = %(task)s AND t.id = d.task_id AND t.status = 'pending'
"""
# Ends an attempt: the task waits for the next one, or has failed for good.
FAILED: LiteralString = """
 status = CASE WHEN %(may_retry)s AND t.attempts <= t.max_retries
   AND (t.deadline IS NULL OR t.deadline > clock_timestamp()) THEN 'pending' ELSE 'failed' END,
 available_at = clock_timestamp() + make_interval(secs => least(%(longest_s)s,
   %(first_s)s * power(2, least(t.attempts, 60) - 1)) * (0.5 + 0.5 * random())),
 completed_at = CASE WHEN %(may_retry)s AND t.attempts <= t.max_retries
   AND (t.deadline IS NULL OR t.deadline > clock_timestamp()) THEN NULL ELSE clock_timestamp() END,
 updated_at = clock_timestamp(), lease_until = NULL
"""
BLAME: LiteralString = """
 UPDATE runlore.agents a SET tasks_failed = a.tasks_failed + counted.n
 FROM (SELECT agent_id, count(*) AS n FROM ended WHERE NOT is_probe GROUP BY agent_id) counted
 WHERE a.id = counted.agent_id
"""
# An attempt that failed counts against the agent at this type of task.
SHOWN: LiteralString = """
 INSERT INTO runlore.agent_skills AS k (agent_id, task_type, successes, failures, log_s, log_s2)
 SELECT agent_id, type, 0, count(*), 0, 0 FROM ended WHERE agent_id IS NOT NULL AND NOT is_probe
 GROUP BY agent_id, type
 ON CONFLICT (agent_id, task_type) DO UPDATE SET
  successes = power(%(forgetting)s, excluded.failures) * k.successes,
  failures = power(%(forgetting)s, excluded.failures) * k.failures + excluded.failures,
  log_s = power(%(forgetting)s, excluded.failures) * k.log_s,
  log_s2 = power(%(forgetting)s, excluded.failures) * k.log_s2
"""
NOTED: LiteralString = """
 INSERT INTO runlore.agent_task_events (task_id, event, agent_id, token, detail)
 SELECT id, CASE status WHEN 'failed' THEN 'failed' ELSE 'retried' END, agent_id, token, failure
 FROM ended
"""
FAIL: LiteralString = f"""
WITH ended AS (
 UPDATE runlore.agent_tasks t SET failure = %(failure)s, {FAILED}
 WHERE t.id = %(task)s AND t.token = %(token)s AND t.status = 'in_progress'
 RETURNING t.*
), blamed AS ({BLAME}), shown AS ({SHOWN}), noted AS ({NOTED})
SELECT * FROM ended
"""  # noqa: S608  (parts of ours)
EXPIRE: LiteralString = f"""
WITH late AS (
 SELECT t.id FROM runlore.agent_tasks t
 WHERE t.status = 'in_progress' AND t.lease_until < clock_timestamp()
 ORDER BY t.lease_until LIMIT %(most)s FOR UPDATE SKIP LOCKED
), ended AS (
 UPDATE runlore.agent_tasks t SET failure = 'the lease ended: no heartbeat for '
   || t.lease_s || ' s', {FAILED}
 FROM late WHERE t.id = late.id
 RETURNING t.*
), blamed AS ({BLAME}), shown AS ({SHOWN}), noted AS ({NOTED})
SELECT * FROM ended
"""  # noqa: S608  (parts of ours)
UNASSIGN: LiteralString = """
WITH late AS (
 SELECT t.id FROM runlore.agent_tasks t
 WHERE t.status = 'assigned' AND t.lease_until < clock_timestamp() AND NOT t.is_probe
 ORDER BY t.lease_until LIMIT %(most)s FOR UPDATE SKIP LOCKED
), freed AS (
 UPDATE runlore.agent_tasks t SET status = 'pending', lease_until = NULL,
  updated_at = clock_timestamp()
 FROM late WHERE t.id = late.id RETURNING t.id, t.agent_id
), noted AS (
 INSERT INTO runlore.agent_task_events (task_id, event, agent_id, detail)
 SELECT id, 'unassigned', agent_id, 'the agent did not begin it in time' FROM freed
)
SELECT count(*) FROM freed
"""
MISS_DEADLINE: LiteralString = """
WITH late AS (
 SELECT t.id FROM runlore.agent_tasks t
 WHERE t.status = 'pending' AND t.deadline < clock_timestamp()
 ORDER BY t.deadline LIMIT %(most)s FOR UPDATE SKIP LOCKED
), ended AS (
 UPDATE runlore.agent_tasks t SET status = 'failed',
  completed_at = clock_timestamp(), updated_at = clock_timestamp(),
  failure = 'the deadline passed before it was done'
 FROM late WHERE t.id = late.id RETURNING t.*
), noted AS (
 INSERT INTO runlore.agent_task_events (task_id, event, detail)
 SELECT id, 'failed', failure FROM ended
)
SELECT * FROM ended
"""
CANCEL: LiteralString = """
WITH ended AS (
 UPDATE runlore.agent_tasks t SET status = 'cancelled', failure = %(failure)s,
  completed_at = clock_timestamp(), updated_at = clock_timestamp(), lease_until = NULL
 WHERE t.id = %(task)s AND t.status IN ('pending', 'assigned', 'in_progress')
 RETURNING t.*
), noted AS (
 INSERT INTO runlore.agent_task_events (task_id, event, agent_id, token, detail)
 SELECT id, 'cancelled', agent_id, token, failure FROM ended
)
SELECT * FROM ended
"""
FAIL_DEPENDENTS: LiteralString = """
WITH RECURSIVE lost AS (
 SELECT d.task_id FROM runlore.agent_task_dependencies d WHERE d.depends_on = ANY(%(ids)s::uuid[])
 UNION
 SELECT d.task_id FROM runlore.agent_task_dependencies d JOIN lost ON d.depends_on = lost.task_id
), ended AS (
 UPDATE runlore.agent_tasks t SET status = 'failed',
  completed_at = clock_timestamp(), updated_at = clock_timestamp(),
  failure = 'a task that it depends on failed or was cancelled'
 FROM lost WHERE t.id = lost.task_id AND t.status = 'pending'
 RETURNING t.id, t.failure
)
INSERT INTO runlore.agent_task_events (task_id, event, detail)
SELECT id, 'failed', failure FROM ended RETURNING task_id
"""


@dataclass(frozen=True)
class Backoff:
    """Seconds; doubled with each attempt, half of it at random."""

    first_s: float
    longest_s: float


@dataclass(frozen=True)
class LeaseBatch:
    """has_late: leases or deadlines have ended that nobody has settled yet."""

    tasks: list[TaskRow]
    has_late: bool


def lease_tasks(
    store: Store, agent_id: UUID, most: int, types: Sequence[str] | None = None
) -> LeaseBatch | None:
    """Tasks that are assigned to an agent, then those of the queue that it can do.

    None: there is no such agent.
    """
    values = {"agent": agent_id, "most": most, "types": None if types is None else list(types)}
    with store.connect() as connection:
        row = connection.execute(SEEN, values).fetchone()
        if row is None:
            return None
        return LeaseBatch(_rows(connection, LEASE, values), has_late=bool(row[0]))


def assign_task(
    connection: Connection, task_id: UUID, agent_id: UUID, detail: str
) -> TaskRow | None:
    """None: the task is not free, or the agent cannot take it."""
    values = {"task": task_id, "agent": agent_id, "detail": detail}
    connection.execute(LOCK_AGENT, values)
    return _one(connection, ASSIGN, values)


def begin_assigned(store: Store, task_id: UUID) -> TaskRow | None:
    """Lease a task to the agent that it is assigned to. None: it is not assigned."""
    with store.connect() as connection:
        return _one(connection, BEGIN, {"task": task_id})


def renew_lease(store: Store, task_id: UUID, token: int) -> TaskRow | None:
    """None: the token is not that of the present lease, or the task has ended."""
    with store.connect() as connection:
        return _one(connection, RENEW, {"task": task_id, "token": token})


def complete_task(
    store: Store, task_id: UUID, token: int, output: object, weight: float
) -> TaskRow | None:
    """None as above. weight: of this duration in the agent's moving average."""
    values = {
        "task": task_id,
        "token": token,
        "output": json.dumps(output),
        "weight": weight,
        "forgetting": FORGETTING,
    }
    with store.connect() as connection:
        row = _one(connection, COMPLETE, values)
        if row is not None and connection.execute(FREE, values).rowcount:
            wake_agents(connection)
        if row is not None and row.parent_id:
            gather_parts(connection, [row.id])
        return row


def fail_task(
    store: Store, task_id: UUID, token: int, failure: str, backoff: Backoff, *, may_retry: bool
) -> TaskRow | None:
    """None as above. Tasks that depend on one that failed for good fail as well."""
    values = {"task": task_id, "token": token, "failure": failure, "may_retry": may_retry}
    values["forgetting"] = FORGETTING
    with store.connect() as connection:
        row = _one(connection, FAIL, values | vars(backoff))
        if row is not None:
            _follow(connection, [row])
        return row


def cancel_task(store: Store, task_id: UUID, reason: str) -> TaskRow | None:
    """None: it has ended, or there is none."""
    with store.connect() as connection:
        row = _one(connection, CANCEL, {"task": task_id, "failure": reason})
        if row is not None:
            _follow(connection, [row])
        return row


def end_leases(store: Store, backoff: Backoff, most: int = 1000) -> int:
    """Take tasks back from agents that are silent; returns how many. Safe to run at any time.

    0 also while somebody else is at it.
    """
    values = {"most": most, "may_retry": True, "forgetting": FORGETTING} | vars(backoff)
    with store.connect() as connection:
        alone = connection.execute(ALONE).fetchone()
        if not (alone and alone[0]):
            return 0
        ended = _rows(connection, EXPIRE, values) + _rows(connection, MISS_DEADLINE, values)
        row = connection.execute(UNASSIGN, {"most": most}).fetchone()
        unassigned = 0 if row is None else int(row[0])
        if unassigned:
            wake_agents(connection)
        _follow(connection, ended)
    return len(ended) + unassigned


def _follow(connection: Connection, ended: list[TaskRow]) -> None:
    """What follows from attempts that ended: dependents fail, waiting agents hear of retries."""
    lost = [row.id for row in ended if row.status in {"failed", "cancelled"}]
    if lost:
        failed = connection.execute(FAIL_DEPENDENTS, {"ids": lost}).fetchall()
        gather_parts(connection, [*lost, *(row[0] for row in failed)])
    if len(lost) < len(ended):
        wake_agents(connection)


def _one(
    connection: Connection, statement: LiteralString, values: dict[str, Any]
) -> TaskRow | None:
    cursor = connection.cursor(row_factory=class_row(TaskRow))
    return cursor.execute(statement, values).fetchone()


def _rows(
    connection: Connection, statement: LiteralString, values: dict[str, Any]
) -> list[TaskRow]:
    cursor = connection.cursor(row_factory=class_row(TaskRow))
    return cursor.execute(statement, values).fetchall()
