"""Reports that are due: one row for each schedule and period, held while its report is made.

Whoever makes a report holds its row until report and row are committed together. One who is killed
lets go of it at once, so another one makes the report, and nobody makes it twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.dialects import postgresql

from runlore.reports.rules.schedule import DuePeriod
from runlore.store import schema

BEGIN = text("""
UPDATE runlore.report_runs SET attempts = attempts + 1 WHERE id = (
    SELECT run.id FROM runlore.report_runs AS run
    JOIN runlore.report_schedules AS s ON s.id = run.schedule_id
    WHERE run.done_at IS NULL AND run.next_at <= clock_timestamp() AND s.ended_at IS NULL
        AND NOT run.id = ANY(:tried)
    ORDER BY run.due_at, run.id LIMIT 1 FOR UPDATE OF run SKIP LOCKED
) RETURNING id, schedule_id, first_day, due_at, attempts
""")
HOLD = text("""
SELECT clock_timestamp() FROM runlore.report_runs WHERE id = :id AND done_at IS NULL
FOR UPDATE SKIP LOCKED
""")
WAITING = text("""
SELECT min(next_at) FROM (
    SELECT run.next_at FROM runlore.report_runs AS run
    JOIN runlore.report_schedules AS s ON s.id = run.schedule_id
    WHERE run.done_at IS NULL AND s.ended_at IS NULL
    UNION ALL SELECT next_at FROM runlore.report_deliveries WHERE state = 'waiting'
) AS work
""")
LATE = text("""
SELECT s.name, run.first_day, run.due_at, run.attempts FROM runlore.report_runs AS run
JOIN runlore.report_schedules AS s ON s.id = run.schedule_id
WHERE run.done_at IS NULL AND s.ended_at IS NULL AND run.error IS NULL
    AND run.next_at < clock_timestamp() - CAST(:patience AS interval)
    AND NOT EXISTS (
        SELECT FROM runlore.report_runs AS other
        WHERE other.done_at > clock_timestamp() - CAST(:patience AS interval)
    )
ORDER BY s.name, run.due_at FOR UPDATE OF run SKIP LOCKED
""")


@dataclass(frozen=True)
class ReportRun:
    """attempts: begun so far, this one included."""

    id: int
    schedule_id: int
    first_day: date
    due_at: datetime
    attempts: int


@dataclass(frozen=True)
class LateRun:
    name: str
    first_day: date
    due_at: datetime
    attempts: int


def open_runs(connection: Connection, schedule_id: int, due: Sequence[DuePeriod]) -> None:
    """Note what is due; a period that is noted already is left as it is."""
    rows = [
        {
            "schedule_id": schedule_id,
            "first_day": one.period.first,
            "due_at": one.due_at,
            "next_at": func.clock_timestamp(),
        }
        for one in due
    ]
    if rows:
        connection.execute(
            postgresql.insert(schema.report_runs).values(rows).on_conflict_do_nothing()
        )


def begin_run(connection: Connection, tried: Sequence[int]) -> ReportRun | None:
    """Count an attempt at the oldest due run that nobody holds; None: there is none.

    tried: runs to leave out.
    """
    row = connection.execute(BEGIN, {"tried": list(tried)}).first()
    return None if row is None else ReportRun(*row)


def hold_run(connection: Connection, run: ReportRun) -> datetime | None:
    """Hold a run until the transaction ends; the instant, by the database's clock.

    None: somebody else makes it, or has made it.
    """
    at: datetime | None = connection.scalar(HOLD, {"id": run.id})
    return at


def finish_run(connection: Connection, run: ReportRun, report_id: int) -> None:
    values = {"done_at": func.clock_timestamp(), "report_id": report_id, "error": None}
    connection.execute(
        update(schema.report_runs).where(schema.report_runs.c.id == run.id).values(values)
    )


def fail_run(connection: Connection, run: ReportRun, error: str, pause: timedelta) -> None:
    values = {"error": error, "next_at": func.clock_timestamp() + pause}
    connection.execute(
        update(schema.report_runs)
        .where(schema.report_runs.c.id == run.id, schema.report_runs.c.done_at.is_(None))
        .values(values)
    )


def next_work_at(connection: Connection) -> datetime | None:
    """When a run or a delivery may go on; None: none waits."""
    at: datetime | None = connection.scalar(WAITING)
    return at


def late_runs(connection: Connection, patience_s: float) -> list[LateRun]:
    """Runs that nobody holds and that nobody has finished or failed for so long.

    While others are finished, they stand in line, and none is late.
    """
    rows = connection.execute(LATE, {"patience": timedelta(seconds=patience_s)})
    return [LateRun(*row) for row in rows]


def last_runs(connection: Connection) -> dict[int, tuple[datetime, datetime | None, str | None]]:
    """Schedule -> when its newest run was due, when it was done, and the error of an attempt."""
    runs = schema.report_runs
    query = (
        select(runs.c.schedule_id, runs.c.due_at, runs.c.done_at, runs.c.error)
        .distinct(runs.c.schedule_id)
        .order_by(runs.c.schedule_id, runs.c.due_at.desc())
    )
    return {row[0]: (row[1], row[2], row[3]) for row in connection.execute(query)}
