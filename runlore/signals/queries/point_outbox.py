"""Take points that wait, with the states of their series, and write the states back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from runlore.records.metric_points import EXECUTION_SOURCE
from runlore.signals.rules.series.execution_series import DAILY, DAY, HOUR, SETTLING

# Points of executions wait until their hour or day is over and has settled.
READY_VALUES = {
    "executions": EXECUTION_SOURCE,
    "daily": list(DAILY.values()),
    "hour": HOUR + SETTLING[HOUR],
    "day": DAY + SETTLING[DAY],
}
HAS_POINTS: LiteralString = """
SELECT EXISTS (
    SELECT FROM runlore.point_outbox
    WHERE source <> %(executions)s OR at <= statement_timestamp() - CASE
        WHEN split_part(name, '{', 1) = ANY(%(daily)s) THEN %(day)s ELSE %(hour)s END
)
"""
CREATE = text(
    "INSERT INTO runlore.stream_progress (id, taken, late, at)"
    " VALUES (1, 0, 0, clock_timestamp()) ON CONFLICT DO NOTHING"
)
LOCK = text("SELECT clock_timestamp() FROM runlore.stream_progress WHERE id = 1 FOR UPDATE")
# One statement, one snapshot: whatever is deleted is returned, also of series without a state.
# A point of executions counts as it is known by now; one that is gone is no number.
TAKE: LiteralString = """
WITH taken AS (
    DELETE FROM runlore.point_outbox WHERE id IN (
        SELECT id FROM runlore.point_outbox
        WHERE source <> %(executions)s OR at <= statement_timestamp() - CASE
            WHEN split_part(name, '{', 1) = ANY(%(daily)s) THEN %(day)s ELSE %(hour)s END
        ORDER BY id LIMIT %(most)s)
    RETURNING source, name, scope, at, value
), made AS (
    INSERT INTO runlore.series_states (source, name, scope)
    SELECT DISTINCT source, name, scope FROM taken
    ON CONFLICT DO NOTHING RETURNING id, source, name, scope
)
SELECT coalesce(known.id, made.id), (extract(epoch FROM taken.at) * 1000000)::bigint,
    CASE WHEN source <> %(executions)s THEN value ELSE coalesce((
        SELECT m.value FROM runlore.metrics AS m
        WHERE (m.source, m.name, m.scope, m.at) = (taken.source, taken.name, taken.scope, taken.at)
        ORDER BY m.revision DESC LIMIT 1), 'NaN') END
FROM taken LEFT JOIN runlore.series_states AS known USING (source, name, scope)
LEFT JOIN made USING (source, name, scope)
ORDER BY 1, 2
"""
STATES: LiteralString = "SELECT id, state FROM runlore.series_states WHERE id = ANY(%s)"
COUNTERS: LiteralString = """
SELECT state.id FROM runlore.series_states AS state
JOIN runlore.series AS series USING (source, name, scope)
WHERE state.id = ANY(%s) AND series.kind = 'counter'
"""
# An hour in which nothing ran is no fault: series of executions are never missing.
WRITE: LiteralString = """
UPDATE runlore.series_states AS series
SET state = new.state, step_s = new.step_s,
    due_at = CASE WHEN new.due_us > 0 AND source <> %s THEN to_timestamp(new.due_us / 1000000.0) END
