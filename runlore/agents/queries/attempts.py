"""Attempts that ended, as rows of executions."""

from typing import LiteralString

EVENT = "event"
ATTEMPTS: LiteralString = """
SELECT e.id AS event, t.id || '/' || e.token AS attempt_id, coalesce(a.name, e.agent_id::text)
 AS actor, t.type AS kind, 'agents' AS scope, l.at AS submitted, l.at AS started,
 e.at AS finished, e.at AS known_at, CASE e.event WHEN 'completed' THEN 'succeeded'
  WHEN 'cancelled' THEN 'cancelled' ELSE 'failed' END AS status,
 (ARRAY['critical', 'high', 'normal', 'low'])[t.priority + 1] AS priority, l.attempt,
 length(t.input::text) AS input_characters, t.deadline IS NOT NULL AS has_deadline,
 t.parent_id IS NOT NULL AS is_part
FROM runlore.agent_task_events e
JOIN runlore.agent_tasks t ON t.id = e.task_id
JOIN LATERAL (
 SELECT o.at, (SELECT count(*) FROM runlore.agent_task_events n
  WHERE n.task_id = e.task_id AND n.event = 'leased' AND n.id <= o.id) AS attempt
 FROM runlore.agent_task_events o
 WHERE o.task_id = e.task_id AND o.event = 'leased' AND o.token = e.token LIMIT 1
) l ON true
LEFT JOIN runlore.agents a ON a.id = e.agent_id
WHERE e.event IN ('completed', 'failed', 'retried', 'cancelled') AND e.agent_id IS NOT NULL
 AND NOT t.is_probe AND NOT EXISTS (SELECT FROM runlore.agent_task_events f
  WHERE f.task_id = e.task_id AND f.token = e.token AND f.id < e.id
  AND f.event IN ('completed', 'failed', 'retried', 'cancelled', 'split'))
 AND NOT EXISTS (SELECT FROM runlore.executions x
  WHERE x.source = 'agents' AND x.source_id = t.id || '/' || e.token)
"""
