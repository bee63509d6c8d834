"""Tasks as Nextflow writes them into its trace file: in words, or in numbers with `trace.raw`.

Each attempt of a task is an execution. A cached task ran in an earlier run of the pipeline, whose
trace has it. Scripts, environments and folders are free text: left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runlore.kernel.errors import BadInput
from runlore.records.execution import ExecutionStatus
from runlore.records.formats import nextflow_tasks
from runlore.records.formats.delimited import (
    DelimitedLines,
    DelimitedRows,
    header_fields,
    matched,
)
from runlore.records.formats.field_instants import TWICE
from runlore.records.formats.nextflow_scripts import ScriptLines, script_lines
from runlore.records.formats.nextflow_tasks import TaskTimes, task_times
from runlore.records.formats.parsed import Parsed, merged
from runlore.records.formats.tool_rows import ToolRows, checked
from runlore.records.formats.tool_stamps import with_remark
from runlore.records.validate import LATEST_US, RowCheck, mask

FIELDS = (
    "task_id hash native_id process tag name status exit module container submit start complete"
    " duration realtime queue attempt cpus memory disk time %cpu %mem rss vmem peak_rss peak_vmem"
    " rchar wchar syscr syscw read_bytes write_bytes vol_ctxt inv_ctxt hostname cpu_model"
    " error_action script env workdir scratch"
)
NULL_WORDS = ("-", "null")
STATUSES: Mapping[str, ExecutionStatus] = {
    "COMPLETED": ExecutionStatus.SUCCEEDED,
    "FAILED": ExecutionStatus.FAILED,
    "ABORTED": ExecutionStatus.CANCELLED,
    "RUNNING": ExecutionStatus.RUNNING,
    "SUBMITTED": ExecutionStatus.SUBMITTED,
    "NEW": ExecutionStatus.SUBMITTED,
}
CACHED = "cached tasks (they ran in an earlier run, whose trace has them)"
NEVER_SUBMITTED = "tasks that were never submitted"


@dataclass(frozen=True)
class TraceLayout:
    """How one file's lines are read. timezone: of stamps, which name none."""

    lines: DelimitedLines | ScriptLines
    source: str
    timezone: str
    now_us: int
    counts_rows: bool = False

    def complete(self, data: bytes) -> int:
        return self.lines.complete(data)

    def parse(self, data: bytes, first_line: int) -> Parsed:
        every = self.lines.rows(data, first_line)
        words = pc.utf8_upper(every.column("status"))
        is_cached = mask(pc.equal(words, "CACHED"))
        never = mask(pc.is_in(words, value_set=pa.array(["ABORTED", "NEW"])))
        never &= mask(every.column("submit").is_null())
        rows = every.taken(np.flatnonzero(~is_cached & ~never))
        counts = {CACHED: int(is_cached.sum()), NEVER_SUBMITTED: int(never.sum())}
        parsed = self._checked(rows)
        return replace(
            parsed,
            rejects=merged([every.rejects, parsed.rejects]),
            skipped={reason: count for reason, count in counts.items() if count},
        )

    def _checked(self, rows: DelimitedRows) -> Parsed:
        words = pc.utf8_upper(rows.column("status"))
        at = pc.index_in(words, value_set=pa.array(list(STATUSES)))
        status = pa.array([known.value for known in STATUSES.values()]).take(at)
        times = task_times(rows, status, self.timezone)
        process, scope = nextflow_tasks.names(rows)
        tasks = ToolRows(
            line=rows.line,
            raw=rows.raw,
            source_id=rows.column("hash", "native_id", "task_id", "name"),
            actor=pa.repeat("", len(rows)),
            kind=process,
            scope=scope,
            submitted=times.submitted,
            started=times.started,
            finished=times.finished,
            status=status,
            words=rows.column("status"),
            inputs=nextflow_tasks.inputs(rows),
            outcome=nextflow_tasks.outcome(rows, times.is_over),
            known_at=times.known_at,
            stamps=times.stamps,
        )
        parsed = checked(tasks, self.source, self.now_us, _checks(words, times))
        return with_remark(parsed, TWICE, times.is_twice)


def layout(head: bytes, source: str, timezone: str, now_us: int = LATEST_US) -> TraceLayout:
    """Find the columns in a file's header. Raises BadInput when needed ones are missing."""
    line, text, delimiter, columns = header_fields(head)
    names = matched(columns, FIELDS.split())
    _check_columns(names, text)
    split = DelimitedLines(names, text, line, delimiter, NULL_WORDS)
    return TraceLayout(script_lines(split) or split, source, timezone, now_us)


def _check_columns(names: tuple[str, ...], header: str) -> None:
    if not {"task_id", "hash", "name", "process"} & {*names}:
        raise BadInput(
            f"line 1 is not the header of a trace file of Nextflow: {header[:60]!r}; write one"
            " with: nextflow run … -with-trace trace.txt",
            "file",
        )
    missing = [name for name in ("submit", "status") if name not in names]
    if not {"complete", "duration"} & {*names}:
        missing.append("complete")
    if missing:
        raise BadInput(
            f"the trace has no column {', '.join(missing)}; add it to trace.fields in"
            " nextflow.config, or leave trace.fields out",
            "file",
        )


def _checks(words: pa.Array, times: TaskTimes) -> list[RowCheck]:
    is_ended = pc.is_in(words, value_set=pa.array(["COMPLETED", "FAILED"]))
    is_open_end = pc.and_(is_ended, times.finished.is_null())
    return [RowCheck(mask(is_open_end), "status '{}' is final, but the end is not known", words)]
