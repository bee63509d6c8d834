"""Flows on a real Prefect server that the hook of integrations/prefect watches."""

import asyncio
import gc
import time
from collections.abc import Iterator
from typing import Any

import pytest
import runlore_prefect
from prefect import Flow, flow
from runlore_prefect import watch

from flows.runner import in_process
from runlore.stack import Stack
from tests.integrations.conftest import answers
from tests.integrations.http_recorder import Recorder, recording

pytestmark = [
    pytest.mark.slow,
    # Prefect's asynchronous client leaves connections open when its event loop ends.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@flow
def double(rows: int) -> int:
    if rows < 0:
        raise ValueError("no rows")
    for _ in range(0 if rows < 100 else 6000):  # a thread is ended between two of its steps
        time.sleep(0.01)
    return 2 * rows


@flow
async def double_async(rows: int) -> int:
    await asyncio.sleep(0 if rows < 100 else 60)
    return 2 * rows


@pytest.fixture
def recorder(prefect_server: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """A Runlore to which each run is risky and short; flows report to a real Prefect."""
    monkeypatch.setattr(runlore_prefect, "LEAST_TIMEOUT_S", 0.05)
    with recording() as server, in_process(prefect_server.settings):
        server.replies = answers(0.8, duration=0.05)
        monkeypatch.setenv("RUNLORE_URL", server.url)
        yield server
        gc.collect()  # so that such a connection is found here, not in a test of another file


@pytest.mark.parametrize("plain", [double, double_async])
def test_a_watched_flow_runs_and_reports_itself(recorder: Recorder, plain: Flow) -> None:
    state = returned(watch(plain), rows=4)
    assert (state.type.value, state.result()) == ("COMPLETED", 8)
    assert reported(recorder) == ("succeeded", {"rows": 4})


def test_a_flow_that_fails_is_reported_as_failed(recorder: Recorder) -> None:
    assert returned(watch(double), rows=-1).type.value == "FAILED"
    assert reported(recorder)[0] == "failed"


def test_a_risky_flow_is_kept_back_as_chosen(recorder: Recorder) -> None:
    skipped = returned(watch(double, on_risk="skip"), rows=4)
    assert (skipped.type.value, reported(recorder)[0]) == ("CANCELLED", "cancelled")
    assert skipped.message.startswith("80 % risk of failure (inputs.gpus: +21 points)")
    refused = returned(watch(double, on_risk="fail"), rows=4)
    assert (refused.type.value, reported(recorder)[0]) == ("FAILED", "failed")
    assert "RiskyRun" in refused.message


@pytest.mark.parametrize("plain", [double, double_async])
def test_a_flow_that_takes_longer_than_nearly_all_is_ended(recorder: Recorder, plain: Flow) -> None:
    late = returned(watch(plain, timeout_level=0.9), rows=100)
    assert (late.name, reported(recorder)[0]) == ("TimedOut", "failed")


def test_a_flow_runs_when_runlore_is_down(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_URL", "http://127.0.0.1:9")
    assert returned(watch(double, on_risk="fail"), rows=4).result() == 8
    assert recorder.requests == []


def returned(watched: Any, **parameters: Any) -> Any:
    state = watched(**parameters, return_state=True)
    return asyncio.run(state) if asyncio.iscoroutine(state) else state


def reported(recorder: Recorder) -> tuple[str, dict[str, Any]]:
    """The status and the inputs that a flow reported. Its prediction has the same id."""
    submitted, predicted, *_, ended = recorder.requests
    recorder.requests.clear()
    assert submitted.path == "/executions"
    assert predicted.body["execution"] == submitted.body["id"]
    assert ended.path == f"/executions/{submitted.body['id']}/outcome"
    return ended.body["status"], submitted.body["inputs"]
