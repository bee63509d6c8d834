"""The ledger of routing with how the first attempt after each choice ended."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import class_row

from runlore.store.engine import Store

# An attempt that was cancelled, or that the agent did not begin, tells nothing of its skill.
OUTCOMES: LiteralString = """
SELECT r.candidates, e.event = 'completed' AS is_success
FROM runlore.agent_routings r CROSS JOIN LATERAL (
 SELECT x.event FROM runlore.agent_task_events x
 WHERE x.task_id = r.task_id AND x.at >= r.at AND x.at <= %(as_of)s
  AND x.event IN ('completed', 'failed', 'retried', 'cancelled', 'unassigned')
  AND (x.event IN ('cancelled', 'unassigned') OR x.agent_id = r.agent_id)
 ORDER BY x.id LIMIT 1
) e
WHERE r.at <= %(as_of)s AND r.at > %(as_of)s - make_interval(secs => %(window_s)s)
 AND r.task_id IS NOT NULL AND r.agent_id IS NOT NULL
 AND e.event IN ('completed', 'failed', 'retried')
ORDER BY r.id DESC LIMIT %(most)s
"""


@dataclass(frozen=True)
class RoutedOutcome:
    """candidates: the chosen agent first."""

    candidates: list[dict[str, Any]]
    is_success: bool


def read_outcomes(store: Store, as_of: datetime, window_s: float, most: int) -> list[RoutedOutcome]:
    """The newest first; what happened after `as_of` is not read."""
    values = {"as_of": as_of, "window_s": window_s, "most": most}
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(RoutedOutcome))
        return cursor.execute(OUTCOMES, values).fetchall()
