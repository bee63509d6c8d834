"""Jobs as `sacct -P` prints them: one row for each job, and one for each of its steps.

A job is an execution, and so is each attempt of a requeued job; steps only add their peaks to it.
The name of a job is its kind as it stands, since sites number jobs in many ways: kinds that are
used once say nothing and cost nothing. Command lines, comments and folders are free text: left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from runlore.kernel.errors import BadInput
from runlore.records.execution import ExecutionStatus
from runlore.records.formats import slurm_jobs, slurm_resources
from runlore.records.formats.delimited import (
    DelimitedLines,
    DelimitedRows,
    header_fields,
    matched,
)
from runlore.records.formats.field_instants import TWICE
from runlore.records.formats.parsed import Parsed, merged
from runlore.records.formats.slurm_jobs import JobRows, whole_jobs
from runlore.records.formats.slurm_times import JobTimes, job_times
from runlore.records.formats.tool_rows import ToolRows, checked
from runlore.records.formats.tool_stamps import with_remark
from runlore.records.validate import LATEST_US, RowCheck, mask

COMMAND = (
    "SLURM_TIME_FORMAT='%Y-%m-%dT%H:%M:%S%z' sacct -a -D -P -S 2026-01-01 -E now -o JobID,User,"
    "Account,Partition,QOS,JobName,Submit,Start,End,ElapsedRaw,TimelimitRaw,State,ExitCode,ReqCPUS,"
    "ReqMem,ReqTRES,AllocTRES,MaxRSS,TotalCPU,CPUTimeRAW,Restarts"
)
FIELDS = (
    "JobID JobIDRaw SLUID Cluster User UID Account Partition QOS JobName Submit Start End Elapsed"
    " ElapsedRaw Timelimit TimelimitRaw State ExitCode DerivedExitCode Restarts Group WCKey"
    " Constraints Licenses Reservation ReqReservation ReqCPUS ReqMem ReqNodes ReqTRES AllocTRES"
    " AllocCPUS NCPUS AllocNodes NNodes MaxRSS MaxVMSize MaxDiskRead MaxDiskWrite TotalCPU"
    " CPUTimeRAW CPUTime ConsumedEnergyRaw Suspended TRESUsageInMax"
)
NULL_WORDS = ("Unknown", "UNKNOWN", "None", "NONE", "N/A", "(null)", "INVALID", "Invalid")
WHEN_IT_RAN = {"Start": ("Start",), "End": ("End",), "ElapsedRaw": ("ElapsedRaw", "Elapsed")}

STATES: Mapping[ExecutionStatus, str] = {
    ExecutionStatus.SUCCEEDED: "COMPLETED CD",
    ExecutionStatus.FAILED: "FAILED F TIMEOUT TO OUT_OF_MEMORY OOM DEADLINE DL NODE_FAIL NF"
    " BOOT_FAIL BF LAUNCH_FAILED RECONFIG_FAIL",
    ExecutionStatus.CANCELLED: "CANCELLED CA PREEMPTED PR REVOKED RV",
    ExecutionStatus.PARTIAL: "REQUEUED RQ REQUEUE_HOLD RH REQUEUE_FED RF SPECIAL_EXIT SE",
    ExecutionStatus.SUBMITTED: "PENDING PD CONFIGURING CF RESV_DEL_HOLD RD POWER_UP_NODE",
    ExecutionStatus.RUNNING: "RUNNING R SUSPENDED S COMPLETING CG RESIZING RS STOPPED ST"
    " SIGNALING SI STAGE_OUT SO UPDATE_DB EXPEDITING",
}
WORDS = {word: status for status, words in STATES.items() for word in words.split()}


@dataclass(frozen=True)
class SacctLayout:
    """How one file's lines are read. timezone: of stamps that name none."""

    lines: DelimitedLines
    source: str
    timezone: str
    now_us: int
    counts_rows: bool = False

    def complete(self, data: bytes) -> int:
        """How many bytes hold whole jobs: a job at the end may go on in the next chunk."""
        return whole_jobs(data, self.lines.names.index(self._id), self.lines.delimiter)

    def parse(self, data: bytes, first_line: int) -> Parsed:
        rows = self.lines.rows(data, first_line)
        jobs = slurm_jobs.jobs(rows, self._id)
        words, status = _states(jobs.rows.column("State"))
        times = job_times(jobs.rows, status, self.timezone)
        executions = self._executions(jobs, words, status, times)
        parsed = checked(executions, self.source, self.now_us, _checks(status, times))
        return replace(
            with_remark(parsed, TWICE, times.is_twice),
            rejects=merged([rows.rejects, parsed.rejects]),
            skipped=jobs.skipped,
        )

    @property
    def _id(self) -> str:
        return "JobID" if "JobID" in self.lines.names else "JobIDRaw"

    def _executions(
        self, jobs: JobRows, words: pa.Array, status: pa.Array, times: JobTimes
    ) -> ToolRows:
        rows = jobs.rows
        return ToolRows(
            line=rows.line,
            raw=rows.raw,
            source_id=slurm_jobs.attempt_ids(jobs, times.submitted, times.started),
            actor=pc.coalesce(rows.column("User"), rows.column("UID")),
            kind=rows.column("JobName"),
            scope=_scope(rows),
            submitted=times.submitted,
            started=times.started,
            finished=times.finished,
            status=status,
            words=rows.column("State"),
            inputs=slurm_resources.inputs(rows),
            outcome=slurm_resources.outcome(jobs, words, times.is_over),
            stamps=times.stamps,
        )


