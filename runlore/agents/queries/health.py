"""Health of agents as rows: outcomes to look at, scores, evidence, quarantine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row

from runlore.agents.queries.task_rows import Connection, wake_agents
from runlore.agents.rules.health import HealthState, SkillPast
from runlore.store.engine import Store

# The service was away for so long: that agents did not answer says nothing of them.
DISTRUST_GAP_S, DISTRUST_S = 30.0, 60.0
ALONE: LiteralString = "SELECT pg_try_advisory_xact_lock(hashtext('runlore.agent_health'))"
LOOK: LiteralString = """
INSERT INTO runlore.agent_health_watermark AS w (event_id, looked_at)
VALUES ((SELECT coalesce(max(id), 0) FROM runlore.agent_task_events), clock_timestamp())
ON CONFLICT (id) DO UPDATE SET looked_at = clock_timestamp(),
 distrust_until = CASE WHEN w.looked_at < clock_timestamp() - make_interval(secs => %(gap_s)s)
  THEN clock_timestamp() + make_interval(secs => %(distrust_s)s) ELSE w.distrust_until END
RETURNING event_id, coalesce(distrust_until > clock_timestamp(), false)
"""
# Events of a transaction that is under way may get their numbers late: wait for a second.
OUTCOMES: LiteralString = """
SELECT e.id, e.agent_id, a.name AS agent, e.event, e.detail, e.task_id, t.type AS task_type,
 extract(epoch FROM t.completed_at - t.started_at)::float8 AS took_s, t.is_probe
FROM runlore.agent_task_events e JOIN runlore.agent_tasks t ON t.id = e.task_id
 JOIN runlore.agents a ON a.id = e.agent_id
WHERE e.id > %(after)s AND e.at < clock_timestamp() - interval '1 second'
 AND e.event IN ('completed', 'failed', 'retried', 'unassigned')
ORDER BY e.id LIMIT 5000
"""
MOVE: LiteralString = "UPDATE runlore.agent_health_watermark SET event_id = %(id)s"
STATES: LiteralString = """
SELECT a.id, coalesce(h.score, 0), coalesce(h.passes, 0), coalesce(h.quarantines, 0),
 a.quarantined_at IS NOT NULL
FROM runlore.agents a LEFT JOIN runlore.agent_health h ON h.agent_id = a.id
WHERE a.id = ANY(%(agents)s::uuid[]) ORDER BY a.id FOR NO KEY UPDATE OF a
"""
SKILLS: LiteralString = """
SELECT agent_id, task_type, successes, failures, log_s, log_s2, score, fallen_at IS NOT NULL
FROM runlore.agent_skill_health WHERE agent_id = ANY(%(agents)s::uuid[])
"""
SHOWN: LiteralString = """
SELECT agent_id, task_type, successes, failures FROM runlore.agent_skills
WHERE task_type = ANY(%(types)s::text[])
"""
WRITE_STATE: LiteralString = """
INSERT INTO runlore.agent_health AS h (agent_id, score, passes, quarantines)
VALUES (%(agent)s, %(score)s, %(passes)s, %(quarantines)s)
ON CONFLICT (agent_id) DO UPDATE SET score = excluded.score, passes = excluded.passes,
 quarantines = excluded.quarantines,
 next_probe_at = CASE WHEN excluded.score > 0 AND NOT %(is_quarantined)s THEN NULL
  ELSE h.next_probe_at END
"""
WRITE_SKILL: LiteralString = """
INSERT INTO runlore.agent_skill_health AS k
 (agent_id, task_type, successes, failures, log_s, log_s2, score, fallen_at)
VALUES (%(agent)s, %(type)s, %(successes)s, %(failures)s, %(log_s)s, %(log_s2)s, %(score)s,
 CASE WHEN %(is_fallen)s THEN clock_timestamp() END)
