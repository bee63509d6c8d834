"""The Standard Workload Format of the Parallel Workloads Archive: 18 numbers a line.

What a job requested is an input; run time, wait, processor time and used memory are outcomes.
A job whose run time is not above 0 never ran, unless it completed: it has no `started`.
A part that is unknown (-1) makes no other part unknown. Without a wait the start is unknown, the
run time is the outcome `duration_s`, and the end is the earliest that it can be: submission and run
time. A job that completed in an unknown time has no end.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from runlore.kernel.durations import SOURCE_CLOCK_TOLERANCE_US
from runlore.kernel.errors import BadInput
from runlore.records import validate
from runlore.records.execution import ExecutionStatus
from runlore.records.formats import json_text, lines
from runlore.records.formats.instants import numbers
from runlore.records.formats.lines import Lines, rejects_of
from runlore.records.formats.parsed import Parsed, merged, refused, rejects
from runlore.records.formats.quotes import NEWLINE
from runlore.records.formats.run_lengths import with_length
from runlore.records.validate import RowCheck, judge

FIELDS = (
    "job",
    "submit",
    "wait",
    "run",
    "allocated_processors",
    "cpu_s",
    "memory_kb",
    "requested_processors",
    "requested_time_s",
    "requested_memory_kb",
    "status",
    "user",
    "group",
    "executable",
    "queue",
    "partition",
    "preceding_job",
    "think_time_s",
)
INPUTS = (
    "requested_time_s",
    "requested_memory_kb",
    "group",
    "queue",
    "partition",
    "executable",
    "preceding_job",
    "think_time_s",
)
STATUSES: Mapping[int, ExecutionStatus] = {
    -1: ExecutionStatus.UNKNOWN,
    0: ExecutionStatus.FAILED,
    1: ExecutionStatus.SUCCEEDED,
    2: ExecutionStatus.PARTIAL,
    3: ExecutionStatus.PARTIAL,
    4: ExecutionStatus.PARTIAL,
    5: ExecutionStatus.CANCELLED,
}
PARTIAL_CODES = (2, 3, 4)
COMPLETED = 1
COMMENT, BLANK = ord(";"), ord(" ")
BLANKS = bytes.maketrans(b"\t\r", b"  ")
KILOBYTE = 1024.0
LARGEST_WHOLE = 2.0**53

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class SwfLayout:
    """unix_start_s: the epoch of a log's times. now_us: what ends later has not happened."""

    source: str
    unix_start_s: int
    now_us: int = validate.LATEST_US
    counts_rows: bool = False

    def complete(self, data: bytes) -> int:
        return lines.complete(data)

    def parse(self, data: bytes, first_line: int) -> Parsed:
        """Read a chunk of whole lines whose first has this number in its file."""
        packed = lines.split(_packed(data), first_line)
        is_job = _is_job(packed)
        not_text, with_nul = (bad & is_job for bad in lines.unreadable(packed))
        tables = [rejects_of(packed, "is not text", not_text | with_nul)]
        rows = np.flatnonzero(is_job & ~not_text & ~with_nul)
        table, rows, too_short = _numbers(packed, rows)
        tables.append(too_short)
        jobs = {name: table.column(name) for name in FIELDS}
        checks = _checks(jobs, self.unix_start_s, self.now_us)
        refusals = judge(checks, rows.size)
        line = packed.line[rows]
        tables.append(refused(refusals, line, packed.raw(rows[refusals.rows])))
        keep = refusals.accepted(rows.size)
        columns = {name: _values(column)[keep] for name, column in jobs.items()}
        records = _executions(columns, line[keep], self.source, self.unix_start_s)
        return Parsed(records, merged(tables))


def layout(
    head: bytes, source: str, unix_start_s: int | None, now_us: int = validate.LATEST_US
) -> SwfLayout:
    """Find the start of the clock in a file's header, unless `unix_start_s` says it."""
    if unix_start_s is None:
        match = re.search(rb"^;\s*UnixStartTime:\s*(-?\d+)", head, re.MULTILINE)
        if match is None:
            raise BadInput(
                "the header has no UnixStartTime; say when the log began with --start INSTANT",
                "start",
            )
        unix_start_s = int(match[1])
    return SwfLayout(source, unix_start_s, now_us)