FROM unnest(%s::bigint[], %s::bytea[], %s::real[], %s::bigint[]) AS new (id, state, step_s, due_us)
WHERE series.id = new.id
"""
COUNT = text(
    "UPDATE runlore.stream_progress SET taken = taken + :taken, late = late + :late,"
    " at = clock_timestamp() WHERE id = 1"
)
# History of new series, newest first, as it is known by now, before their first waiting point.
# Days of executions need more of it than others to be judged at all.
HISTORY: LiteralString = """
SELECT series.id, (extract(epoch FROM past.at) * 1000000)::bigint, past.value
FROM unnest(%(ids)s::bigint[], %(before)s::bigint[]) AS fresh (id, before_us)
JOIN runlore.series_states AS series USING (id) CROSS JOIN LATERAL (
    SELECT DISTINCT ON (m.at) m.at, m.value FROM runlore.metrics AS m
    WHERE m.source = series.source AND m.name = series.name AND m.scope = series.scope
        AND m.at < to_timestamp(fresh.before_us / 1000000.0)
        AND m.at > to_timestamp(fresh.before_us / 1000000.0) - CASE
                WHEN series.source = %(executions)s THEN interval '60 days'
                ELSE interval '15 days' END
    ORDER BY m.at DESC, m.revision DESC LIMIT %(most)s
) AS past
ORDER BY 1, 2
"""
POSTPONE = text("""
UPDATE runlore.series_states
SET due_at = clock_timestamp() + make_interval(secs => greatest(60, 5 * step_s))
WHERE due_at < clock_timestamp() + make_interval(secs => greatest(60, 5 * step_s))
""")
HAS_DUE = text("SELECT EXISTS (SELECT FROM runlore.series_states WHERE due_at IS NOT NULL)")
POINTS_A_WEEK = text(
    "SELECT coalesce(sum(604800 / greatest(step_s, 1)), 0) FROM runlore.series_states"
)


@dataclass(frozen=True)
class WaitingPoints:
    """Points that were taken, by series and time. at: microseconds. All of one length."""

    series: NDArray[np.int64]
    at: NDArray[np.int64]
    value: NDArray[np.float64]


def has_points(connection: Connection) -> bool:
    """Whether any can be judged."""
    return bool(_execute(connection, HAS_POINTS, READY_VALUES).fetchone()[0])


def lock(connection: Connection) -> datetime:
    """Be the only one who takes points until the transaction ends. Returns the time."""
    now: datetime | None = connection.scalar(LOCK)
    if now is None:
        connection.execute(CREATE)
        now = connection.scalar(LOCK)
    assert now is not None  # noqa: S101  (it was created)
    return now


def take(connection: Connection, most: int) -> WaitingPoints:
    """Take the oldest so many points; series that are new get a place."""
    return _points(_execute(connection, TAKE, READY_VALUES | {"most": most}).fetchall())


def read_history(
    connection: Connection, ids: Sequence[int], before_us: Sequence[int], most: int
) -> WaitingPoints:
    """The newest so many points of each series before an instant, 15 days back at most."""
    values = {
        "ids": list(ids),
        "before": list(before_us),
        "most": most,
        "executions": EXECUTION_SOURCE,
    }
    return _points(_execute(connection, HISTORY, values).fetchall())


def read_states(connection: Connection, ids: Sequence[int]) -> list[bytes | None]:
    """The states of series, in the order of their ids."""
    known = dict(_execute(connection, STATES, (list(ids),)).fetchall())
    return [known[number] for number in ids]


def find_counters(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Those of the series that only grow, and begin anew."""
    return {row[0] for row in _execute(connection, COUNTERS, (list(ids),)).fetchall()}


def write_states(
    connection: Connection,
    ids: Sequence[int],
    states: Sequence[bytes],
    step_s: Sequence[float],
    due_us: Sequence[int],
) -> None:
    """due_us: when each is missing; 0: never."""
    columns = (list(ids), list(states), list(step_s), list(due_us))
    _execute(connection, WRITE, (EXECUTION_SOURCE, *columns))


def count(connection: Connection, taken: int, late: int) -> None:
    connection.execute(COUNT, {"taken": taken, "late": late})


def postpone(connection: Connection) -> None:
    """Give every series time to send a point, after nobody has listened for a while."""
    connection.execute(POSTPONE)


def has_due(connection: Connection) -> bool:
    """Whether any series can become missing."""
    return bool(connection.scalar(HAS_DUE))


def points_a_week(connection: Connection) -> float:
    """How many points all series bring in a week."""
    return float(connection.scalar(POINTS_A_WEEK) or 0.0)


def _points(rows: Sequence[tuple[int, int, float]]) -> WaitingPoints:
    table = np.array(rows, dtype=[("id", np.int64), ("at", np.int64), ("value", np.float64)])
    return WaitingPoints(table["id"], table["at"], table["value"])


def _execute(connection: Connection, query: LiteralString, values: Any) -> Any:  # noqa: ANN401
    """By psycopg, which knows arrays."""
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101  (it is open)
    return driver.execute(query, values)
