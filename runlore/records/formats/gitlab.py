"""Jobs of GitLab CI: pages of the API's project or pipeline jobs, or the same fields as CSV.

The actor is the user, the kind the job's name without its part of a parallel job, the scope the
branch, tag or merge request. A retried job is another job with an id of its own.

`submitted` is when the job was ready for a runner: its start less `queued_duration`. GitLab has no
such time for a job that never started, and lets `queued_duration` of a cancelled one grow for ever:
then it is the creation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.execution import ExecutionStatus
from runlore.records.formats.columns import Cells
from runlore.records.formats.parsed import Parsed
from runlore.records.formats.run_lengths import begun_before
from runlore.records.formats.tool_cells import Skip, ToolCells, is_in, translated, without
from runlore.records.formats.tool_rows import ToolRows, checked
from runlore.records.validate import LATEST_US, mask

STATUSES = {
    "success": ExecutionStatus.SUCCEEDED,
    "failed": ExecutionStatus.FAILED,
    "canceled": ExecutionStatus.CANCELLED,
    "cancelled": ExecutionStatus.CANCELLED,
    "running": ExecutionStatus.RUNNING,
    "canceling": ExecutionStatus.RUNNING,
}
FINAL = ("success", "failed", "canceled", "cancelled")
NOT_STARTED = (
    *("created", "waiting_for_resource", "waiting_for_callback", "preparing", "pending"),
    "scheduled",
)
PART = r"^(?P<name>.*?)[ :/]+(?P<part>\d+)[/ ](?P<parts>\d+)$"
MS = 1_000
FIELDS = (
    *("id", "name", "stage", "status", "ref", "tag", "created_at", "started_at", "finished_at"),
    *("duration", "queued_duration", "failure_reason", "allow_failure", "coverage"),
    *(
        "user.username",
        "username",
        "user.name",
        "user",
        "runner",
        "tag_list",
        "pipeline.source",
        "source",
        "web_url",
    ),
    *("pipeline.project_id", "project", "runner.description", "runner.runner_type"),
)


@dataclass(frozen=True)
class GitlabReader:
    """Reads jobs. now_us: rows with an instant after it are rejects."""

    source: str
    timezone: str = "UTC"
    now_us: int = LATEST_US
    fields: Sequence[str] = FIELDS
    required: Sequence[str] = ("id", "status", "created_at")
    counts_rows: bool = False

    def read(self, cells: Cells) -> Parsed:
        chosen, skipped = without(cells, _skips(ToolCells(cells), self.timezone))
        rows = _rows(ToolCells(chosen), self.timezone)
        return replace(checked(rows, self.source, self.now_us), skipped=skipped)


def _word(cells: ToolCells) -> pa.Array:
    return pc.utf8_lower(cells.text("status"))


def _skips(cells: ToolCells, timezone: str) -> list[Skip]:
    word = _word(cells)
    has_no_end = mask(_end(cells, timezone).is_null()) & cells.is_silent("finished_at")
    return [
        Skip("jobs that GitLab skipped", is_in(word, ["skipped"])),
        Skip("manual jobs that nobody has started", is_in(word, ["manual"])),
        Skip("jobs that have not started", is_in(word, NOT_STARTED)),
        Skip(
            "jobs without a time of their end; export finished_at, too",
            is_in(word, FINAL) & has_no_end,
        ),
    ]


def _end(cells: ToolCells, timezone: str) -> pa.Array:
    start = cells.instant("started_at", timezone=timezone)
    lasted = cells.span_us("duration")
    return pc.coalesce(cells.instant("finished_at", timezone=timezone), pc.add(start, lasted))


def _rows(cells: ToolCells, timezone: str) -> ToolRows:
    word = _word(cells)
    submitted = _submitted(cells, timezone)
    part = pc.extract_regex(cells.text("name"), PART)
    return ToolRows(
        line=cells.cells.line,
        raw=cells.cells.raw,
        source_id=pc.replace_substring_regex(cells.text("id"), r"^gid://.*/", ""),
        actor=_names(cells, "user.username", "username", "user.name", "user"),
        kind=pc.coalesce(pc.struct_field(part, "name"), cells.text("name")),
        scope=cells.text("ref"),
        submitted=submitted,
        started=begun_before(
            cells.instant("started_at", timezone=timezone),
            cells.instant("finished_at", timezone=timezone),
            submitted,
            pc.if_else(pa.array(cells.is_silent("started_at")), cells.span_us("duration"), None),
        ),
        finished=pc.if_else(is_in(word, FINAL), _end(cells, timezone), None),
        status=translated(word, STATUSES),
        words=word,
        inputs=_inputs(cells) | {"part": pc.cast(pc.struct_field(part, "part"), pa.float64())},
        outcome={
            "failure_reason": cells.text("failure_reason"),
            "coverage": cells.number("coverage"),
            "runner": _names(cells, "runner.description", "runner"),
            "runner_type": cells.text("runner.runner_type"),
        },
        stamps={
            "submitted": cells.stamp("created_at"),
            "started": cells.stamp("started_at"),
            "finished": cells.stamp("finished_at"),
        },
    )


def _names(cells: ToolCells, *names: str) -> pa.Array:
    """A name, as CSV files have it under `user` and JSON within the object `user`."""
    text = cells.text(*names)
    return pc.if_else(pc.starts_with(text, "{"), None, text)


def _submitted(cells: ToolCells, timezone: str) -> pa.Array:
    """To the millisecond, since exports round `queued_duration` in several ways."""
    created = cells.instant("created_at", timezone=timezone)
    started = cells.instant("started_at", timezone=timezone)
    queued = pc.subtract(started, cells.span_us("queued_duration"))
    ready = pc.multiply(pc.divide(pc.add(queued, MS // 2), MS), MS)
    return pc.min_element_wise(
        pc.coalesce(pc.max_element_wise(ready, created, skip_nulls=False), created, started),
        started,
    )


def _inputs(cells: ToolCells) -> dict[str, pa.Array]:
    address = pc.extract_regex(cells.text("web_url"), r"^https?://[^/]+/(?P<path>.+?)/-/")
    return {
        "stage": cells.text("stage"),
        "pipeline_source": cells.text("pipeline.source", "source"),
        "allow_failure": cells.truth("allow_failure"),
        "is_tag": cells.truth("tag"),
        "tags": cells.words("tag_list"),
        "project": pc.coalesce(
            pc.struct_field(address, "path"), cells.text("project", "pipeline.project_id")
        ),
    }
