"""What the facets of an OpenLineage event tell: who, what kind of work, on which data sets.

Facets have any shape, since producers add their own. What does not have the shape that its
specification gives it is left out. Free text, such as SQL or the message of an error, is not read.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from runlore.kernel.errors import BadInput
from runlore.records.execution import Scalar
from runlore.records.formats.lineage_time import read_time

Event = Mapping[str, Any]

LONGEST_TEXT = 200
MOST_NAMES = 10  # data sets whose names are listed; of more, only the number is known

# input -> where it stands in the facets of a job, or of a run.
OF_JOBS = {
    "integration": ("jobType", "integration"),
    "job_type": ("jobType", "jobType"),
    "processing_type": ("jobType", "processingType"),
}
OF_RUNS = {
    "engine": ("processing_engine", "name"),
    "engine_version": ("processing_engine", "version"),
    "parent_job": ("parent", "job", "name"),
    "root_job": ("parent", "root", "job", "name"),
    "operator": ("airflow", "task", "operator_class"),
    "attempt": ("airflow", "taskInstance", "try_number"),
    "pool": ("airflow", "taskInstance", "pool"),
    "queue": ("airflow", "task", "queue"),
    "run_type": ("airflow", "dagRun", "run_type"),
}
# facet of a data set, with the sum of its counts -> outcome
READ = {"rowCount": "rows_read", "size": "bytes_read"}
WRITTEN = {"rowCount": "rows_written", "size": "bytes_written"}


def owner(event: Event) -> str:
    """The first owner of the job; empty when none is named."""
    owners = _at(event, "job", "facets", "ownership", "owners")
    names = [_at(row, "name") for row in owners] if isinstance(owners, list) else []
    names += [_at(event, "run", "facets", "airflow", "task", "owner")]
    names += [_at(event, "run", "facets", "airflow", "dag", "owner")]
    return next((text for name in names if (text := _text(name))), "")


def inputs_of(event: Event) -> dict[str, Scalar]:
    """What is known of a run whenever an event of it is: nothing that depends on how it went."""
    of_job, of_run = _at(event, "job", "facets"), _at(event, "run", "facets")
    inputs = {name: _scalar(_at(of_job, *path)) for name, path in OF_JOBS.items()}
    inputs |= {name: _scalar(_at(of_run, *path)) for name, path in OF_RUNS.items()}
    inputs["parent_job"] = inputs["parent_job"] or _scalar(_at(of_run, "parentRun", "job", "name"))
    inputs["nominal_period_s"] = _nominal_period_s(_at(of_run, "nominalTime"))
    return {name: value for name, value in inputs.items() if value is not None}


def inputs_at_start(event: Event) -> dict[str, Scalar]:
    """The same with the data sets that a START announces."""
    inputs = inputs_of(event)
    for name in ("inputs", "outputs"):
        names = sorted({text for row in _rows(event, name) if (text := _text(_at(row, "name")))})
        kind = name.removesuffix("s")
        inputs[f"{kind}_datasets"] = len(names)
        if names and len(names) <= MOST_NAMES:
            inputs[f"{kind}_names"] = ", ".join(names)[:LONGEST_TEXT]
    return inputs


def outcome_of(event: Event) -> dict[str, Scalar]:
    """What the last event of a run measured: data sets, rows and bytes, and if there is an error.

    The error's message is free text and is not read.
    """
    outcome: dict[str, Scalar] = {
        "datasets_read": len(_rows(event, "inputs")),
        "datasets_written": len(_rows(event, "outputs")),
        "has_error_message": _at(event, "run", "facets", "errorMessage") is not None,
    }
    for field, name in READ.items():
        outcome |= _sum(event, ("inputs", "inputFacets", "inputStatistics", field), name)
    for field, name in WRITTEN.items():
        outcome |= _sum(event, ("outputs", "outputFacets", "outputStatistics", field), name)
    return outcome


def _sum(event: Event, path: tuple[str, ...], name: str) -> dict[str, Scalar]:
    counts = [_number(_at(row, *path[1:])) for row in _rows(event, path[0])]
    known = [count for count in counts if count is not None]
    return {name: sum(known)} if known else {}


def _nominal_period_s(facet: Any) -> float | None:  # noqa: ANN401
    """How long the period is that a scheduled run is for, such as a day."""
    names = ("nominalStartTime", "nominalEndTime")
    if not isinstance(facet, dict) or any(facet.get(name) is None for name in names):
        return None
    try:
        times = [read_time(facet[name], name, "UTC") for name in names]
    except BadInput:
        return None
    seconds = (times[1] - times[0]) / 1_000_000
    return seconds if seconds > 0 else None


def _rows(event: Event, name: str) -> Sequence[Any]:
    rows = event.get(name)
    return rows if isinstance(rows, list) else []


def _at(value: Any, *path: str) -> Any:  # noqa: ANN401  (JSON)
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _scalar(value: Any) -> Scalar:  # noqa: ANN401
    if value is None or isinstance(value, bool):
        return value
    return _text(value) if isinstance(value, str) else _number(value)


def _number(value: Any) -> float | int | None:  # noqa: ANN401
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) and abs(value) < 1e30 else None


def _text(value: Any) -> str | None:  # noqa: ANN401
    if not isinstance(value, str):
        return None
    if "\0" in value:
        value = value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return value.strip()[:LONGEST_TEXT] or None
