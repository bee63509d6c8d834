"""Both task runners on a real Prefect server."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from prefect.client.orchestration import get_client

from flows.runner import in_process, task_runner
from runlore.settings import Settings
from runlore.stack import Stack, running
from tests.flows import trivial

pytestmark = pytest.mark.slow
TASKS = 12


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("prefect")
    with running(Settings(home=home, database_url=None), ("prefect",), ports="free") as stack:
        yield stack


def processes(stack: Stack, runner: Literal["threads", "dask"]) -> set[int]:
    settings = stack.settings.model_copy(update={"task_runner": runner, "workers": 2})
    with in_process(settings):
        return trivial.spread.with_options(task_runner=task_runner(settings))(TASKS)


def completed(stack: Stack) -> int:
    """Task runs that the server has as completed; it hears of them a moment later."""
    deadline = time.monotonic() + 10
    with in_process(stack.settings), get_client(sync_client=True) as client:
        while True:
            runs = client.read_task_runs()
            done = sum(run.state is not None and run.state.is_completed() for run in runs)
            if done == len(runs) or time.monotonic() > deadline:
                return done
            time.sleep(0.2)


def test_threads_run_tasks_in_this_process_and_all_are_recorded(stack: Stack) -> None:
    before = completed(stack)
    assert processes(stack, "threads") == {os.getpid()}
    assert completed(stack) == before + TASKS


def test_dask_runs_tasks_in_processes_of_its_own_and_all_are_recorded(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    before = completed(stack)
    used = processes(stack, "dask")
    assert len(used) == 2
    assert os.getpid() not in used
    assert completed(stack) == before + TASKS


def test_a_flow_does_not_wait_for_its_heartbeat(stack: Stack) -> None:
    with in_process(stack.settings):
        trivial.add(1, 1)
        began = time.monotonic()
        for _ in range(3):
            trivial.add(1, 1)
        assert time.monotonic() - began < 3.0
