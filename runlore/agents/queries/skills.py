"""What agents have shown, by type of task; and their names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from runlore.store.engine import Store

SKILLS: LiteralString = """
SELECT task_type, successes, failures,
 CASE WHEN successes > 0 THEN exp(log_s / successes) END AS typical_s
FROM runlore.agent_skills WHERE agent_id = %(id)s
ORDER BY successes + failures DESC, task_type LIMIT %(limit)s
"""
NAMES: LiteralString = "SELECT id, name FROM runlore.agents WHERE id = ANY(%(ids)s::uuid[])"
MOST_TYPES = 100


@dataclass(frozen=True)
class AgentSkill:
    """successes, failures: weighted, the newest outcome counts 1. typical_s: geometric mean of
    the durations of completed tasks; None: none was completed."""

    task_type: str
    successes: float
    failures: float
    typical_s: float | None


def read_agent_skills(store: Store, agent_id: UUID) -> list[AgentSkill]:
    """Of one agent, the types with most outcomes first; at most 100."""
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(AgentSkill))
        return cursor.execute(SKILLS, {"id": agent_id, "limit": MOST_TYPES}).fetchall()


def read_agent_names(store: Store, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Of agents that are still registered."""
    with store.connect() as connection:
        return dict(connection.execute(NAMES, {"ids": list(set(ids))}).fetchall())
