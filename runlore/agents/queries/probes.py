"""Probes as rows: declared, sent to agents as tasks, and judged."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import errors
from psycopg.rows import class_row

from runlore.agents.queries.task_rows import Connection
from runlore.agents.rules.probe import NewProbe
from runlore.agents.rules.registration import OFFLINE_AFTER_S
from runlore.store.engine import Store

ADD: LiteralString = """
INSERT INTO runlore.agent_probes
 (name, task_type, required_capabilities, input, rule, max_s, every_s)
VALUES (%(name)s, %(type)s, %(required)s, %(input)s::jsonb, %(rule)s::jsonb, %(max_s)s, %(every_s)s)
RETURNING *
"""
LIST: LiteralString = "SELECT * FROM runlore.agent_probes ORDER BY name LIMIT 1000"
REMOVE: LiteralString = "DELETE FROM runlore.agent_probes WHERE id = %(id)s RETURNING id"
# One per agent at a time, of the probe that it was sent the longest ago.
SEND: LiteralString = """
WITH counted AS (
 SELECT agent_id, count(*)::int AS in_hand FROM runlore.agent_tasks
 WHERE status IN ('assigned', 'in_progress') GROUP BY agent_id
), able AS MATERIALIZED (
 SELECT a.id AS agent_id, p.*, gen_random_uuid() AS task_id
 FROM runlore.agents a
 LEFT JOIN runlore.agent_health h ON h.agent_id = a.id
 LEFT JOIN counted c ON c.agent_id = a.id
 CROSS JOIN LATERAL (
  SELECT p.id AS probe_id, p.name, p.task_type, p.input, p.max_s, p.every_s,
   p.required_capabilities FROM runlore.agent_probes p
  WHERE p.required_capabilities <@ a.capabilities
  ORDER BY (SELECT max(r.sent_at) FROM runlore.agent_probe_runs r
   WHERE r.agent_id = a.id AND r.probe_id = p.id) NULLS FIRST, p.id LIMIT 1) AS p
 WHERE a.state = 'active' AND coalesce(c.in_hand, 0) < a.max_concurrent_tasks
  AND a.seen_at > clock_timestamp() - make_interval(secs => %(offline_s)s)
  AND (h.next_probe_at IS NULL OR h.next_probe_at <= clock_timestamp())
  AND NOT EXISTS (SELECT FROM runlore.agent_probe_runs r
   WHERE r.agent_id = a.id AND r.verdict IS NULL)
 ORDER BY h.next_probe_at NULLS FIRST LIMIT %(most)s
), added AS (
 INSERT INTO runlore.agent_tasks (id, type, name, priority, status, agent_id, input, is_probe,
  required_capabilities, lease_s, lease_until, max_retries, due_at)
 SELECT task_id, task_type, name, 0, 'assigned', agent_id, input, true,
  required_capabilities, max_s + 60, clock_timestamp() + make_interval(secs => max_s + 60), 0,
  clock_timestamp() FROM able
), sent AS (
 INSERT INTO runlore.agent_probe_runs (task_id, probe_id, agent_id, due_at)
 SELECT task_id, probe_id, agent_id, clock_timestamp() + make_interval(secs => max_s) FROM able
)
INSERT INTO runlore.agent_health AS h (agent_id, next_probe_at)
SELECT agent_id, clock_timestamp() + make_interval(secs => every_s) FROM able
ON CONFLICT (agent_id) DO UPDATE SET next_probe_at = excluded.next_probe_at
"""
ENDED: LiteralString = """
SELECT r.task_id, r.agent_id, a.name AS agent, r.probe_id, p.name AS probe, p.rule, t.status,
 t.output, t.failure, extract(epoch FROM t.completed_at - r.sent_at)::float8 AS took_s, p.max_s,
 (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY o.took_s) FROM (
  SELECT o.took_s FROM runlore.agent_probe_runs o WHERE o.agent_id = r.agent_id
   AND o.probe_id = r.probe_id AND o.verdict = 'passed' ORDER BY o.sent_at DESC LIMIT 20) AS o
  HAVING count(*) >= 5)::float8 AS own_s,
 (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY o.took_s) FROM (
  SELECT o.took_s FROM runlore.agent_probe_runs o WHERE o.probe_id = r.probe_id
   AND o.agent_id <> r.agent_id AND o.verdict = 'passed'
   ORDER BY o.sent_at DESC LIMIT 50) AS o HAVING count(*) >= 5)::float8 AS peers_s
FROM runlore.agent_probe_runs r
 LEFT JOIN runlore.agent_tasks t ON t.id = r.task_id
 LEFT JOIN runlore.agent_probes p ON p.id = r.probe_id
 LEFT JOIN runlore.agents a ON a.id = r.agent_id
WHERE r.verdict IS NULL AND (t.id IS NULL OR t.status IN ('completed', 'failed', 'cancelled')
 OR r.due_at < clock_timestamp())
