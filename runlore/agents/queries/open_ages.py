"""How long open tasks have waited."""

from typing import LiteralString

from runlore.kernel.durations import DAY_S, HOUR_S
from runlore.store.engine import Store

# Ends in seconds, and what people read.
AGE_STEPS: tuple[tuple[float, str], ...] = (
    (60.0, "up to 1 min"),
    (300.0, "5 min"),
    (900.0, "15 min"),
    (HOUR_S, "1 h"),
    (6 * HOUR_S, "6 h"),
    (DAY_S, "1 d"),
    (float("inf"), "longer"),
)
COUNTS: LiteralString = """
SELECT width_bucket(extract(epoch FROM clock_timestamp() - created_at)::float8, %(ends)s::float8[])
 AS step, count(*)::int
FROM runlore.agent_tasks WHERE status IN ('pending', 'assigned', 'in_progress')
 AND NOT is_probe GROUP BY step
"""


def read_open_ages(store: Store) -> list[int]:
    """Tasks per step of AGE_STEPS, youngest first."""
    ends = [end for end, _ in AGE_STEPS[:-1]]
    with store.connect() as connection:
        counts = dict(connection.execute(COUNTS, {"ends": ends}).fetchall())
    return [counts.get(step, 0) for step in range(len(AGE_STEPS))]
