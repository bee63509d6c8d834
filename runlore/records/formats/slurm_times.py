"""When the jobs of sacct were submitted, started and ended."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.execution import FINAL_STATUSES, ExecutionStatus
from runlore.records.formats.delimited import DelimitedRows
from runlore.records.formats.durations import seconds
from runlore.records.formats.run_lengths import begun_before
from runlore.records.formats.tool_stamps import read_stamps
from runlore.records.validate import Mask, mask

FINAL = pa.array([status.value for status in FINAL_STATUSES])
EPOCH_S = r"^\d{9,11}$"
STAMPS = {"submitted": "Submit", "started": "Start", "finished": "End"}


@dataclass(frozen=True)
class JobTimes:
    """(N,): instants in µs, null when there is none. is_over: the state is final.

    is_twice: a stamp has two readings, since the clock was put back, and no length tells which.
    """

    submitted: pa.Array
    started: pa.Array
    finished: pa.Array
    is_over: pa.Array
    stamps: Mapping[str, pa.Array]
    is_twice: Mask


def job_times(rows: DelimitedRows, status: pa.Array, timezone: str) -> JobTimes:
    """Instants by the state: an open job has not ended, and a waiting one has not started.

    Of start, end and length of time one may be missing.
    """
    stamps = {name: rows.column(column) for name, column in STAMPS.items()}
    read = read_stamps(stamps, timezone, EPOCH_S, "s")
    us = read.us
    ran_s = pc.coalesce(seconds(rows.column("ElapsedRaw")), seconds(rows.column("Elapsed")))
    ran_us = pc.round(pc.multiply(ran_s, 1e6)).cast(pa.int64())
    is_over = pc.fill_null(pc.is_in(status, value_set=FINAL), False)
    started = us["started"]
    if "Start" not in rows.columns:
        started = pc.if_else(is_over, pc.subtract(us["finished"], ran_us), None)
    is_silent = pc.and_(is_over, stamps["started"].is_null())
    length_us = pc.if_else(is_silent, ran_us, None)
    started = begun_before(started, us["finished"], us["submitted"], length_us)
    finished = read.by_length("finished", started, ran_us)
    if "End" not in rows.columns:
        finished = pc.add(started, ran_us)
    has_run = pc.invert(_never_ran(status, started, finished, ran_us))
    stamps["started"] = pc.if_else(has_run, stamps["started"], None)
    stamps["finished"] = pc.if_else(is_over, stamps["finished"], None)
    return JobTimes(
        us["submitted"],
        pc.if_else(has_run, started, None),
        pc.if_else(is_over, finished, None),
        is_over,
        stamps,
        read.is_twice() & mask(ran_us.is_null()),
    )


def _never_ran(
    status: pa.Array, started: pa.Array, finished: pa.Array, ran_us: pa.Array
) -> pa.Array:
    """Jobs that wait, and cancelled ones whose start is their end, as older versions print it."""
    waits = pc.equal(status, ExecutionStatus.SUBMITTED.value)
    is_cancelled = pc.equal(status, ExecutionStatus.CANCELLED.value)
    took_no_time = pc.and_(
        pc.greater_equal(started, finished), pc.equal(pc.fill_null(ran_us, 0), 0)
    )
    return pc.fill_null(pc.or_(waits, pc.and_(is_cancelled, took_no_time)), False)
