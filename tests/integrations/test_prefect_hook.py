"""The Prefect hook: what it sends. tests/flows watches flows on a real server."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace as Fake
from typing import Any

import pytest
from prefect import flow
from runlore_prefect import outcome_of, submission_of, watch, work_of

from runlore.records.formats import prefect as prefect_format
from tests.integrations.http_recorder import Recorder

DUE = datetime(2026, 11, 3, 10, tzinfo=UTC)


def run(**named: Any) -> Fake:
    fields = {
        "id": "0199-ab",
        "parameters": {"rows": 7, "full": True, "name": "aé", "tables": ["x"], "none": None},
        "work_pool_name": "pool",
        "work_queue_name": "default",
        "created_by": Fake(display_value="ann"),
        "created": DUE - timedelta(minutes=1),
        "expected_start_time": DUE,
        "start_time": DUE + timedelta(seconds=2),
        "run_count": 1,
        "total_run_time": timedelta(seconds=8),
    }
    return Fake(**fields | named)


@pytest.mark.parametrize("deployment", [None, "nightly"])
def test_a_run_is_the_execution_that_an_ingest_makes(deployment: str | None) -> None:
    ended = DUE + timedelta(seconds=10)
    row = {
        "id": "0199-ab",
        "flow_id": "f",
        "deployment_id": "d" if deployment else None,
        "created": (DUE - timedelta(minutes=1)).isoformat(),
        "created_by": {"display_value": "ann"},
        "expected_start_time": DUE.isoformat(),
        "start_time": (DUE + timedelta(seconds=2)).isoformat(),
        "end_time": ended.isoformat(),
        "state_type": "COMPLETED",
        "run_count": 1,
        "total_run_time": 8.0,
        "work_pool_name": "pool",
        "work_queue_name": "default",
        "parameters": run().parameters,
    }
    names = prefect_format.FlowNames({"f": "etl"}, {"d": "nightly"})
    [execution] = prefect_format.parse([row], 1, "prefect", names).records.to_pylist()
    work, fields = work_of(run(), "etl", deployment), submission_of(run())
    assert (work.execution, work.actor) == (execution["source_id"], execution["actor"])
    assert (work.kind, work.scope) == (execution["kind"], execution["scope"])
    assert dict(work.inputs) == json.loads(execution["inputs"])
    assert [micro(fields[name]) for name in ("submitted", "started")] == [
        execution["submitted"],
        execution["started"],
    ]
    outcome = outcome_of(run(), ended)
    assert micro(outcome["finished"]) == execution["finished"]
    assert outcome["outcome"] == json.loads(execution["outcome"])


def micro(instant: object) -> int:
    return round(datetime.fromisoformat(str(instant)).timestamp() * 1_000_000)


def test_a_flow_that_yields_is_refused() -> None:
    @flow
    def numbers() -> Iterator[int]:
        yield 1

    with pytest.raises(TypeError, match="flow 'numbers' yields its results"):
        watch(numbers)


def test_the_function_itself_asks_nothing(recorder: Recorder, monkeypatch) -> None:
    monkeypatch.setenv("RUNLORE_URL", recorder.url)
    assert watch(flow(lambda: 3, name="three")).fn() == 3
    assert recorder.requests == []