ON CONFLICT (agent_id, task_type) DO UPDATE SET successes = excluded.successes,
 failures = excluded.failures, log_s = excluded.log_s, log_s2 = excluded.log_s2,
 score = excluded.score,
 fallen_at = CASE WHEN %(is_fallen)s THEN coalesce(k.fallen_at, excluded.fallen_at) END
"""
ADD_EVIDENCE: LiteralString = """
INSERT INTO runlore.agent_health_evidence (agent_id, kind, task_id, weight, score, detail)
VALUES (%(agent)s, %(kind)s, %(task)s, %(weight)s, %(score)s, %(detail)s)
"""
QUARANTINE: LiteralString = """
WITH freed AS (
 UPDATE runlore.agent_tasks t SET status = 'pending', lease_until = NULL,
  updated_at = clock_timestamp()
 WHERE t.agent_id = %(agent)s AND t.status = 'assigned' AND NOT t.is_probe RETURNING t.id
), noted AS (
 INSERT INTO runlore.agent_task_events (task_id, event, detail)
 SELECT id, 'unassigned', 'its agent is in quarantine' FROM freed
)
UPDATE runlore.agents SET quarantined_at = clock_timestamp(), quarantine_reason = %(reason)s
WHERE id = %(agent)s
"""
RETURN: LiteralString = """
UPDATE runlore.agents SET quarantined_at = NULL, quarantine_reason = NULL WHERE id = %(agent)s
"""
IN_QUARANTINE: LiteralString = """
SELECT id, name, quarantined_at, quarantine_reason FROM runlore.agents
WHERE quarantined_at IS NOT NULL ORDER BY name
"""
FALLEN: LiteralString = """
SELECT k.agent_id, a.name, k.task_type, k.fallen_at, k.successes, k.failures
FROM runlore.agent_skill_health k JOIN runlore.agents a ON a.id = k.agent_id
WHERE k.fallen_at IS NOT NULL ORDER BY a.name, k.task_type
"""
EVIDENCE: LiteralString = """
SELECT at, kind, task_id, weight, score, detail FROM runlore.agent_health_evidence
WHERE agent_id = %(agent)s AND at <= %(as_of)s ORDER BY id DESC LIMIT %(limit)s
"""
CHANGED: LiteralString = """
SELECT DISTINCT ON (agent_id) kind, at, detail FROM runlore.agent_health_evidence
WHERE agent_id = %(agent)s AND at <= %(as_of)s AND kind IN ('quarantined', 'returned')
ORDER BY agent_id, id DESC
"""
FORGET: LiteralString = """
DELETE FROM runlore.agent_health_evidence WHERE id IN (
 SELECT id FROM runlore.agent_health_evidence
 WHERE at < clock_timestamp() - interval '90 days' LIMIT 1000)