def layout(head: bytes, source: str, timezone: str, now_us: int = LATEST_US) -> SacctLayout:
    """Find the columns in a file's header. Raises BadInput when needed ones are missing."""
    line, text, delimiter, columns = header_fields(head)
    if delimiter == " ":
        raise BadInput(
            f"the columns are padded with blanks; export them with bars between, by -P: {COMMAND}",
            "file",
        )
    names = matched(columns, FIELDS.split())
    _check_columns(names, text)
    return SacctLayout(
        DelimitedLines(names, text, line, delimiter, NULL_WORDS), source, timezone, now_us
    )


def _check_columns(names: tuple[str, ...], header: str) -> None:
    if not {"JobID", "JobIDRaw"} & set(names):
        raise BadInput(
            f"line 1 is not the header of sacct -P: {header[:60]!r}; export with a header and with"
            f" bars between the fields, without -n: {COMMAND}",
            "file",
        )
    missing = [name for name in ("Submit", "State") if name not in names]
    timed = [name for name, columns in WHEN_IT_RAN.items() if {*columns} & {*names}]
    if len(timed) < 2:
        missing += [name for name in WHEN_IT_RAN if name not in timed]
    if missing:
        raise BadInput(
            f"the export has no column {', '.join(missing)}; export it with: {COMMAND}", "file"
        )


def _states(state: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The words for how jobs ended, without what follows them, and what they mean.

    `CANCELLED by 1001` is CANCELLED, and so is `CANCELLED+`, which was cut to a column's width.
    """
    encoded = pc.dictionary_encode(state)
    words = [_whole_word(text) for text in encoded.dictionary.to_pylist()]
    known = [WORDS[word].value if word in WORDS else None for word in words]
    taken = [pa.array(values, pa.string()).take(encoded.indices) for values in (words, known)]
    return taken[0], taken[1]


def _whole_word(text: str) -> str:
    word = text.strip().upper().split(" ")[0]
    if not word.endswith("+"):
        return word
    begun = [whole for whole in WORDS if whole.startswith(word[:-1])]
    return begun[0] if len(begun) == 1 else word


def _scope(rows: DelimitedRows) -> pa.Array:
    """The partition, after its cluster where the export names clusters."""
    partition, cluster = pc.fill_null(rows.column("Partition"), ""), rows.column("Cluster")
    named = pc.binary_join_element_wise(cluster, partition, "/")
    return pc.if_else(cluster.is_valid(), named, partition)


def _checks(status: pa.Array, times: JobTimes) -> list[RowCheck]:
    is_open_end = pc.and_(times.is_over, times.finished.is_null())
    return [RowCheck(mask(is_open_end), "state '{}' is final, but the end is not known", status)]
