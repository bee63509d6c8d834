"""`runlore up` for real: PostgreSQL, Prefect, MLflow, in processes of their own."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runlore.alerts.queries import anomalies
from runlore.kernel import instants
from runlore.settings import Settings
from runlore.stack import environment, processes, running, tcp_ports
from runlore.stack.processes import identify
from runlore.stack.status import Health, look
from runlore.store import embedded
from runlore.store.engine import open_store
from runlore.web.login import read_login
from tests.alerts.receivers import Web, http_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
COMMAND = (sys.executable, "-m", "runlore.cli")
PATIENCE_S = 240


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home of its own, on ports that are free."""
    fields = ("prefect_port", "mlflow_port", "serve_port")
    chosen = settings.model_copy(
        update={field: tcp_ports.free_port("127.0.0.1") for field in fields}
    )
    for name, value in environment.of_settings(chosen).items():
        monkeypatch.setenv(name, value)
    return chosen


class Up:
    """`runlore up` as somebody started it in a terminal."""

    def __init__(self, only: str) -> None:
        self.process = subprocess.Popen(
            (*COMMAND, "up", "--only", only),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def await_line(self, text: str) -> None:
        assert within(PATIENCE_S, lambda: any(text in line for line in self.lines)), self.lines


@contextmanager
def up(only: str) -> Iterator[Up]:
    started = Up(only)
    try:
        started.await_line("All is up")
        yield started
    finally:
        if started.process.poll() is None:
            started.process.kill()
        started.process.wait()
        started.process.stdout.close()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run((*COMMAND, *arguments), capture_output=True, text=True, check=False)


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not holds():
        time.sleep(0.1)
    return holds()


def page(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    login = read_login(Path(os.environ["RUNLORE_HOME"]))
    headers = {"Accept": "text/html", "Authorization": login.header}
    connection.request("GET", "/", headers=headers)
    answer = connection.getresponse()
    if answer.status in (302, 303, 307):
        connection.request("GET", answer.headers["Location"], headers=headers)
        answer.read()
        answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return text


def everything(home: Path) -> set[int]:
    """Every process of the services of a home: keepers, services and what those started."""
    found = processes.read_all(home)
    return {pid for one in found for pid in (one.keeper.pid, *processes.below(one))}


def nothing_is_left(settings: Settings, pids: set[int]) -> bool:
    used = (settings.prefect_port, settings.mlflow_port)
    return (
        not any(identify(pid) for pid in pids)
        and all(tcp_ports.is_free("127.0.0.1", port) for port in used)
        and processes.read_all(settings.home) == []
        and not embedded.state(settings.home).is_running
    )


def test_up_shows_both_pages_restarts_what_dies_and_leaves_nothing(settings: Settings) -> None:
    with up("prefect,mlflow") as started:
        started.await_line("the password that `runlore login` prints")
        started.await_line("Prefect's login page has one field for both: runlore:PASSWORD")
        password = read_login(settings.home).password
        assert not any(password in line for line in started.lines)
        assert "Prefect" in page(settings.prefect_port)
        assert "MLflow" in page(settings.mlflow_port)
        seen = {service.name: service.health for service in look(settings).services}
        assert seen["database"] is seen["prefect"] is seen["mlflow"] is Health.HEALTHY

        again = run("up", "--only", "mlflow")
        assert again.returncode == 1
        assert "mlflow is already run by another Runlore process" in again.stderr

        before = processes.read(settings.home, "mlflow")
        assert before is not None
        for pid in processes.below(before):
            os.kill(pid, signal.SIGKILL)
        started.await_line("mlflow     restarting ended with exit code")
        assert within(PATIENCE_S, lambda: look(settings).services[2].health is Health.HEALTHY)
        after = processes.read(settings.home, "mlflow")
        assert after is not None
        assert after.keeper != before.keeper

        pids = everything(settings.home)
        assert len(pids) >= 4
        os.kill(started.process.pid, signal.SIGINT)
        assert started.process.wait(60) == 0
        assert nothing_is_left(settings, pids)


def test_after_kill_nine_the_next_up_finds_a_clean_house(settings: Settings) -> None:
    with up("mlflow") as started:
        pids = everything(settings.home)
        started.process.kill()
        assert within(60, lambda: not any(identify(pid) for pid in pids))
        leftovers = [
            one
            for one in json.loads(run("doctor", "--json").stdout)["findings"]
            if one["check"] == "leftovers"
        ]
        assert [one["what"] for one in leftovers] == ["none"]
    with up("mlflow") as started:
        assert "MLflow" in page(settings.mlflow_port)
        assert run("doctor").returncode == 0
        pids = everything(settings.home)
        down = run("down")
        assert down.stdout == "stopped: database, mlflow\n"
        assert started.process.wait(60) == 0
        assert nothing_is_left(settings, pids)


def test_down_ends_an_up_that_runs_only_the_database(settings: Settings) -> None:
    with up("database") as started:
        assert embedded.state(settings.home).is_running
        assert run("down").stdout == "stopped: database\n"
        assert started.process.wait(60) == 0
        assert nothing_is_left(settings, set())
        assert run("down").stdout == "nothing was running\n"


@pytest.mark.parametrize("how", [pytest.param("down", marks=pytest.mark.exhaustive), "kill -9"])
def test_a_training_elsewhere_ends_with_the_servers_that_it_uses(
    settings: Settings, tmp_path: Path, how: str
) -> None:
    files = json.loads(run("simulate", str(tmp_path), "--executions", "5000", "--json").stdout)[
        "files"
    ]
    assert run("ingest", "csv", files["executions"], "--mapping", files["mapping"]).returncode == 0
    with up("prefect") as started:
        train = subprocess.Popen(
            (*COMMAND, "train"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert train.stdout is not None
        assert any("baseline: validation" in line for line in train.stdout)
        began = time.monotonic()
        if how == "down":
            assert f"stopped: `runlore train` (process {train.pid})" in run("down").stdout
        else:
            started.process.kill()
        text, _ = train.communicate(timeout=60)
        assert time.monotonic() - began < 30
    assert train.returncode == 143, text
    assert text.splitlines()[-1].startswith("runlore: stopped: ")
    assert "should not happen" not in text
    run("down")
    assert nothing_is_left(settings, set())


def test_a_port_in_use_is_named_with_its_setting_before_anything_starts(
    settings: Settings,
) -> None:
    with socket.create_server(("127.0.0.1", settings.mlflow_port)):
        refused = run("up", "--only", "prefect,mlflow")
    assert refused.returncode == 1
    assert f"port {settings.mlflow_port} for mlflow is in use" in refused.stderr
    assert "RUNLORE_MLFLOW_PORT=" in refused.stderr
    assert refused.stdout == ""


def test_a_second_command_uses_the_server_of_the_first_which_waits_for_it(
    settings: Settings,
) -> None:
    events: list[str] = []
    inner_is_up, may_end = threading.Event(), threading.Event()

    def inner() -> None:
        with running(settings, ("mlflow",)) as borrowed:
            events.append(f"inner on {borrowed.settings.mlflow_port}")
            inner_is_up.set()
            may_end.wait(PATIENCE_S)
            page(borrowed.settings.mlflow_port)
            events.append("inner ends")

    moved = settings.model_copy(update={"mlflow_port": settings.prefect_port})
    thread = threading.Thread(target=inner)
    with running(moved, ("mlflow",), tell=lambda event: events.append(event.detail)):
        thread.start()
        assert inner_is_up.wait(PATIENCE_S)
        threading.Timer(1.0, may_end.set).start()
    thread.join()
    assert f"inner on {moved.mlflow_port}" in events
    waiting = "another Runlore process still uses it; waiting"
    assert events.index(waiting) < events.index("inner ends")


def test_up_tells_people_of_an_alert_and_leaves_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_server(Web()) as web:
        declared = json.dumps({"ops": {"kind": "webhook", "url": web.url}})
        monkeypatch.setenv("RUNLORE_ALERT_CHANNELS", declared)
        with up("alerts") as started:
            seen = {service.name: service.health for service in look(settings).services}
            assert seen["alerts"] is Health.HEALTHY
            with open_store(settings) as store, store.begin() as connection:
                anomalies.open_anomaly(
                    connection, "drift", "duration", "critical", {}, instants.now()
                )
            web.await_taken(1)
            pids = everything(settings.home)
            os.kill(started.process.pid, signal.SIGINT)
            assert started.process.wait(60) == 0
            assert nothing_is_left(settings, pids)
    assert [each.body["event"] for each in web.taken] == ["opened"]
