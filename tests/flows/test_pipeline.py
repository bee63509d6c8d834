"""The flows on real parts: Prefect server, PostgreSQL, MLflow."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter

from flows.ingest import ingest
from flows.monitoring import monitor
from flows.runner import in_process, result_of
from flows.serving import score
from flows.train_many import train_many
from flows.training import train
from runlore import registry, settings, simulate
from runlore.kernel.instants import parse
from runlore.quality import queries
from runlore.stack import Stack
from runlore.store.engine import open_store

pytestmark = pytest.mark.slow

SPECS = ["tests.flows.quick_specs:RISK", "tests.flows.quick_specs:LENGTH"]
HOPELESS = "tests.flows.quick_specs:HOPELESS"
END = parse("2026-06-01T00:00:00Z")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, prefect_server: Stack) -> Iterator[Path]:
    """A home with a simulated log in it, and flows that report to the server."""
    folder = tmp_path_factory.mktemp("rl")
    log = simulate.simulate(simulate.Scenario(executions=3000, days=60, end=END, change_at=1.0))
    files = simulate.write(log, folder / "log")
    with pytest.MonkeyPatch.context() as patch, in_process(prefect_server.settings):
        patch.delenv("RUNLORE_DATABASE_URL", raising=False)
        patch.setenv("RUNLORE_HOME", str(folder))
        patch.setenv("RUNLORE_SPECS", json.dumps([*SPECS, HOPELESS]))
        with open_store(settings.read()):
            told = ingest(str(files.executions), "csv", mapping=simulate.mapping())
            assert told["rejected"] == 50
            yield folder


def test_a_trained_version_serves_scores_and_is_watched(home: Path) -> None:
    found = train("quick-risk")
    assert (found["version"], found["alias"]) == ("1", "champion")
    assert found["scores"]["auc"] > 0.6
    scored = score("quick-risk", "2026-05-20T00:00:00Z")
    assert scored > 100
    assert score("quick-risk", "2026-05-20T00:00:00Z") == 0
    assert monitor("quick-risk", 7.0, END.isoformat()) in ("drift", "no drift")
    with open_store(settings.read()) as store, store.begin() as connection:
        (checked,) = queries.read(connection, "quick-risk", "window")
    assert (checked.at, checked.version) == (END, "1")
    again = train("quick-risk")
    assert (again["version"], again["alias"]) == ("1", "champion")


def await_completed_tasks(run: UUID | None, patience_s: float = 60.0) -> None:
    """What Prefect knows of tasks comes in as events, a moment later."""
    until = time.monotonic() + patience_s
    with get_client(sync_client=True) as client:
        while True:
            tasks = client.read_task_runs(flow_run_filter=FlowRunFilter(id={"any_": [run]}))
            states = [each.state for each in tasks if each.state is not None]
            if states and all(each.is_completed() for each in states):
                return
            assert not any(each.is_failed() for each in states)
            assert time.monotonic() < until, states
            time.sleep(0.2)


def test_without_a_champion_scoring_and_monitoring_complete_and_say_so(home: Path) -> None:
    for flow in (score, monitor):
        state = flow("hopeless-risk", return_state=True)
        assert state.is_completed()
        await_completed_tasks(state.state_details.flow_run_id)
    assert result_of(state) == "no champion yet"


def test_a_refused_training_is_a_failed_run_with_its_numbers(home: Path) -> None:
    state = train("hopeless-risk", return_state=True)
    assert state.is_failed()
    assert "0.999" in (state.message or "")
    found = result_of(state)
    assert found["version"] is None
    assert found["scores"]["auc"] < 0.999
    assert registry.connect(settings.read()).champion("hopeless-risk") is None


@pytest.mark.parametrize("runner", ["threads", pytest.param("dask", marks=pytest.mark.exhaustive)])
def test_many_specs_are_trained_at_once(
    home: Path, runner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNLORE_TASK_RUNNER", runner)
    found = train_many(["quick-risk", "quick-length"])
    assert {name: told["version"] for name, told in found.items()} == {
        "quick-risk": "1",
        "quick-length": "1",
    }


def test_the_prefect_ui_shows_scores_verdict_and_the_way_to_mlflow(home: Path) -> None:
    train("quick-length")
    with get_client(sync_client=True) as client:
        pages = {found.key: found for found in client.read_artifacts()}
    page = pages["training-quick-length"]
    text = str(page.data)
    assert page.type == "markdown"
    assert str(page.description).startswith("quick-length: Version ")
    assert "| score | model | baseline |" in text
    assert "![What was predicted, and what came](data:image/png;base64,iVBOR" in text
    assert "](/runlore/mlflow/#/runs/" in text
    assert "127.0.0.1" not in text
    assert str(home) not in text
    assert "data-quick-length" in pages
