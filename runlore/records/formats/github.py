"""Runs and jobs of GitHub Actions: output of `gh run list --json`, or pages of the REST API.

An attempt of a run is one execution and a job is another: their ids begin with `run/` and `job/`.
The actor is who triggered it, the kind the workflow, or workflow and job, the scope the branch.

GitHub names no end of a run. `jobs_completed_at`, which an import from the API adds, is when the
last of its jobs ended. Without it `updated_at` is taken, which moves when a run is changed later:
more than 35 days after the start, longer than GitHub lets a run take, it is not the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.execution import ExecutionStatus
from runlore.records.formats.columns import Cells
from runlore.records.formats.parsed import Parsed
from runlore.records.formats.tool_cells import Skip, ToolCells, is_in, joined, translated, without
from runlore.records.formats.tool_rows import ToolRows, checked
from runlore.records.validate import LATEST_US, Mask, mask

STATUSES = {
    "success": ExecutionStatus.SUCCEEDED,
    "neutral": ExecutionStatus.SUCCEEDED,
    "failure": ExecutionStatus.FAILED,
    "timed_out": ExecutionStatus.FAILED,
    "startup_failure": ExecutionStatus.FAILED,
    "cancelled": ExecutionStatus.CANCELLED,
    "stale": ExecutionStatus.CANCELLED,
    "in_progress": ExecutionStatus.RUNNING,
}
NOT_STARTED = ("queued", "requested", "waiting", "pending")
CARRIED_OVER_US = 60_000_000
LONGEST_RUN_US = 35 * 86_400_000_000
FIELDS = (
    *("id", "databaseId", "name", "workflow_name", "path", "event", "head_branch", "head_sha"),
    *("run_number", "number", "run_id", "run_attempt", "attempt", "status", "conclusion"),
    *("created_at", "run_started_at", "started_at", "updated_at", "completed_at"),
    *("actor.login", "actor.type", "triggering_actor.login", "triggering_actor.type"),
    *("jobs_completed_at", "labels", "runner_name", "runner_group_name", "url", "html_url"),
    *("repository.full_name", "head_repository.full_name"),
)


@dataclass(frozen=True)
class GithubReader:
    """Reads runs and jobs. now_us: rows with an instant after it are rejects."""

    source: str
    timezone: str = "UTC"
    now_us: int = LATEST_US
    fields: Sequence[str] = FIELDS
    required: Sequence[str] = ("conclusion", "created_at|started_at|run_started_at")
    counts_rows: bool = False

    def read(self, cells: Cells) -> Parsed:
        chosen, skipped = without(cells, _skips(GithubCells(cells)))
        rows = _rows(GithubCells(chosen))
        return replace(checked(rows, self.source, self.now_us), skipped=skipped)


@dataclass(frozen=True)
class GithubCells(ToolCells):
    """Rows of runs and of jobs, as `gh` or the REST API names their fields."""

    @property
    def is_job(self) -> pa.Array:
        address = pc.match_substring_regex(self.text("html_url", "url"), r"/jobs?/\d+")
        has_own = pc.or_(self.text("run_id").is_valid(), self.text("completed_at").is_valid())
        return pc.or_(has_own, pc.fill_null(address, False))

    @property
    def word(self) -> pa.Array:
        """The conclusion of what has completed, else the status."""
        status = pc.utf8_lower(self.text("status"))
        conclusion = pc.utf8_lower(self.text("conclusion"))
        is_over = pc.fill_null(pc.equal(status, "completed"), True)
        return pc.if_else(is_over, pc.coalesce(conclusion, status), status)

    @property
    def is_rerun(self) -> pa.Array:
        return pc.greater(pc.fill_null(self.number("run_attempt", "attempt"), 1.0), 1.0)

    @property
    def began(self) -> pa.Array:
        return self.instant("run_started_at", "started_at")

    @property
    def created(self) -> pa.Array:
        """A run that is run again keeps the creation of its first attempt."""
        created = self.instant("created_at")
        is_old = pc.and_(self.is_rerun, pc.and_not(self.began.is_valid(), self.is_job))
        return pc.coalesce(pc.if_else(is_old, self.began, created), self.began)

    @property
    def ended(self) -> pa.Array:
        """When a row ended, or was last changed; null while it runs."""
        ended = pc.if_else(
            self.is_job,
            self.instant("completed_at"),
            self.instant("jobs_completed_at", "updated_at"),
        )
        return pc.if_else(pc.equal(self.word, "in_progress"), None, ended)

    @property
    def never_started(self) -> pa.Array:
        """Cancelled before a runner took it, or refused as a whole; GitHub names a start anyway."""
        has_no_runner = pc.and_(self.is_job, self.text("runner_name").is_null())
        is_early = pc.fill_null(pc.less(self.ended, self.began), False)
        was_cancelled = pc.equal(self.word, "cancelled")
        return pc.or_(
            pc.and_(was_cancelled, pc.or_(has_no_runner, is_early)),
            pc.equal(self.word, "startup_failure"),
        )


def _skips(cells: GithubCells) -> list[Skip]:
    word, is_job = cells.word, mask(cells.is_job)
    is_older = pc.less(cells.began, pc.subtract(cells.instant("created_at"), CARRIED_OVER_US))
    was_copied = mask(pc.and_(cells.is_rerun, is_older)) & is_job
    is_open = is_in(word, ["in_progress"])
    return [
        *_by_word("skipped", "that GitHub skipped", word, is_job),
        Skip("runs that wait or waited for an approval", is_in(word, ["action_required"])),
        Skip("runs and jobs that have not started", is_in(word, NOT_STARTED)),
        Skip("jobs of an earlier attempt, listed again", was_copied),
        Skip(
            "completed runs and jobs without a time of their end; export updatedAt, too",
            mask(cells.ended.is_null()) & ~is_open & cells.is_silent("completed_at", "updated_at"),
        ),
    ]


def _by_word(word: str, what: str, words: pa.Array, is_job: Mask) -> list[Skip]:
    hit = is_in(words, [word])
    return [Skip(f"jobs {what}", hit & is_job), Skip(f"runs {what}", hit & ~is_job)]


def _rows(cells: GithubCells) -> ToolRows:
    submitted = cells.created
    never_started = cells.never_started
    started = pc.if_else(never_started, None, _not_before(cells.began, submitted))
    ended = _not_before(cells.ended, pc.coalesce(started, submitted))
    is_read = pc.or_(cells.ended.is_valid(), pc.equal(cells.word, "in_progress"))
    is_run_end = pc.less_equal(pc.subtract(ended, submitted), LONGEST_RUN_US)
    return ToolRows(
        line=cells.cells.line,
        raw=cells.cells.raw,
        source_id=_ids(cells),
        actor=cells.text("triggering_actor.login", "actor.login"),
        kind=_kinds(cells),
        scope=cells.text("head_branch"),
        submitted=submitted,
        started=started,
        finished=pc.if_else(is_run_end, ended, None),
        status=translated(cells.word, STATUSES),
        words=cells.word,
        inputs=_inputs(cells),
        outcome={
            "conclusion": pc.if_else(ended.is_valid(), cells.word, None),
            "runner": cells.text("runner_name"),
            "runner_group": cells.text("runner_group_name"),
        },
        known_at=ended,
        stamps={
            "submitted": cells.stamp("created_at", "run_started_at", "started_at"),
            "finished": pc.if_else(is_read, None, cells.stamp("completed_at", "updated_at")),
        },
    )


def _not_before(instant: pa.Array, earlier: pa.Array) -> pa.Array:
    """GitHub's clocks differ by a second or two; null stays null."""
    return pc.max_element_wise(instant, earlier, skip_nulls=False)