"""
ANY_AGENT: LiteralString = "SELECT EXISTS (SELECT FROM runlore.agents)"


@dataclass(frozen=True)
class HealthWatermark:
    """is_distrusted: the service was away; that agents were silent is no evidence."""

    event_id: int
    is_distrusted: bool


@dataclass(frozen=True)
class TaskOutcomeRow:
    id: int
    agent_id: UUID
    agent: str
    event: str
    detail: str
    task_id: UUID
    task_type: str
    took_s: float | None
    is_probe: bool


@dataclass(frozen=True)
class EvidenceRow:
    """weight: log likelihood ratio; above 0: it speaks against the agent. score: after it."""

    at: datetime
    kind: str
    task_id: UUID | None
    weight: float
    score: float
    detail: str


@dataclass(frozen=True)
class QuarantinedAgent:
    id: UUID
    name: str
    quarantined_at: datetime
    quarantine_reason: str


@dataclass(frozen=True)
class FallenSkill:
    agent_id: UUID
    name: str
    task_type: str
    fallen_at: datetime
    successes: float
    failures: float


def has_agents(store: Store) -> bool:
    with store.connect() as connection:
        row = connection.execute(ANY_AGENT).fetchone()
    return bool(row and row[0])


def begin_look(connection: Connection) -> HealthWatermark | None:
    """None: somebody else is looking."""
    alone = connection.execute(ALONE).fetchone()
    if not (alone and alone[0]):
        return None
    row = connection.execute(LOOK, {"gap_s": DISTRUST_GAP_S, "distrust_s": DISTRUST_S}).fetchone()
    return None if row is None else HealthWatermark(*row)


def read_outcomes(connection: Connection, after: int) -> list[TaskOutcomeRow]:
    """How attempts ended since that event, in order."""
    cursor = connection.cursor(row_factory=class_row(TaskOutcomeRow))
    rows = cursor.execute(OUTCOMES, {"after": after}).fetchall()
    if rows:
        connection.execute(MOVE, {"id": rows[-1].id})
    return [row for row in rows if not row.is_probe]


def read_states(connection: Connection, agents: Sequence[UUID]) -> dict[UUID, HealthState]:
    """Those of agents that are still there; they are locked."""
    rows = connection.execute(STATES, {"agents": list(agents)}).fetchall()
    return {row[0]: HealthState(row[1], row[2], row[3], is_quarantined=row[4]) for row in rows}


def read_pasts(connection: Connection, agents: Sequence[UUID]) -> dict[tuple[UUID, str], SkillPast]:
    rows = connection.execute(SKILLS, {"agents": list(agents)}).fetchall()
    return {(row[0], row[1]): SkillPast(*row[2:]) for row in rows}


def read_shown(
    connection: Connection, types: Sequence[str]
) -> list[tuple[UUID, str, float, float]]:
    """Agent, type, recent successes and failures of all agents."""
    return connection.execute(SHOWN, {"types": list(types)}).fetchall()


def write_states(connection: Connection, states: Mapping[UUID, HealthState]) -> None:
    rows = [
        {
            "agent": agent,
            "score": one.score,
            "passes": one.passes,
            "quarantines": one.quarantines,
            "is_quarantined": one.is_quarantined,
        }
        for agent, one in states.items()
    ]
    connection.cursor().executemany(WRITE_STATE, rows)


def write_pasts(connection: Connection, pasts: Mapping[tuple[UUID, str], SkillPast]) -> None:
    rows = [{"agent": key[0], "type": key[1], **vars(one)} for key, one in pasts.items()]
    connection.cursor().executemany(WRITE_SKILL, rows)


def add_evidence(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """agent, kind, task, weight, score and detail of each."""
    connection.cursor().executemany(ADD_EVIDENCE, rows)


def quarantine(connection: Connection, agent_id: UUID, reason: str) -> None:
    """It gets nothing but probes; what it has not begun goes back to the queue."""
    connection.execute(QUARANTINE, {"agent": agent_id, "reason": reason})
    wake_agents(connection)


def let_return(connection: Connection, agent_id: UUID) -> None:
    connection.execute(RETURN, {"agent": agent_id})
    wake_agents(connection)


def read_quarantined(connection: Connection) -> list[QuarantinedAgent]:
    cursor = connection.cursor(row_factory=class_row(QuarantinedAgent))
    return cursor.execute(IN_QUARANTINE).fetchall()


def read_fallen(connection: Connection) -> list[FallenSkill]:
    return connection.cursor(row_factory=class_row(FallenSkill)).execute(FALLEN).fetchall()


def read_evidence(
    connection: Connection, agent_id: UUID, as_of: datetime, limit: int
) -> list[EvidenceRow]:
    """The newest first."""
    values = {"agent": agent_id, "as_of": as_of, "limit": limit}
    cursor = connection.cursor(row_factory=class_row(EvidenceRow))
    return cursor.execute(EVIDENCE, values).fetchall()


def read_last_change(
    connection: Connection, agent_id: UUID, as_of: datetime
) -> tuple[str, datetime, str] | None:
    """`quarantined` or `returned`, when, and why; None: neither so far."""
    return connection.execute(CHANGED, {"agent": agent_id, "as_of": as_of}).fetchone()


def forget_evidence(connection: Connection) -> None:
    """Remove what is older than 90 days."""
    connection.execute(FORGET)