def _packed(data: bytes) -> bytes:
    """Normalise the blanks of every line: one between fields, none around them."""
    content = lines.as_bytes(data.translate(BLANKS))
    if not content.size:
        return data
    is_needless = content == BLANK
    is_needless[1:] &= content[:-1] <= BLANK
    packed: bytes = content[~is_needless].tobytes()
    return packed.replace(b" \n", b"\n").removesuffix(b" ")


def _is_job(packed: Lines) -> Mask:
    if not len(packed):
        return np.zeros(0, dtype=np.bool_)
    first = lines.as_bytes(packed.data)[packed.starts[:-1]]
    is_job: Mask = (first != COMMENT) & (first != NEWLINE)
    return is_job


def _numbers(packed: Lines, rows: Ints) -> tuple[pa.Table, Ints, pa.Table]:
    """The numbers of the lines that have 18 fields, those lines, and rejects for the others.

    A field that is no number stays text: its whole column does.
    """
    keep = np.zeros(len(packed), dtype=np.bool_)
    keep[rows] = True
    data = packed.bytes_of(keep)
    short: list[pa_csv.InvalidRow] = []
    try:
        table = _read(data, pa.float64(), short)
    except pa.ArrowInvalid:
        short.clear()
        table = _read(data, pa.string(), short)
    is_short = np.zeros(rows.size, dtype=np.bool_)
    is_short[[row.number - 1 for row in short]] = True
    reasons = [f"has {row.actual_columns} fields, not {len(FIELDS)}" for row in short]
    at = rows[is_short]
    return table, rows[~is_short], rejects(packed.line[at], reasons, packed.raw(at))


def _read(data: bytes, kind: pa.DataType, short: list[pa_csv.InvalidRow]) -> pa.Table:
    if not data:
        return pa.table({name: pa.array([], kind) for name in FIELDS})

    def refuse(row: pa_csv.InvalidRow) -> str:
        short.append(row)
        return "skip"

    table = pa_csv.read_csv(
        pa.py_buffer(data),
        pa_csv.ReadOptions(column_names=FIELDS, block_size=len(data) + 1, use_threads=False),
        pa_csv.ParseOptions(delimiter=" ", quote_char=False, invalid_row_handler=refuse),
        pa_csv.ConvertOptions(column_types=dict.fromkeys(FIELDS, kind), null_values=[]),
    )
    return table.combine_chunks()


def _values(column: pa.ChunkedArray) -> Floats:
    """float64, NaN where the text is no number."""
    values: Floats = numbers(column.combine_chunks()).to_numpy(zero_copy_only=False)
    return values


def _checks(jobs: Mapping[str, pa.ChunkedArray], unix_start_s: int, now_us: int) -> list[RowCheck]:
    values = {name: _values(column) for name, column in jobs.items()}
    job, submit, status = values["job"], values["submit"], values["status"]
    finished = submit + np.maximum(values["wait"], 0) + np.maximum(values["run"], 0)
    latest = validate.LATEST_US / 1e6 - unix_start_s
    ahead = (now_us + SOURCE_CLOCK_TOLERANCE_US) / 1e6 - unix_start_s
    is_partial = np.isin(status, PARTIAL_CODES)
    has_summary = np.isin(job, job[~is_partial])
    text = {name: column.combine_chunks() for name, column in jobs.items()}
    return [
        *(
            RowCheck(~np.isfinite(values[name]), f"{name}: '{{}}' is not a number", text[name])
            for name in FIELDS
        ),
        RowCheck(_is_broken(job) | (job < 0), "job: '{}' is not a whole number", text["job"]),
        RowCheck(submit < 0, "submit is negative: '{}'", text["submit"]),
        RowCheck(finished >= latest, "it ends after the year 2200"),
        RowCheck(
            finished > ahead,
            "it ends in the future; did the log begin at another --start?",
            due=pa.array(np.where(finished > ahead, (finished + unix_start_s) * 1e6, 0)).cast(
                pa.int64(), safe=False
            ),
        ),
        RowCheck(
            ~np.isin(status, list(STATUSES)), "status '{}' is not -1 or 0 to 5", text["status"]
        ),
        *(
            RowCheck(_is_broken(values[name]), f"{name}: '{{}}' is not a whole number", text[name])
            for name in ("user", "group", "executable", "queue", "partition")
        ),
        RowCheck(is_partial & has_summary, "is a part of job {}, which has a line", text["job"]),
    ]


