"""How much work waits, and how it went, in one statement each."""

from dataclasses import dataclass
from typing import LiteralString

from psycopg.rows import class_row

from runlore.agents.rules.registration import OFFLINE_AFTER_S
from runlore.store.engine import Store

QUEUE: LiteralString = """
SELECT count(*) FILTER (WHERE status = 'pending' AND waits_for = 0)::int AS pending,
 count(*) FILTER (WHERE status = 'pending' AND waits_for > 0)::int AS blocked,
 count(*) FILTER (WHERE status = 'assigned')::int AS assigned,
 count(*) FILTER (WHERE status = 'in_progress')::int AS in_progress,
 max(extract(epoch FROM clock_timestamp() - created_at))::float8 AS oldest_open_s,
 (percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM clock_timestamp() - created_at))
  FILTER (WHERE status = 'pending'))::float8 AS median_age_s
FROM runlore.agent_tasks WHERE status IN ('pending', 'assigned', 'in_progress') AND NOT is_probe
"""
ENDED: LiteralString = """
SELECT count(*) FILTER (WHERE status = 'completed')::int AS completed,
 count(*) FILTER (WHERE status = 'failed')::int AS failed,
 (percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP
  (ORDER BY extract(epoch FROM completed_at - started_at)) FILTER (WHERE status = 'completed'))
 ::float8[] AS durations_s
FROM (SELECT * FROM runlore.agent_tasks WHERE status IN ('completed', 'failed')
 AND NOT is_probe
 AND created_at > clock_timestamp() - make_interval(secs => %(window_s)s)) AS ended
"""
AGENTS: LiteralString = """
WITH counted AS (
 SELECT agent_id, count(*) AS in_hand FROM runlore.agent_tasks
 WHERE status IN ('assigned', 'in_progress') GROUP BY agent_id
), listed AS (
 SELECT a.type, a.state, a.max_concurrent_tasks AS slots, coalesce(c.in_hand, 0) AS in_hand,
  a.seen_at > clock_timestamp() - make_interval(secs => %(offline_s)s) AS is_seen,
  a.quarantined_at IS NOT NULL AS is_out
 FROM runlore.agents a LEFT JOIN counted c ON c.agent_id = a.id
)
SELECT type, count(*)::int AS agents,
 count(*) FILTER (WHERE is_there AND is_seen AND in_hand > 0)::int AS active,
 count(*) FILTER (WHERE is_there AND is_seen AND in_hand = 0)::int AS idle,
 count(*) FILTER (WHERE state = 'maintenance' AND NOT is_out)::int AS in_maintenance,
 count(*) FILTER (WHERE is_out)::int AS in_quarantine,
 count(*) FILTER (WHERE is_there AND is_seen IS NOT TRUE)::int AS offline,
 coalesce(sum(slots) FILTER (WHERE takes AND is_seen), 0)::int AS slots,
 coalesce(sum(in_hand) FILTER (WHERE takes AND is_seen), 0)::int AS in_hand
FROM (SELECT *, state <> 'maintenance' AND NOT is_out AS is_there,
  state = 'active' AND NOT is_out AS takes FROM listed) AS listed GROUP BY type ORDER BY type
"""
NEWEST: LiteralString = """
SELECT extract(epoch FROM created_at)::float8, (CASE WHEN status IN ('completed', 'failed')
  THEN extract(epoch FROM completed_at - started_at) * greatest(attempts, 1) END)::float8
FROM runlore.agent_tasks WHERE NOT is_probe
 AND created_at > clock_timestamp() - make_interval(secs => %(window_s)s)
ORDER BY created_at DESC LIMIT %(most)s
"""


@dataclass(frozen=True)
class QueueCounts:
    """blocked: waits for other tasks. Ages in seconds since creation; None: nothing is open."""

    pending: int
    blocked: int
    assigned: int
    in_progress: int
    oldest_open_s: float | None
    median_age_s: float | None


@dataclass(frozen=True)
class EndedCounts:
    """durations_s: median and 95 % quantile of the last attempts that completed."""

    completed: int
    failed: int
    durations_s: list[float] | None


@dataclass(frozen=True)
class TypeCounts:
    """slots, in_hand: of agents that get tasks: active, seen lately, not in quarantine."""

    type: str
    agents: int
    active: int
    idle: int
    in_maintenance: int
    in_quarantine: int
    offline: int
    slots: int
    in_hand: int


def read_queue(store: Store) -> QueueCounts:
    with store.connect() as connection:
        row = connection.cursor(row_factory=class_row(QueueCounts)).execute(QUEUE).fetchone()
    return row or QueueCounts(0, 0, 0, 0, None, None)


def read_ended(store: Store, window_s: float) -> EndedCounts:
    """Of tasks created in the last `window_s` seconds."""
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(EndedCounts))
        row = cursor.execute(ENDED, {"window_s": window_s}).fetchone()
    return row or EndedCounts(0, 0, None)


def read_types(store: Store) -> list[TypeCounts]:
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(TypeCounts))
        return cursor.execute(AGENTS, {"offline_s": OFFLINE_AFTER_S}).fetchall()


def read_newest(store: Store, window_s: float, most: int) -> tuple[list[float], list[float]]:
    """When the newest tasks were created, in seconds, ascending; and the work on ended ones."""
    with store.connect() as connection:
        rows = connection.execute(NEWEST, {"window_s": window_s, "most": most}).fetchall()
    created = [row[0] for row in reversed(rows)]
    return created, [row[1] for row in rows if row[1] is not None]
