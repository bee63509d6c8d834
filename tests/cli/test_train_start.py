"""The start of `runlore train`: a line before anything slow, and checks before any server."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from runlore import stack
from runlore.cli import app
from runlore.cli.flow_run import flow_run, tell_progress
from runlore.kernel.errors import Unavailable
from runlore.settings import Settings
from runlore.stack.child import ServiceEvent, ServiceState
from runlore.store.engine import Store


@pytest.fixture
def environment(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> pytest.MonkeyPatch:
    names = [f"tests.flows.quick_specs:{name}" for name in ("NOBODY", "LENGTH")]
    monkeypatch.setenv("RUNLORE_SPECS", json.dumps(names))
    monkeypatch.setenv("RUNLORE_DATABASE_URL", store.url)
    return monkeypatch


@pytest.fixture
def servers_asked(environment: pytest.MonkeyPatch) -> list[str]:
    """What was printed of the start before a server was to be started, which then fails."""
    asked: list[str] = []

    @contextmanager
    def refuse(*_args: object, **_options: object) -> Iterator[None]:
        asked.append("a server")
        raise Unavailable("no server in this test")
        yield

    environment.setattr(stack, "running", refuse)
    return asked


def train(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["train", *arguments])


def ingest(folder: Path) -> None:
    made = ("simulate", str(folder), "--executions", "600", "--days", "60")
    assert CliRunner().invoke(app, made).exit_code == 0
    file, mapping = (folder / f"simulated-{n}" for n in ("executions.csv", "mapping.json"))
    done = CliRunner().invoke(app, ["ingest", "csv", str(file), "--mapping", str(mapping)])
    assert done.exit_code == 0, done.output


def test_an_empty_log_is_refused_before_a_server_is_started(
    settings: Settings, servers_asked: list[str]
) -> None:
    done = train()
    assert done.exit_code == 1
    assert done.stderr.count("there are no executions yet") == 2
    assert servers_asked == []
    assert not (settings.home / "logs").exists()


def test_a_spec_with_too_few_executions_is_refused_before_a_server_is_started(
    settings: Settings, servers_asked: list[str], tmp_path: Path
) -> None:
    ingest(tmp_path)
    done = train("nobody-risk", "--json")
    assert done.exit_code == 1
    outcome = json.loads(done.stdout)["nobody-risk"]
    assert "needs at least 200 finished executions, found 0" in outcome["reasons"][0]
    assert servers_asked == []
    assert not (settings.home / "logs").exists()


def test_the_first_line_comes_before_a_server_is_started(
    servers_asked: list[str], tmp_path: Path
) -> None:
    ingest(tmp_path)
    done = train()
    assert servers_asked == ["a server"]
    assert isinstance(done.exception, Unavailable)
    assert done.stderr.splitlines() == ["   reading the log"]
    assert done.stdout == ""


def test_an_unknown_spec_is_refused_before_the_log_is_read(servers_asked: list[str]) -> None:
    done = train("no-such-spec")
    assert done.exit_code != 0
    assert servers_asked == []


def test_preparing_goes_on_while_a_server_starts_and_its_errors_are_raised(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_preparing = threading.Event()

    @contextmanager
    def start(*_args: object, **_options: object) -> Iterator[stack.Stack]:
        assert is_preparing.wait(60), "preparing does not wait for the server"
        yield stack.Stack(settings, (), None)  # type: ignore[arg-type]

    def prepare() -> None:
        is_preparing.set()
        raise Unavailable("no registry")

    monkeypatch.setattr(stack, "running", start)
    with pytest.raises(Unavailable, match="no registry"), flow_run(settings, prepare):
        pytest.fail("the block must not run")


def test_people_see_what_is_started_and_why_it_takes_long(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell_progress(ServiceEvent("database", ServiceState.HEALTHY, "postgresql://…"))
    tell_progress(ServiceEvent("prefect", ServiceState.STARTING, ""))
    tell_progress(ServiceEvent("prefect", ServiceState.STARTING, "first copies its records"))
    assert capsys.readouterr().err.splitlines() == [
        "   starting the Prefect server, which records the run",
        "   prefect: first copies its records",
    ]