def _is_broken(values: Floats) -> Mask:
    is_broken: Mask = (values != np.floor(values)) | (np.abs(values) > LARGEST_WHOLE)
    return is_broken


def _executions(jobs: Mapping[str, Floats], line: Ints, source: str, unix_start_s: int) -> pa.Table:
    rows = line.size
    status = jobs["status"].astype(np.int64)
    ran = (jobs["run"] > 0) | (status == COMPLETED)
    submitted = unix_start_s + jobs["submit"]
    start = submitted + np.maximum(jobs["wait"], 0)
    started = pc.if_else(pa.array(ran & (jobs["wait"] >= 0)), _us(start), None)
    run_us = pc.if_else(pa.array(ran & (jobs["run"] >= 0)), _us(np.maximum(jobs["run"], 0)), None)
    words = pa.array([STATUSES[code].value for code in sorted(STATUSES)])
    known_at = _us(start + np.maximum(jobs["run"], 0))
    has_no_end = pa.array((status == COMPLETED) & (jobs["run"] < 0))
    return pa.table(
        {
            "line": pa.array(line),
            "source": pa.repeat(source, rows),
            "source_id": pc.cast(pa.array(jobs["job"].astype(np.int64)), pa.string()),
            "actor": _named("user", jobs["user"]),
            "kind": _named("exe", jobs["executable"]),
            "scope": _scope(jobs["queue"], jobs["partition"]),
            "inputs": json_text.objects(_inputs(jobs), rows),
            "submitted": _us(submitted),
            "started": started,
            "finished": pc.if_else(has_no_end, None, known_at),
            "status": words.take(pa.array(np.searchsorted(sorted(STATUSES), status))),
            "outcome": json_text.objects(with_length(_outcome(jobs, ran), started, run_us), rows),
            "submission_known_at": _us(submitted),
            "known_at": known_at,
        }
    )


def _inputs(jobs: Mapping[str, Floats]) -> dict[str, pa.Array]:
    requested = jobs["requested_processors"]
    processors = np.where(requested < 0, jobs["allocated_processors"], requested)
    return {"processors": _known(processors)} | {name: _known(jobs[name]) for name in INPUTS}


def _outcome(jobs: Mapping[str, Floats], ran: Mask) -> dict[str, pa.Array]:
    """The outcomes of jobs that ran.

    `processor_s` is run time × allocated processors; `peak_memory_bytes` is the used memory, which
    the format has per processor, of all of them.
    """
    run, allocated = jobs["run"], jobs["allocated_processors"]
    cost = np.where((run >= 0) & (allocated >= 0), run * allocated, -1)
    used = np.where(allocated > 0, jobs["memory_kb"] * KILOBYTE * allocated, -1)
    measured = {
        "processor_s": cost,
        "cpu_s": jobs["cpu_s"],
        "memory_kb": jobs["memory_kb"],
        "peak_memory_bytes": np.where(used >= 0, used, -1),
        "allocated_processors": allocated,
    }
    return {name: _known(np.where(ran, values, -1)) for name, values in measured.items()}


def _known(values: Floats) -> pa.Array:
    """Null for negative numbers, which mean unknown in SWF."""
    return pa.array(values, pa.float64(), mask=values < 0)


def _named(prefix: str, number: Floats) -> pa.Array:
    """`prefix7`; the empty string when the number is unknown."""
    text = pc.cast(pa.array(number.astype(np.int64)), pa.string())
    named = pc.binary_join_element_wise(pa.scalar(prefix), text, "")
    return pc.if_else(pa.array(number < 0), "", named)


def _scope(queue: Floats, partition: Floats) -> pa.Array:
    first, second = _named("queue", queue), _named("partition", partition)
    if (partition < 0).all():
        return first
    both = pc.binary_join_element_wise(first, second, "/")
    return pc.if_else(
        pa.array((queue >= 0) & (partition >= 0)),
        both,
        pc.if_else(pa.array(queue >= 0), first, second),
    )


def _us(seconds: Floats) -> pa.Array:
    return pa.array(np.rint(seconds * 1e6).astype(np.int64))
