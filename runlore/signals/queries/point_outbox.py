"""Take points that wait, with the states of their series, and write the states back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

HAS_POINTS = text("SELECT EXISTS (SELECT FROM runlore.point_outbox)")
CREATE = text(
    "INSERT INTO runlore.stream_progress (id, taken, late, at)"
    " VALUES (1, 0, 0, clock_timestamp()) ON CONFLICT DO NOTHING"
)
LOCK = text("SELECT clock_timestamp() FROM runlore.stream_progress WHERE id = 1 FOR UPDATE")
# One statement, one snapshot: whatever is deleted is returned, also of series without a state.
# Executions' points of an hour or day that is not over are no numbers: they are not judged.
TAKE: LiteralString = """
WITH taken AS (
    DELETE FROM runlore.point_outbox
    WHERE id IN (SELECT id FROM runlore.point_outbox ORDER BY id LIMIT %(most)s)
    RETURNING source, name, scope, at, value
), made AS (
    INSERT INTO runlore.series_states (source, name, scope)
    SELECT DISTINCT source, name, scope FROM taken
    ON CONFLICT DO NOTHING RETURNING id, source, name, scope
)
SELECT coalesce(known.id, made.id), (extract(epoch FROM taken.at) * 1000000)::bigint,
    CASE WHEN source = 'executions' AND clock_timestamp() < taken.at
            + CASE WHEN name ~ '^daily_|_per_day' THEN interval '1 day' ELSE interval '1 hour' END
        THEN 'NaN' ELSE value END
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
WRITE: LiteralString = """
UPDATE runlore.series_states AS series
SET state = new.state, step_s = new.step_s,
    due_at = CASE WHEN new.due_us > 0 THEN to_timestamp(new.due_us / 1000000.0) END
FROM unnest(%s::bigint[], %s::bytea[], %s::real[], %s::bigint[]) AS new (id, state, step_s, due_us)
WHERE series.id = new.id
"""
COUNT = text(
    "UPDATE runlore.stream_progress SET taken = taken + :taken, late = late + :late,"
    " at = clock_timestamp() WHERE id = 1"
)
# History of new series, newest first, as it was known before their first waiting point.
HISTORY: LiteralString = """
SELECT series.id, (extract(epoch FROM past.at) * 1000000)::bigint, past.value
FROM unnest(%(ids)s::bigint[], %(before)s::bigint[]) AS fresh (id, before_us)
JOIN runlore.series_states AS series USING (id) CROSS JOIN LATERAL (
    SELECT DISTINCT ON (m.at) m.at, m.value FROM runlore.metrics AS m
    WHERE m.source = series.source AND m.name = series.name AND m.scope = series.scope
        AND m.at < to_timestamp(fresh.before_us / 1000000.0)
        AND m.at > to_timestamp(fresh.before_us / 1000000.0) - interval '15 days'
    ORDER BY m.at DESC, m.revision DESC LIMIT %(most)s
) AS past
ORDER BY 1, 2
"""
OVERDUE: LiteralString = """
SELECT id FROM runlore.series_states WHERE due_at < clock_timestamp() ORDER BY id LIMIT %s
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
    return bool(connection.scalar(HAS_POINTS))


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
    return _points(_execute(connection, TAKE, {"most": most}).fetchall())


def read_history(
    connection: Connection, ids: Sequence[int], before_us: Sequence[int], most: int
) -> WaitingPoints:
    """The newest so many points of each series before an instant, 15 days back at most."""
    values = {"ids": list(ids), "before": list(before_us), "most": most}
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
    _execute(connection, WRITE, (list(ids), list(states), list(step_s), list(due_us)))


def count(connection: Connection, taken: int, late: int) -> None:
    connection.execute(COUNT, {"taken": taken, "late": late})


def read_overdue(connection: Connection, most: int) -> list[int]:
    """Series whose next point is overdue."""
    return [row[0] for row in _execute(connection, OVERDUE, (most,)).fetchall()]


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
