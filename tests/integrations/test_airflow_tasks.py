"""What the Airflow plugin sends and decides; none of it needs Airflow."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace as Fake
from typing import Any

import pytest
from runlore_tasks import (
    TaskPolicy,
    execution_id,
    is_resumed,
    is_watched,
    outcome_of,
    policy_of,
    submission_of,
    timeout_of,
    work_of,
)

from runlore.records.formats.airflow import AirflowReader
from runlore.records.formats.tool_cells import csv_layout

STARTED = datetime(2026, 11, 3, 10, 0, 5, tzinfo=UTC)
QUEUED = STARTED - timedelta(seconds=5)
DOWNSTREAM = (Fake(priority_weight=2), Fake(priority_weight=3))


def task(**named: Any) -> Fake:
    fields = {
        "task_type": "BashOperator",
        "pool": "default_pool",
        "pool_slots": 2,
        "queue": "default",
        "executor": None,
        "priority_weight": 1,
        "weight_rule": "downstream",
        "get_flat_relatives": lambda upstream: () if upstream else DOWNSTREAM,
    }
    return Fake(**fields | named)


def instance(**named: Any) -> Fake:
    """A task instance as a worker of Airflow 3 has it."""
    fields = {
        "dag_id": "etl",
        "run_id": "scheduled__2026-11-03T00:00:00+00:00",
        "task_id": "load.part",
        "map_index": -1,
        "try_number": 2,
        "max_tries": 3,
        "start_date": STARTED,
        "task": task(),
    }
    return Fake(**fields | named)


def ingested(**named: Any) -> dict[str, Any]:
    """The execution that `runlore ingest airflow` makes of a row of task_instance."""
    row = {
        "dag_id": "etl",
        "run_id": "scheduled__2026-11-03T00:00:00+00:00",
        "task_id": "load.part",
        "map_index": -1,
        "try_number": 2,
        "max_tries": 3,
        "state": "success",
        "queued_dttm": QUEUED.isoformat(),
        "start_date": STARTED.isoformat(),
        "end_date": (STARTED + timedelta(seconds=10)).isoformat(),
        "operator": "BashOperator",
        "pool": "default_pool",
        "pool_slots": 2,
        "queue": "default",
        "priority_weight": 6,
        "hostname": "h1",
    } | named
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row))
    writer.writeheader()
    writer.writerow(row)
    data = text.getvalue().encode()
    parsed = csv_layout(data, AirflowReader("airflow")).parse(data.partition(b"\n")[2], 2)
    assert parsed.records.num_rows == 1, parsed.rejects
    return parsed.records.to_pylist()[0]


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"map_index": 7},
        {"run_id": "manual__" + "é" * 300},
        {"dag_id": "d" * 245, "task_id": "t" * 245},
        {"run_id": "backfill__x", "try_number": 1},
    ],
)
def test_a_task_is_the_execution_that_an_ingest_of_its_row_makes(named: dict[str, Any]) -> None:
    row, work = ingested(**named), work_of(instance(**named))
    assert work.execution == row["source_id"] == execution_id(instance(**named))
    assert (work.actor, work.kind, work.scope) == (row["actor"], row["kind"], row["scope"])
    assert dict(work.inputs) == json.loads(row["inputs"])


def test_an_instance_of_airflow_2_knows_when_it_was_queued() -> None:
    older = instance(queued_dttm=QUEUED, priority_weight=9, queue="fast", executor="K")
    assert submission_of(older)["submitted"] == QUEUED.isoformat()
    assert work_of(older).inputs["priority_weight"] == 9
    assert work_of(older).inputs["queue"] == "fast"
    assert submission_of(instance())["submitted"] == STARTED.isoformat()
    assert submission_of(instance(start_date=None)) == {"status": "running"}


@pytest.mark.parametrize(
    ("rule", "weight"), [("downstream", 6), ("upstream", 1), ("absolute", 1), ("custom", None)]
)
def test_the_weight_is_the_schedulers(rule: str, weight: int | None) -> None:
    assert work_of(instance(task=task(weight_rule=rule))).inputs.get("priority_weight") == weight


def test_an_outcome_has_the_end_and_what_the_importer_measures() -> None:
    ended = STARTED + timedelta(seconds=10)
    row = ingested()
    fields = outcome_of(instance(end_date=ended, hostname="h1"), STARTED)
    assert fields["finished"] == ended.isoformat()
    assert fields["outcome"] == {"host": "h1", "slot_s": 20.0}
    assert json.loads(row["outcome"]) == fields["outcome"]
    from_server = instance(task=None, start_date=None)
    assert outcome_of(from_server, ended) == {"finished": ended.isoformat(), "outcome": {}}


def test_sensors_that_are_rescheduled_and_resumed_tasks_are_left_alone() -> None:
    assert is_watched(task())
    assert not is_watched(task(reschedule=True))
    assert not is_watched(None)
    assert not is_resumed(instance())
    assert is_resumed(instance(next_method="execute_complete"))
    assert is_resumed(instance(_ti_context_from_server=Fake(next_method="go_on")))


def test_the_environment_names_the_policy() -> None:
    assert policy_of({}) == TaskPolicy()
    named = {
        "RUNLORE_MAX_RISK": "0.3",
        "RUNLORE_ON_RISK": "fail",
        "RUNLORE_TIMEOUT_QUANTILE": "0.99",
        "RUNLORE_REPORT": "no",
    }
    assert policy_of(named) == TaskPolicy(0.3, "fail", 0.99, reports=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RUNLORE_ON_RISK", "stop"),
        ("RUNLORE_MAX_RISK", "30%"),
        ("RUNLORE_TIMEOUT_QUANTILE", "99"),
        ("RUNLORE_MAX_RISK", "nan"),
    ],
)
def test_a_value_that_is_none_is_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{name} '{value}' is no"):
        policy_of({name: value})


def test_a_timeout_is_never_shorter_than_a_minute() -> None:
    assert timeout_of(3.0) == timedelta(minutes=1)
    assert timeout_of(90.5) == timedelta(seconds=90.5)
