"""The runs that OpenLineage events tell of, merged in the store.

A run is submitted at its first START, or at its first event when it has none. That instant and the
inputs stay what they were when the run was first recorded, since they name and describe the
execution. The nominal time of a run is not when it was submitted: Airflow's is the beginning of the
period that the run is for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row

from runlore.records.lineage_run import TIME_DIGITS, LineageRun

Connection = psycopg.Connection[Any]

COLUMNS = ("namespace", "job", "run_id", "first_event", "start_event", "end_event")
STORED = "namespace, job, run_id, first_event, start_event, end_event, submitted_us, profile"


def _us(event: str) -> str:
    return f"left({event}, {TIME_DIGITS})::bigint"


def _content(event: str) -> str:
    return f"substr({event}, {TIME_DIGITS + 1})"


LATEST_END = "greatest(run.end_event, excluded.end_event)"
# Rows are locked in one order, so that two batches with the same runs wait for each other.
MERGE = f"""
INSERT INTO runlore.lineage_runs AS run (source, {STORED}, is_pending, ingest_id)
SELECT %(source)s, namespace, job, run_id, first_event, start_event, end_event,
    CASE WHEN start_event IS NOT NULL THEN least({_us("start_event")}, {_us("end_event")}) END,
    {_content("start_event")}, %(is_pending)s OR start_event IS NULL, %(ingest)s
FROM unnest({", ".join(f"%({name})s::text[]" for name in COLUMNS)})
    AS incoming ({", ".join(COLUMNS)})
ORDER BY namespace, job, run_id
ON CONFLICT (source, namespace, job, run_id) DO UPDATE SET
    first_event = least(run.first_event, excluded.first_event),
    start_event = least(run.start_event, excluded.start_event),
    end_event = {LATEST_END},
    submitted_us = coalesce(run.submitted_us, CASE WHEN excluded.start_event IS NOT NULL
        THEN least({_us("excluded.start_event")}, {_us(LATEST_END)}) END),
    profile = coalesce(run.profile, {_content("excluded.start_event")}),
    is_pending = %(is_pending)s OR (run.submitted_us IS NULL AND excluded.start_event IS NULL),
    changed_at = clock_timestamp(),
    ingest_id = CASE WHEN run.ingest_id = excluded.ingest_id THEN run.ingest_id END
RETURNING {STORED}
"""  # noqa: S608  (names of ours)
WITHOUT_START = f"""
UPDATE runlore.lineage_runs
SET submitted_us = {_us("first_event")}, profile = {_content("first_event")}, is_pending = false
WHERE source = %(source)s AND ingest_id = %(ingest)s AND is_pending AND submitted_us IS NULL
RETURNING {STORED}
"""  # noqa: S608
TAKE_PENDING = f"""
UPDATE runlore.lineage_runs SET changed_at = clock_timestamp(),
    submitted_us = coalesce(submitted_us, {_us("first_event")}),
    profile = coalesce(profile, {_content("first_event")})
WHERE ctid IN (
    SELECT ctid FROM runlore.lineage_runs
    WHERE is_pending AND changed_at < clock_timestamp() - %(seconds)s * interval '1 second'
    ORDER BY changed_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
RETURNING source, {STORED}
"""  # noqa: S608
DONE = """
UPDATE runlore.lineage_runs SET is_pending = false
WHERE (source, namespace, job, run_id)
        = (%(source)s, %(namespace)s, %(job)s, %(run_id)s)
    AND (start_event, end_event) IS NOT DISTINCT FROM (%(start_event)s, %(end_event)s)
"""
FORGET_INGEST = "DELETE FROM runlore.lineage_runs WHERE ingest_id = %s"
FORGET_SOURCE = "DELETE FROM runlore.lineage_runs WHERE source = %s"


@dataclass(frozen=True, slots=True)
class PendingRun(LineageRun):
    """A run with news that were not recorded, and its source."""

    source: str = ""


def merge(
    connection: Connection, source: str, runs: Sequence[LineageRun], ingest_id: int | None = None
) -> list[LineageRun]:
    """Merge runs, each given once, with what is stored of them, and return the results.

    A run whose `submitted_us` is None waits for its START. ingest_id: of the ingest that records
    the other ones in the same transaction; None: the caller records them and calls `mark_done`.
    """
    columns = {name: [getattr(run, name) for run in runs] for name in COLUMNS}
    values = {"source": source, "is_pending": ingest_id is None, "ingest": ingest_id}
    with connection.cursor(row_factory=class_row(LineageRun)) as cursor:
        return cursor.execute(MERGE, columns | values).fetchall()


def take_without_start(connection: Connection, source: str, ingest_id: int) -> list[LineageRun]:
    """The runs of an ingest that wait for a START which its file does not have.

    From now on they count as recorded, at their first event.
    """
    with connection.cursor(row_factory=class_row(LineageRun)) as cursor:
        values = {"source": source, "ingest": ingest_id}
        return cursor.execute(WITHOUT_START, values).fetchall()


def take_pending(connection: Connection, seconds: float, limit: int) -> list[PendingRun]:
    """Runs whose news were not recorded `seconds` after they came; others do not take them now."""
    with connection.cursor(row_factory=class_row(PendingRun)) as cursor:
        return cursor.execute(TAKE_PENDING, {"seconds": seconds, "limit": limit}).fetchall()


def mark_done(connection: Connection, source: str, run: LineageRun) -> None:
    """All that is known of a run is recorded, unless more has come meanwhile."""
    names = ("namespace", "job", "run_id", "start_event", "end_event")
    values = {name: getattr(run, name) for name in names}
    connection.execute(DONE, {**values, "source": source})


def forget_ingest(connection: Connection, ingest_id: int) -> None:
    """Forget the runs of which only this ingest had events."""
    connection.execute(FORGET_INGEST, (ingest_id,))


def forget_source(connection: Connection, source: str) -> None:
    connection.execute(FORGET_SOURCE, (source,))
