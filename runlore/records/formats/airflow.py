"""Airflow's task instances: the table `task_instance` as CSV, or JSON of the REST API (v1, v2).

One execution is one try of one task in one DAG run: the actor is the DAG, the kind the task, the
scope the pool. Histories are by these three: a task's own past predicts it best, the DAG's says
whether all of it is in trouble, and the pool's how many tasks compete for its slots.

`submitted` is when the try was queued. A task that is resumed after it was deferred or rescheduled
is queued again in the same try, and Airflow overwrites `queued_dttm`: then it is the first start.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from runlore.records.execution import ExecutionStatus
from runlore.records.formats.columns import Cells
from runlore.records.formats.parsed import Parsed
from runlore.records.formats.tool_cells import Skip, ToolCells, is_in, joined, translated, without
from runlore.records.formats.tool_rows import ToolRows, checked
from runlore.records.validate import LATEST_US, LONGEST_KEY_BYTES, mask

STATUSES = {
    "success": ExecutionStatus.SUCCEEDED,
    "failed": ExecutionStatus.FAILED,
    "up_for_retry": ExecutionStatus.FAILED,
    "shutdown": ExecutionStatus.FAILED,
    "running": ExecutionStatus.RUNNING,
}
NEVER_RAN: Mapping[str, str] = {
    "skipped": "tasks that Airflow skipped",
    "upstream_failed": "tasks whose upstream failed",
    "removed": "tasks that were removed from their DAG",
}
NOT_STARTED = ("", "none", "null", "no_status", "scheduled", "queued", "restarting")
WAITING = ("deferred", "up_for_reschedule", "sensing")
SETTLED_US = 60_000_000
EARLY_US = 10_000_000  # more than clocks differ by
RUN_TYPES = r"^(?P<type>scheduled|manual|backfill|dataset_triggered|asset_triggered)__"
FIELDS = (
    *("dag_id", "task_id", "run_id", "dag_run_id", "map_index", "try_number", "max_tries"),
    *("state", "start_date", "end_date", "duration", "queued_when", "queued_dttm"),
    *("scheduled_when", "scheduled_dttm", "logical_date", "execution_date", "run_after"),
    *("operator", "operator_name", "pool", "pool_slots", "queue", "priority_weight"),
    *("executor", "hostname"),
)


@dataclass(frozen=True)
class AirflowReader:
    """Reads task instances. now_us: rows with an instant after it are rejects."""

    source: str
    timezone: str = "UTC"
    now_us: int = LATEST_US
    fields: Sequence[str] = FIELDS
    required: Sequence[str] = (
        "dag_id",
        "task_id",
        "run_id|dag_run_id|execution_date|logical_date",
        "state",
    )
    counts_rows: bool = False

    def read(self, cells: Cells) -> Parsed:
        chosen, skipped = without(cells, _skips(ToolCells(cells), self.timezone))
        rows = _rows(ToolCells(chosen), self.timezone)
        return replace(checked(rows, self.source, self.now_us), skipped=skipped)


def _state(cells: ToolCells) -> pa.Array:
    word = pc.fill_null(pc.utf8_lower(cells.text("state")), "")
    return pc.replace_substring_regex(word, r"^(taskinstancestate|state)\.", "")


def _skips(cells: ToolCells, timezone: str) -> list[Skip]:
    """What never ran, and what may still change the time at which it was submitted."""
    state = _state(cells)
    start = cells.instant("start_date", timezone=timezone)
    queued = cells.instant("queued_when", "queued_dttm", timezone=timezone)
    end = cells.instant("end_date", timezone=timezone)
    latest = max(pc.max(end).as_py() or 0, pc.max(start).as_py() or 0, pc.max(queued).as_py() or 0)
    is_running = is_in(state, ["running"])
    return [
        *(Skip(reason, is_in(state, [word])) for word, reason in NEVER_RAN.items()),
        Skip("tasks that have not started", is_in(state, NOT_STARTED)),
        Skip("tasks that wait, deferred or to be rescheduled", is_in(state, WAITING)),
        Skip(
            "tasks that have just started or were resumed, and may be deferred",
            is_running
            & ~mask(pc.and_(pc.less_equal(start, latest - SETTLED_US), _first(queued, start))),
        ),
        Skip(
            "tasks marked as successful that never ran",
            is_in(state, ["success"]) & mask(start.is_null()) & cells.is_silent("start_date"),
        ),
        Skip(
            "tasks whose state was set from outside before they started",
            is_in(state, ["success", "failed"]) & mask(pc.less(end, pc.subtract(start, EARLY_US))),
        ),
    ]


def _first(queued: pa.Array, start: pa.Array) -> pa.Array:
    return pc.fill_null(pc.less_equal(queued, start), True)


def _rows(cells: ToolCells, timezone: str) -> ToolRows:
    state = _state(cells)
    start = cells.instant("start_date", timezone=timezone)
    end = pc.coalesce(
        cells.instant("end_date", timezone=timezone), pc.add(start, cells.span_us("duration"))
    )
    status = translated(state, STATUSES)
    is_running = pc.fill_null(pc.equal(status, ExecutionStatus.RUNNING.value), False)
    finished = pc.if_else(is_running, None, end)
    return ToolRows(
        line=cells.cells.line,
        raw=cells.cells.raw,
        source_id=_try_ids(cells),
        actor=cells.text("dag_id"),
        kind=joined(cells.text("dag_id"), cells.text("task_id"), by="."),
        scope=pc.fill_null(cells.text("pool"), ""),
        submitted=_submitted(cells, start, finished, timezone),
        started=start,
        finished=finished,
        status=status,
        words=state,
        inputs=_inputs(cells),
        outcome={
            "host": cells.text("hostname"),
            "slot_s": pc.multiply(
                pc.divide(pc.cast(pc.subtract(finished, start), pa.float64()), 1e6),
                pc.fill_null(cells.number("pool_slots"), 1.0),
            ),
        },
        stamps={
            "submitted": cells.stamp("queued_when", "queued_dttm", "start_date"),
            "started": cells.stamp("start_date"),
            "finished": cells.stamp("end_date"),
        },
    )


def _submitted(cells: ToolCells, start: pa.Array, finished: pa.Array, timezone: str) -> pa.Array:
    queued = cells.instant("queued_when", "queued_dttm", timezone=timezone)
    scheduled = cells.instant("scheduled_when", "scheduled_dttm", timezone=timezone)
    due = cells.instant("run_after", "logical_date", "execution_date", timezone=timezone)
    began = pc.coalesce(start, finished)
    known = pc.min_element_wise(pc.coalesce(queued, scheduled, began, due), began)
    is_unread = mask(queued.is_null()) & ~cells.is_silent("queued_when", "queued_dttm")
    return pc.if_else(pa.array(is_unread), None, known)


def _try_ids(cells: ToolCells) -> pa.Array:
    """DAG, run, task, map index and try; a name that is too long ends in its digest."""
    run = cells.text("dag_run_id", "run_id", "execution_date", "logical_date")
    at = pc.fill_null(cells.text("map_index"), "-1")
    attempt = pc.fill_null(cells.text("try_number"), "1")
    names = joined(cells.text("dag_id"), run, cells.text("task_id"), at, attempt)
    too_long = mask(pc.greater(pc.binary_length(names), LONGEST_KEY_BYTES))
    if not too_long.any():
        return names
    return pa.array([_shortened(name.as_py()) for name in names], pa.string())


def _shortened(name: str) -> str:
    if len(name.encode()) <= LONGEST_KEY_BYTES:
        return name
    digest = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
    return name.encode()[: LONGEST_KEY_BYTES - 40].decode("utf-8", "ignore") + "/" + digest


def _inputs(cells: ToolCells) -> dict[str, pa.Array]:
    run = pc.extract_regex(cells.text("dag_run_id", "run_id"), RUN_TYPES)
    index = cells.number("map_index")
    return {
        "operator": cells.text("operator", "operator_name"),
        "queue": cells.text("queue"),
        "executor": cells.text("executor"),
        "priority_weight": cells.number("priority_weight"),
        "pool_slots": cells.number("pool_slots"),
        "max_tries": cells.number("max_tries"),
        "try_number": cells.number("try_number"),
        "map_index": pc.if_else(pc.greater_equal(index, 0.0), index, None),
        "run_type": pc.struct_field(run, "type"),
    }
