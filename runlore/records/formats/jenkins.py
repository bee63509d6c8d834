"""Builds of Jenkins: `/api/json` of a build, a job, a folder or all, or the same fields as CSV.

The kind is the job with its folders, the scope the folder, or the project of a branch; the actor is
the user, the upstream project, or what else caused the build. The inputs are the parameters and the
cause. `estimatedDuration` is no input: Jenkins computes it when it is read, from the job's latest
builds, so an old build's estimate knows what came after it.

`timestamp` is the start. The wait before it is known where the Metrics plugin is installed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.execution import ExecutionStatus
from runlore.records.formats.columns import Cells
from runlore.records.formats.jenkins_builds import PARAMETER
from runlore.records.formats.json_text import JsonText
from runlore.records.formats.parsed import Parsed
from runlore.records.formats.tool_cells import (
    Skip,
    ToolCells,
    infer_value,
    is_in,
    translated,
    without,
)
from runlore.records.formats.tool_rows import ToolRows, checked
from runlore.records.validate import LATEST_US, RowCheck, mask

STATUSES = {
    "success": ExecutionStatus.SUCCEEDED,
    "unstable": ExecutionStatus.PARTIAL,
    "failure": ExecutionStatus.FAILED,
    "aborted": ExecutionStatus.CANCELLED,
    "running": ExecutionStatus.RUNNING,
}
MOST_CHARACTERS = 200
LEAST_MS = 100_000_000_000  # smaller timestamps are seconds
FIELDS = (
    *("job", "jobName", "project", "number", "buildNumber", "timestamp", "startTime", "duration"),
    *("duration_s", "result", "status", "building", "queuingDurationMillis", "user", "cause"),
    *("builtOn", "node", "url"),
)


@dataclass(frozen=True)
class JenkinsReader:
    """Reads builds. parameters: fields of parameters, which begin with `param.`."""

    source: str
    timezone: str = "UTC"
    now_us: int = LATEST_US
    fields: Sequence[str] = FIELDS
    required: Sequence[str] = ("timestamp|startTime", "number|buildNumber")
    counts_rows: bool = False
    parameters: Sequence[str] = ()

    def read(self, cells: Cells) -> Parsed:
        chosen, skipped = without(cells, _skips(ToolCells(cells)))
        rows = _rows(ToolCells(chosen), self)
        unit = _unit_check(ToolCells(chosen))
        return replace(checked(rows, self.source, self.now_us, [unit]), skipped=skipped)


def _word(cells: ToolCells) -> pa.Array:
    """The result; a build without one, or one that goes on after it, is running."""
    result = pc.utf8_lower(cells.text("result", "status"))
    is_building = pc.fill_null(cells.truth("building"), False)
    return pc.if_else(is_building, "running", pc.fill_null(result, "running"))


def _skips(cells: ToolCells) -> list[Skip]:
    is_unread = mask(pc.equal(cells.number("timestamp", "startTime"), 0.0))
    return [
        Skip("builds that were not built", is_in(_word(cells), ["not_built"])),
        Skip("builds that Jenkins could not load, with the timestamp 0", is_unread),
    ]


def _rows(cells: ToolCells, reader: JenkinsReader) -> ToolRows:
    word = _word(cells)
    started = _instant(cells, reader.timezone)
    waited = pc.fill_null(cells.span_us("queuingDurationMillis", unit_s=1e-3), 0)
    job = _jobs(cells)
    return ToolRows(
        line=cells.cells.line,
        raw=cells.cells.raw,
        source_id=pc.binary_join_element_wise(job, cells.text("number", "buildNumber"), "#"),
        actor=cells.text("user", "cause"),
        kind=job,
        scope=pc.if_else(
            pc.match_substring(job, "/"), pc.replace_substring_regex(job, "/[^/]*$", ""), ""
        ),
        submitted=pc.subtract(started, waited),
        started=started,
        finished=pc.if_else(pc.equal(word, "running"), None, pc.add(started, _lasted(cells))),
        status=translated(word, STATUSES),
        words=word,
        inputs={"cause": cells.text("cause")} | _parameters(cells, reader.parameters),
        outcome={
            "result": pc.if_else(pc.equal(word, "running"), None, word),
            "host": cells.text("builtOn", "node"),
        },
        stamps={"submitted": cells.text("timestamp", "startTime")},
    )


def _unit_check(cells: ToolCells) -> RowCheck:
    """Somebody who turned the timestamp into seconds may have done so with the duration."""
    is_short = mask(pc.less(_digits(cells), LEAST_MS))
    has_no_unit = pc.match_substring_regex(cells.text("duration"), r"^[\d.]+$")
    is_unclear = is_short & mask(has_no_unit)
    reason = (
        "timestamp '{}' is in seconds: is the duration, too? Export both in milliseconds, or call"
        " the duration duration_s"
    )
    return RowCheck(is_unclear, reason, cells.text("timestamp", "startTime"))


def _digits(cells: ToolCells) -> pa.Array:
    text = cells.text("timestamp", "startTime")
    is_number = pc.fill_null(pc.match_substring_regex(text, r"^\d{1,18}$"), False)
    return pc.cast(pc.if_else(is_number, text, None), pa.int64())


def _instant(cells: ToolCells, timezone: str) -> pa.Array:
    """Milliseconds, or seconds in ten digits, or ISO 8601."""
    digits = _digits(cells)
    unit_us = pc.if_else(pc.less(digits, LEAST_MS), 1_000_000, 1_000)
    iso = cells.instant("timestamp", "startTime", timezone=timezone)
    return pc.coalesce(pc.multiply(digits, unit_us), iso)


def _lasted(cells: ToolCells) -> pa.Array:
    spans = pc.coalesce(cells.span_us("duration", unit_s=1e-3), cells.span_us("duration_s"))
    return pc.fill_null(spans, 0)


def _jobs(cells: ToolCells) -> pa.Array:
    named = cells.text("job", "jobName", "project")
    path = pc.extract_regex(cells.text("url"), r"/job/(?P<path>.+?)/\d+/?$")
    return pc.coalesce(named, pc.replace_substring(pc.struct_field(path, "path"), "/job/", "/"))


def _parameters(cells: ToolCells, names: Sequence[str]) -> dict[str, JsonText]:
    """Values of parameters that are short and in one line."""
    values = {}
    for name in names:
        text = cells.text(name)
        too_long = pc.or_(
            pc.greater(pc.utf8_length(text), MOST_CHARACTERS), pc.match_substring(text, "\n")
        )
        if not mask(too_long.is_valid()).any():
            continue
        values[name.removeprefix(PARAMETER)] = infer_value(pc.if_else(too_long, None, text))
    return values
