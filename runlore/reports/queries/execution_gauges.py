"""The newest executions in numbers, for `/metrics`: a bounded number of rows, whatever the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, text

from runlore.store.engine import Store

NEWEST = 5_000  # facts; of one execution the last fact counts
TIMEOUT = text("SET LOCAL statement_timeout = '2s'")
WINDOW = """
WITH facts AS (
    SELECT source, source_id, submitted, revision, actor, status, started, finished, known_at
    FROM runlore.executions ORDER BY seq DESC LIMIT :newest
), newest AS (
    SELECT DISTINCT ON (source, source_id, submitted) * FROM facts
    ORDER BY source, source_id, submitted, revision DESC
)
"""
STATUSES = text(
    WINDOW
    + """
SELECT status, CASE WHEN actor = ANY(:actors) THEN actor END AS actor, count(*) AS executions,
    extract(epoch FROM max(known_at)) AS newest_s
FROM newest GROUP BY 1, 2
"""
)
DURATIONS = text(
    WINDOW
    + """
SELECT percentile_cont(:levels) WITHIN GROUP (ORDER BY extract(epoch FROM finished - started))
FROM newest WHERE finished >= started
"""
).bindparams(bindparam("levels"))
LEVELS = (0.5, 0.95)


@dataclass(frozen=True, slots=True)
class ExecutionGauges:
    """statuses: status -> executions. by_actor: (actor, status) -> executions.

    durations_s: quantile -> seconds; empty where none has ended. newest_s: since 1970, when the
    newest fact became known; None: there is none.
    """

    statuses: Mapping[str, int]
    by_actor: Mapping[tuple[str, str], int]
    durations_s: Mapping[float, float]
    newest_s: float | None


def read_execution_gauges(store: Store, actors: Sequence[str]) -> ExecutionGauges:
    """actors: that are counted one by one. Raises Unavailable; any other error of the database
    where a statement takes too long."""
    with store.begin() as connection:
        connection.execute(TIMEOUT)
        values = {"newest": NEWEST, "actors": list(actors)}
        rows = connection.execute(STATUSES, values).all()
        quantiles = connection.scalar(DURATIONS, {"newest": NEWEST, "levels": list(LEVELS)})
    statuses: dict[str, int] = {}
    for row in rows:
        statuses[row.status] = statuses.get(row.status, 0) + row.executions
    return ExecutionGauges(
        statuses=statuses,
        by_actor={(row.actor, row.status): row.executions for row in rows if row.actor is not None},
        durations_s=dict(zip(LEVELS, map(float, quantiles or ()), strict=False)),
        newest_s=max((float(row.newest_s) for row in rows), default=None),
    )
