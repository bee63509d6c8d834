"""The fields of Nextflow's tasks: names, times, what was requested and what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.execution import FINAL_STATUSES
from runlore.records.formats.delimited import DelimitedRows
from runlore.records.formats.durations import seconds
from runlore.records.formats.instants import numbers
from runlore.records.formats.memory import memory_bytes
from runlore.records.formats.run_lengths import begun_before
from runlore.records.formats.tool_stamps import read_stamps
from runlore.records.validate import Mask, mask

MILLISECOND_S = 1e-3
RAW_STAMP = r"^\d{10,15}$"
NO_EXIT = float(2**31 - 1)  # Java's largest integer stands for "no exit status".
TAG = r"^(?P<process>.*?)(?: \((?P<tag>.*)\))?$"
PATH = r"^(?:(?P<scope>.*):)?(?P<process>[^:]*)$"
FINAL = pa.array([status.value for status in FINAL_STATUSES])
STAMPS = {"submitted": "submit", "started": "start", "finished": "complete"}
MEASURED_BYTES = {
    "peak_memory_bytes": "peak_rss",
    "peak_virtual_bytes": "peak_vmem",
    "memory_at_end_bytes": "rss",
    "virtual_at_end_bytes": "vmem",
    "read_bytes": "read_bytes",
    "written_bytes": "write_bytes",
    "characters_read": "rchar",
    "characters_written": "wchar",
}
MEASURED_NUMBERS = {
    "reads": "syscr",
    "writes": "syscw",
    "voluntary_switches": "vol_ctxt",
    "involuntary_switches": "inv_ctxt",
}


@dataclass(frozen=True)
class TaskTimes:
    """(N,): instants in µs, null when there is none. is_over: the status is final.

    is_twice: a stamp has two readings, since the clock was put back, and no length tells which.
    """

    submitted: pa.Array
    started: pa.Array
    finished: pa.Array
    known_at: pa.Array
    is_over: pa.Array
    stamps: Mapping[str, pa.Array]
    is_twice: Mask


def task_times(rows: DelimitedRows, status: pa.Array, timezone: str) -> TaskTimes:
    """Instants of tasks. A trace with the fields of old versions has only the submission and two
    lengths: from it to the end, and of the run itself.

    A task that was aborted without an end is known to be so when the tasks above it had ended.
    """
    stamps = {name: _without_0(rows.column(column)) for name, column in STAMPS.items()}
    read = read_stamps(stamps, timezone, RAW_STAMP, "ms")
    us = read.us
    whole_us, run_us = (_length_us(rows.column(name)) for name in ("duration", "realtime"))
    is_over = pc.fill_null(pc.is_in(status, value_set=FINAL), False)
    finished = read.by_length("finished", us["submitted"], whole_us)
    finished = pc.coalesce(finished, pc.add(us["submitted"], whole_us))
    finished = pc.if_else(is_over, finished, None)
    started = us["started"]
    if "start" not in rows.columns:
        began = pc.subtract(finished, run_us)
        started = pc.max_element_wise(began, us["submitted"], skip_nulls=False)
    finished = pc.coalesce(finished, pc.if_else(is_over, pc.add(started, run_us), None))
    run_us = pc.if_else(stamps["started"].is_null(), run_us, None)
    started = begun_before(started, finished, us["submitted"], run_us)
    known_at = pc.coalesce(finished, started, us["submitted"])
    stamps["finished"] = pc.if_else(is_over, stamps["finished"], None)
    return TaskTimes(
        us["submitted"],
        started,
        finished,
        _known_at(known_at, pc.and_(is_over, finished.is_null())),
        is_over,
        stamps,
        read.is_twice() & mask(whole_us.is_null()),
    )


def names(rows: DelimitedRows) -> tuple[pa.Array, pa.Array]:
    """The process of each task, and the workflow that it is part of: `RNASEQ:ALIGN (sample 7)`."""
    named = pc.struct_field(pc.extract_regex(rows.column("name"), TAG), "process")
    parts = pc.extract_regex(pc.coalesce(rows.column("process"), named), PATH)
    return pc.struct_field(parts, "process"), pc.struct_field(parts, "scope")


def inputs(rows: DelimitedRows) -> dict[str, pa.Array]:
    """What was requested, with the attempt: a retry often requests more."""
    tag = pc.struct_field(pc.extract_regex(rows.column("name"), TAG), "tag")
    return {
        "cpus": numbers(rows.column("cpus")),
        "memory_bytes": memory_bytes(rows.column("memory")),
        "disk_bytes": memory_bytes(rows.column("disk")),
        "timelimit_s": seconds(rows.column("time"), MILLISECOND_S),
        "attempt": numbers(rows.column("attempt")),
        "queue": rows.column("queue"),
        "container": rows.column("container"),
        "module": rows.column("module"),
        "tag": pc.coalesce(rows.column("tag"), _filled(tag)),
    }


def outcome(rows: DelimitedRows, is_over: pa.Array) -> dict[str, pa.Array]:
    """What was measured. native_id is the job's id in Slurm or another batch system."""
    code = numbers(rows.column("exit"))
    measured = {
        "exit_code": pc.if_else(pc.less(code, NO_EXIT), code, None),
        "realtime_s": seconds(rows.column("realtime"), MILLISECOND_S),
        "cpu_percent": _percent(rows.column("%cpu")),
        "memory_percent": _percent(rows.column("%mem")),
        "native_id": rows.column("native_id"),
        "hostname": rows.column("hostname"),
        "cpu_model": rows.column("cpu_model"),
        "error_action": rows.column("error_action"),
    }
    measured |= {key: memory_bytes(rows.column(name)) for key, name in MEASURED_BYTES.items()}
    measured |= {key: numbers(rows.column(name)) for key, name in MEASURED_NUMBERS.items()}
    return {key: pc.if_else(is_over, values, None) for key, values in measured.items()}


def _without_0(stamp: pa.Array) -> pa.Array:
    """0 stands for an unknown instant in a raw trace."""
    return pc.if_else(pc.equal(stamp, "0"), None, stamp)


def _length_us(text: pa.Array) -> pa.Array:
    return pc.round(pc.multiply(seconds(text, MILLISECOND_S), 1e6)).cast(pa.int64())


def _known_at(known_at: pa.Array, is_unknown: pa.Array) -> pa.Array:
    """Ends that are not known were seen after the ends in the lines above; null elsewhere."""
    us = pc.fill_null(known_at, 0).to_numpy(zero_copy_only=False)
    so_far = pa.array(np.maximum.accumulate(us))
    return pc.if_else(pc.and_(is_unknown, known_at.is_valid()), so_far, None)


def _percent(text: pa.Array) -> pa.Array:
    return numbers(pc.replace_substring(text, "%", ""))


def _filled(text: pa.Array) -> pa.Array:
    return pc.if_else(pc.greater(pc.binary_length(text), 0), text, None)
