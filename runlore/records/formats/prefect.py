"""Flow runs as Prefect's REST API returns them.

A run is submitted when it is expected to start, or starts if it is over by then. Prefect may start
it a little early, so `started` is not before that. Its inputs are the parameters that are text,
numbers or booleans.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from runlore.records import validate
from runlore.records.execution import ExecutionStatus
from runlore.records.formats import json_text
from runlore.records.formats.instants import microseconds
from runlore.records.formats.parsed import Parsed, refused
from runlore.records.validate import RowCheck, judge, mask

Run = Mapping[str, Any]

STATUSES = {
    "SCHEDULED": ExecutionStatus.SUBMITTED,
    "PENDING": ExecutionStatus.SUBMITTED,
    "RUNNING": ExecutionStatus.RUNNING,
    "PAUSED": ExecutionStatus.RUNNING,
    "CANCELLING": ExecutionStatus.RUNNING,
    "COMPLETED": ExecutionStatus.SUCCEEDED,
    "FAILED": ExecutionStatus.FAILED,
    "CRASHED": ExecutionStatus.FAILED,
    "CANCELLED": ExecutionStatus.CANCELLED,
}
OPEN_STATES = tuple(state for state, status in STATUSES.items() if not status.is_final)
FIELDS = (
    "id",
    "flow_id",
    "deployment_id",
    "created",
    "created_by",
    "expected_start_time",
    "start_time",
    "end_time",
    "state_type",
    "run_count",
    "total_run_time",
    "work_pool_name",
    "work_queue_name",
    "parameters",
)


@dataclass(frozen=True, slots=True)
class FlowNames:
    """Names of flows and deployments by id."""

    flows: Mapping[str, str]
    deployments: Mapping[str, str]


def parse(runs: Sequence[Run], first_row: int, source: str, names: FlowNames) -> Parsed:
    """Runs as one page of the API has them; a page is small, so parameters go one by one."""
    frame = pd.DataFrame([_flat(run) for run in runs], columns=list(FIELDS))
    line = np.arange(first_row, first_row + len(frame), dtype=np.int64)
    texts = {name: _text(frame[name]) for name in ("id", "state_type", *INSTANTS)}
    columns = _columns(frame, texts, names)
    table = pa.table({"line": pa.array(line), "source": pa.array([source] * len(frame)), **columns})
    checks = [
        *validate.instant_checks(
            "expected_start_time", columns["submitted"], texts["created"], is_required=True
        ),
        RowCheck(mask(columns["status"].is_null()), "state '{}' is unknown", texts["state_type"]),
        *(validate.key_check(name, columns[name]) for name in ("actor", "kind", "scope")),
    ]
    refusals = judge(checks, len(frame))
    raw = pa.array([json.dumps(runs[row])[:2000] for row in refusals.rows], pa.string())
    return Parsed(
        table.filter(pa.array(refusals.accepted(len(frame)))), refused(refusals, line, raw)
    )


def _flat(run: Run) -> dict[str, Any]:
    flat = {name: run.get(name) for name in FIELDS}
    return flat | {"created_by": (run.get("created_by") or {}).get("display_value")}


INSTANTS = ("created", "expected_start_time", "start_time", "end_time")


def _columns(
    frame: pd.DataFrame, texts: Mapping[str, pa.Array], names: FlowNames
) -> dict[str, Any]:
    created, expected, start, end = (microseconds(texts[name], "UTC", None) for name in INSTANTS)
    is_over = pc.is_in(texts["state_type"], value_set=pa.array(sorted(FINAL_STATES)))
    due = pc.coalesce(expected, created)
    was_early = pc.and_(is_over, pc.less(end, due)).fill_null(fill_value=False)
    submitted = pc.if_else(was_early, pc.min_element_wise(start, end), due)
    started = pc.max_element_wise(start, submitted, skip_nulls=False)
    end = pc.if_else(is_over, pc.coalesce(end, started, submitted), None)
    finished = pc.max_element_wise(end, pc.coalesce(started, submitted), skip_nulls=False)
    began = pc.coalesce(started, submitted)
    return {
        "source_id": texts["id"],
        "actor": _actor(frame, names),
        "kind": _text(frame["flow_id"].map(names.flows)).fill_null(""),
        "scope": _scope(frame),
        "inputs": pa.array(
            [_scalars(parameters) for parameters in frame["parameters"]], pa.string()
        ),
        "submitted": submitted,
        "started": started,
        "finished": finished,
        "status": _status(texts["state_type"], started),
        "outcome": _outcome(frame, is_over),
        "submission_known_at": submitted,
        "known_at": pc.coalesce(finished, began),
    }


FINAL_STATES = frozenset(STATUSES) - frozenset(OPEN_STATES)


def _status(state: pa.Array, started: pa.Array) -> pa.Array:
    """Null for a state that is not known. Work that waits for its next attempt is running."""
    at = pc.index_in(state, value_set=pa.array(list(STATUSES)))
    status = pa.array([known.value for known in STATUSES.values()]).take(at)
    waits = pc.and_(pc.equal(status, ExecutionStatus.SUBMITTED.value), started.is_valid())
    return pc.if_else(waits, ExecutionStatus.RUNNING.value, status)


def _actor(frame: pd.DataFrame, names: FlowNames) -> pa.Array:
    """The deployment's name, or else the creator of the run."""
    deployment = _text(frame["deployment_id"].map(names.deployments))
    return pc.coalesce(deployment, _text(frame["created_by"]), "")


def _scope(frame: pd.DataFrame) -> pa.Array:
    pool, queue = _text(frame["work_pool_name"]), _text(frame["work_queue_name"])
    return pc.coalesce(pc.binary_join_element_wise(pool, queue, "/"), pool, queue, "")


def _outcome(frame: pd.DataFrame, is_over: pa.Array) -> pa.Array:
    attempts = pa.array(pd.to_numeric(frame["run_count"], errors="coerce"), from_pandas=True)
    seconds = pa.array(pd.to_numeric(frame["total_run_time"], errors="coerce"), from_pandas=True)
    measured = {"attempts": attempts.cast(pa.float64()), "run_s": seconds.cast(pa.float64())}
    final_values = {name: pc.if_else(is_over, values, None) for name, values in measured.items()}
    return json_text.objects(final_values, len(frame))


def _scalars(parameters: Mapping[str, Any] | None) -> str:
    """Parameters as JSON: keys in order, nothing nested, no NUL, which PostgreSQL refuses."""
    scalars = {
        key: value
        for key, value in sorted((parameters or {}).items())
        if isinstance(value, str | int | float | bool)
    }
    text = json.dumps(scalars, ensure_ascii=False, separators=(",", ":"))
    return text.replace("\\u0000", "")


def _text(column: "pd.Series[Any]") -> pa.Array:
    return pa.array(column.astype(object), pa.string(), from_pandas=True)