ORDER BY r.due_at LIMIT 1000
"""
JUDGED: LiteralString = """
UPDATE runlore.agent_probe_runs r SET verdict = v.verdict, took_s = v.took_s
FROM unnest(%(tasks)s::uuid[], %(verdicts)s::text[], %(took_s)s::float8[])
 AS v (task_id, verdict, took_s) WHERE r.task_id = v.task_id
"""
END: LiteralString = """
UPDATE runlore.agent_tasks t SET status = 'cancelled', lease_until = NULL,
 completed_at = clock_timestamp(), updated_at = clock_timestamp(),
 failure = 'a probe that was not answered in time'
WHERE t.id = ANY(%(tasks)s::uuid[]) AND t.status IN ('pending', 'assigned', 'in_progress')
"""
# Agents by probe: how many there are, and of how many the last answer was no right one.
FAILING: LiteralString = """
SELECT probe_id, count(*)::int, count(*) FILTER (WHERE verdict <> 'passed')::int FROM (
 SELECT DISTINCT ON (probe_id, agent_id) probe_id, agent_id, verdict
 FROM runlore.agent_probe_runs
 WHERE probe_id = ANY(%(probes)s::uuid[]) AND verdict IS NOT NULL AND verdict <> 'void'
  AND sent_at > clock_timestamp() - interval '10 minutes'
 ORDER BY probe_id, agent_id, sent_at DESC) AS last
GROUP BY probe_id
"""
FORGET: LiteralString = """
WITH old AS (
 DELETE FROM runlore.agent_probe_runs WHERE task_id IN (
  SELECT task_id FROM runlore.agent_probe_runs
  WHERE sent_at < clock_timestamp() - interval '1 day' AND verdict IS NOT NULL LIMIT 1000)
 RETURNING task_id
), events AS (
 DELETE FROM runlore.agent_task_events WHERE task_id IN (SELECT task_id FROM old)
)
DELETE FROM runlore.agent_tasks WHERE is_probe AND id IN (SELECT task_id FROM old)
"""


@dataclass(frozen=True)
class ProbeRow:
    id: UUID
    name: str
    task_type: str
    required_capabilities: list[str]
    input: dict[str, Any]
    rule: dict[str, Any]
    max_s: float
    every_s: float
    created_at: datetime


@dataclass(frozen=True)
class EndedProbe:
    """rule: None: the probe was removed. own_s, peers_s: usual seconds; None: unknown."""

    task_id: UUID
    agent_id: UUID
    agent: str | None
    probe_id: UUID
    probe: str | None
    rule: dict[str, Any] | None
    status: str | None
    output: Any
    failure: str | None
    took_s: float | None
    max_s: float | None
    own_s: float | None
    peers_s: float | None


def add_probe(store: Store, probe: NewProbe) -> ProbeRow | None:
    """None: one of that name exists."""
    values = {
        "name": probe.name.strip(),
        "type": probe.task_type.strip(),
        "required": sorted(set(probe.required_capabilities)),
        "input": json.dumps(dict(probe.input)),
        "rule": json.dumps(dict(probe.rule)),
        "max_s": probe.max_s,
        "every_s": probe.every_s,
    }
    try:
        with store.connect() as connection:
            return (
                connection.cursor(row_factory=class_row(ProbeRow)).execute(ADD, values).fetchone()
            )
    except errors.UniqueViolation:
        return None


def list_probes(store: Store) -> list[ProbeRow]:
    with store.connect() as connection:
        return connection.cursor(row_factory=class_row(ProbeRow)).execute(LIST).fetchall()


def remove_probe(store: Store, probe_id: UUID) -> bool:
    with store.connect() as connection:
        return connection.execute(REMOVE, {"id": probe_id}).fetchone() is not None


def send_probes(connection: Connection, most: int) -> int:
    """To agents whose turn it is; returns how many."""
    return connection.execute(SEND, {"most": most, "offline_s": OFFLINE_AFTER_S}).rowcount


def read_ended(connection: Connection) -> list[EndedProbe]:
    """Probes that were answered, or whose time is over, and that nobody has judged yet."""
    return connection.cursor(row_factory=class_row(EndedProbe)).execute(ENDED).fetchall()


def write_verdicts(
    connection: Connection, ended: Sequence[EndedProbe], verdicts: Sequence[str]
) -> None:
    tasks = [one.task_id for one in ended]
    took_s = [one.took_s for one in ended]
    connection.execute(JUDGED, {"tasks": tasks, "verdicts": list(verdicts), "took_s": took_s})
    connection.execute(END, {"tasks": tasks})


def count_failing(connection: Connection, probes: Sequence[UUID]) -> dict[UUID, tuple[int, int]]:
    """By probe: agents that got it lately, and those whose last answer was no right one."""
    rows = connection.execute(FAILING, {"probes": list(probes)}).fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


def forget_probes(connection: Connection) -> None:
    """Remove those that are older than a day."""
    connection.execute(FORGET)
