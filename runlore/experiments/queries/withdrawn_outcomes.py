"""Taking withdrawn outcomes out of the A/B tests on the ledger that still run."""

from typing import Any

import psycopg

# The ids are those of `ledger_units.GIVEN`.
REMOVE = """
WITH gone AS (
    DELETE FROM runlore.ab_events AS event USING runlore.ab_tests AS test, (
        SELECT DISTINCT concat_ws(
            '/', 'outcome', source, source_id, extract(epoch FROM submitted), name
        ) AS id
        FROM runlore.withdrawn_executions CROSS JOIN
            (VALUES ('failed'), ('squared_error'), ('duration_s'), ('absolute_error')) AS of (name)
        WHERE withdrawal_id = %(withdrawal)s
    ) AS outcome
    WHERE event.id = outcome.id AND test.id = event.test_id AND test.ended_at IS NULL
    RETURNING event.test_id, event.id, event.event, event.unit
), changed AS (
    SELECT DISTINCT test_id, event, unit FROM gone
), removed AS (
    DELETE FROM runlore.ab_outcomes AS outcome USING changed
    WHERE (outcome.test_id, outcome.event, outcome.unit)
        = (changed.test_id, changed.event, changed.unit)
)
SELECT test_id, event, unit, (SELECT count(*) FROM gone) AS events FROM changed
"""
ADD_UP = """
INSERT INTO runlore.ab_outcomes
    (test_id, event, is_before, unit, n, total, least, most, last, last_at)
SELECT event.test_id, event.event, event.at < units.exposed_at, event.unit, count(*),
    sum(value), min(value), max(value), (array_agg(value ORDER BY at DESC, id DESC))[1], max(at)
FROM runlore.ab_events AS event
JOIN runlore.ab_units AS units USING (test_id, unit)
JOIN unnest(%s::bigint[], %s::text[], %s::text[]) AS changed (test_id, event, unit)
    USING (test_id, event, unit)
GROUP BY event.test_id, event.event, event.at < units.exposed_at, event.unit
"""
# Later outcomes of the same work are taken in again from the first fact on.
COLLECT_AGAIN = """
UPDATE runlore.ab_tests SET collected_seq = 0 WHERE id = ANY(%s)
"""


def remove_outcomes(connection: psycopg.Connection[Any], withdrawal_id: int) -> int:
    """Remove the outcomes of a withdrawal from running tests; returns how many events.

    What remains of their units is added up anew. Tests that have ended stay as they were decided.
    """
    rows = connection.execute(REMOVE, {"withdrawal": withdrawal_id}).fetchall()
    if not rows:
        return 0
    tests, events, units = ([row[at] for row in rows] for at in range(3))
    connection.execute(ADD_UP, (tests, events, units))
    connection.execute(COLLECT_AGAIN, (sorted(set(tests)),))
    return int(rows[0][3])
