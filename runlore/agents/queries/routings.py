"""Where tasks went, and why: the ledger of routing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row

from runlore.agents.queries.task_rows import Connection
from runlore.agents.rules.fixed_score import AgentRecord
from runlore.agents.rules.learned_score import ShownSkill
from runlore.agents.rules.registration import OFFLINE_AFTER_S
from runlore.store.engine import Store

CANDIDATES: LiteralString = """
WITH counted AS (
 SELECT agent_id, count(*)::int AS in_hand FROM runlore.agent_tasks
 WHERE status IN ('assigned', 'in_progress') GROUP BY agent_id
)
SELECT a.id, a.name, a.capabilities, coalesce(c.in_hand, 0), a.max_concurrent_tasks,
 a.tasks_completed, a.tasks_failed, extract(epoch FROM clock_timestamp() - a.seen_at)::float8
FROM runlore.agents a LEFT JOIN counted c ON c.agent_id = a.id
WHERE a.state = 'active' AND a.quarantined_at IS NULL
 AND a.capabilities @> %(required)s::text[]
 AND a.seen_at > clock_timestamp() - make_interval(secs => %(offline_s)s)
 AND coalesce(c.in_hand, 0) < a.max_concurrent_tasks
"""
SKILLS: LiteralString = """
WITH counted AS (
 SELECT agent_id, count(*)::int AS in_hand FROM runlore.agent_tasks
 WHERE status IN ('assigned', 'in_progress') GROUP BY agent_id
), shown AS (
 SELECT agent_id, sum(successes) AS successes, sum(failures) AS failures
 FROM runlore.agent_skills GROUP BY agent_id
)
SELECT a.id, a.name, coalesce(c.in_hand, 0), a.max_concurrent_tasks, coalesce(own.successes, 0),
 coalesce(own.failures, 0), coalesce(own.log_s, 0), coalesce(own.log_s2, 0),
 greatest(0, coalesce(s.successes, 0) - coalesce(own.successes, 0)),
 greatest(0, coalesce(s.failures, 0) - coalesce(own.failures, 0))
FROM runlore.agents a LEFT JOIN counted c ON c.agent_id = a.id
 LEFT JOIN shown s ON s.agent_id = a.id
 LEFT JOIN runlore.agent_skills own ON own.agent_id = a.id AND own.task_type = %(type)s
WHERE a.state = 'active' AND a.quarantined_at IS NULL
 AND a.capabilities @> %(required)s::text[]
 AND a.seen_at > clock_timestamp() - make_interval(secs => %(offline_s)s)
 AND coalesce(c.in_hand, 0) < a.max_concurrent_tasks
ORDER BY a.id
"""
ADD: LiteralString = """
INSERT INTO runlore.agent_routings (task_id, policy, agent_id, propensity, candidates, reason)
VALUES (%(task_id)s, %(policy)s, %(agent_id)s, %(propensity)s, %(candidates)s::jsonb, %(reason)s)
"""
READ: LiteralString = """
SELECT at, policy, agent_id, propensity, candidates, reason FROM runlore.agent_routings
WHERE task_id = %(task_id)s ORDER BY id LIMIT 100
"""


@dataclass(frozen=True)
class RoutingRow:
    at: datetime
    policy: str
    agent_id: UUID | None
    propensity: float | None
    candidates: list[dict[str, Any]]
    reason: str


def read_candidates(connection: Connection, required: Sequence[str]) -> list[AgentRecord]:
    """Active agents that were seen lately, have the capabilities and a free slot."""
    values = {"required": list(required), "offline_s": OFFLINE_AFTER_S}
    rows = connection.execute(CANDIDATES, values).fetchall()
    return [AgentRecord(row[0], row[1], frozenset(row[2]), *row[3:]) for row in rows]


def read_skills(
    connection: Connection, required: Sequence[str], task_type: str
) -> list[ShownSkill]:
    """The same agents, and what they have shown at this type of task and at others."""
    values = {"required": list(required), "type": task_type, "offline_s": OFFLINE_AFTER_S}
    return [ShownSkill(*row) for row in connection.execute(SKILLS, values).fetchall()]


def add_routing(
    connection: Connection,
    task_id: UUID | None,
    policy: str,
    chosen: UUID | None,
    propensity: float | None,
    candidates: Sequence[dict[str, Any]],
    reason: str,
) -> None:
    values = {
        "task_id": task_id,
        "policy": policy,
        "agent_id": chosen,
        "propensity": propensity,
        "candidates": json.dumps(list(candidates)),
        "reason": reason,
    }
    connection.execute(ADD, values)


def read_routings(store: Store, task_id: UUID) -> list[RoutingRow]:
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(RoutingRow))
        return cursor.execute(READ, {"task_id": task_id}).fetchall()
