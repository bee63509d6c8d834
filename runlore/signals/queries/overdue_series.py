"""Series whose next point is overdue: single ones, and those of a source that is silent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from sqlalchemy import Connection

# The last arrival of a series is as long before its due_at as it may be without a point. Half of
# that without a point is silence; it counts against those that came since the first was overdue.
OVERDUE: LiteralString = """
WITH live AS (
    SELECT id, source, CASE WHEN scope = '' THEN name ELSE scope END AS subject, due_at,
        make_interval(secs => greatest(60, 5 * step_s)) AS patience
    FROM runlore.series_states WHERE due_at IS NOT NULL
), overdue AS (
    SELECT * FROM live WHERE due_at < clock_timestamp() ORDER BY id LIMIT %(most)s
), suspects AS (
    SELECT source, min(patience) AS patience FROM overdue GROUP BY source
), judged AS (
    SELECT live.*, live.due_at - live.patience / 2 < clock_timestamp() AS is_silent,
        live.due_at - live.patience > clock_timestamp() - suspects.patience / 2 AS is_heard
    FROM live JOIN suspects USING (source)
), silent AS (
    SELECT source FROM judged GROUP BY source
    HAVING count(*) FILTER (WHERE is_silent)
            >= %(share)s * count(*) FILTER (WHERE is_silent OR is_heard)
        AND count(DISTINCT subject) FILTER (WHERE is_silent) > 1
)
SELECT id, 'source ' || source FROM judged JOIN silent USING (source) WHERE is_silent
UNION ALL
SELECT overdue.id, known.subject FROM overdue LEFT JOIN runlore.incidents AS known
    ON known.subject = 'source ' || source AND known.resolved_at IS NULL
    AND due_at - patience <= known.opened_at
WHERE source NOT IN (SELECT source FROM silent)
ORDER BY 1
"""


@dataclass(frozen=True)
class OverdueSeries:
    """subjects: `source NAME` of series whose source is silent; None of others. By id."""

    ids: Sequence[int]
    subjects: Sequence[str | None]


def read_overdue(connection: Connection, most: int, share: float) -> OverdueSeries:
    """Series whose next point is overdue, and all that are silent of sources that are.

    A source is silent when at least `share` of its series are, of two subjects or more. Series that
    fell silent with a source whose incident is open belong to that.
    """
    driver: Any = connection.connection.driver_connection
    rows = driver.execute(OVERDUE, {"most": most, "share": share}).fetchall()
    return OverdueSeries([row[0] for row in rows], [row[1] for row in rows])