def _ids(cells: GithubCells) -> pa.Array:
    number = cells.text("id", "databaseId")
    address = pc.extract_regex(cells.text("html_url", "url"), r"/(?:runs|jobs?)/(?P<id>\d+)$")
    content = joined(
        *(cells.text(name) for name in ("workflow_name", "name", "head_branch", "event")),
        cells.text("run_number", "number"),
        cells.text("head_sha"),
        cells.text("created_at", "started_at"),
    )
    name = pc.coalesce(number, pc.struct_field(address, "id"), content)
    attempt = pc.fill_null(cells.text("run_attempt", "attempt"), "1")
    run = pc.binary_join_element_wise("run", name, attempt, "/")
    return pc.if_else(cells.is_job, pc.binary_join_element_wise("job", name, "/"), run)


def _kinds(cells: GithubCells) -> pa.Array:
    workflow = cells.text("workflow_name", "path")
    job = joined(cells.text("workflow_name"), cells.text("name"), by=" / ")
    return pc.if_else(cells.is_job, job, pc.coalesce(cells.text("workflow_name", "name"), workflow))


def _inputs(cells: GithubCells) -> dict[str, pa.Array]:
    own, head = cells.text("repository.full_name"), cells.text("head_repository.full_name")
    return {
        "event": cells.text("event"),
        "attempt": cells.number("run_attempt", "attempt"),
        "labels": cells.words("labels"),
        "actor_type": cells.text("triggering_actor.type", "actor.type"),
        "is_fork": pc.not_equal(own, head),
        "repository": own,
    }
