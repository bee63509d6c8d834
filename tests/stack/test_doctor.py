import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from runlore.kernel import instants
from runlore.settings import Settings
from runlore.stack import processes, tcp_ports
from runlore.stack.doctor import DoctorFinding, DoctorVerdict, machine, services
from runlore.stack.processes import RunningService, identity
from runlore.stack.status import Health, ServiceStatus, StackStatus
from runlore.store.engine import Store

HOST = "127.0.0.1"


def wrong(findings: Iterator[DoctorFinding]) -> list[DoctorFinding]:
    found = [finding for finding in findings if finding.verdict is DoctorVerdict.WRONG]
    assert all(finding.remedy for finding in found)
    return found


@contextmanager
def prefect_that_says(answers: dict[str, Any]) -> Iterator[Settings]:
    """A server with these answers to any POST, by path, that hands out no tokens."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(answers[self.path.removeprefix("/api")]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Settings(prefect_api_url=f"http://{HOST}:{server.server_port}/api")
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("requirement", "says"),
    [
        ("fastapi<0.100", "Prefect then answers 422 to every filter"),
        ("sqlalchemy<2.0", "Prefect's scheduler then stops"),
        ("httpx>=99", "outside what was tested"),
        ("no-such-package>=1", "no-such-package is missing"),
    ],
)
def test_a_package_outside_its_range_is_named_with_what_breaks(requirement: str, says: str) -> None:
    [finding] = wrong(machine.packages([requirement]))
    assert says in finding.what
    assert finding.remedy == f"pip install '{requirement}'"


def test_an_extra_that_is_not_installed_is_nobodys_business() -> None:
    assert not wrong(machine.packages(['no-such-package>=1; extra == "dev"']))
    assert wrong(machine.packages(['no-such-package>=1; extra == "all"']))


def test_the_packages_of_this_environment_are_in_range() -> None:
    assert not wrong(machine.packages())


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_home_that_cannot_be_written_is_wrong(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    [finding] = wrong(machine.home(tmp_path / "home"))
    assert "RUNLORE_HOME" in finding.remedy


def test_a_home_that_is_a_file_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    [finding] = wrong(machine.home(tmp_path / "home"))
    assert finding.what.endswith("not writable")


def test_telemetry_that_a_user_turned_on_is_noted_and_off_in_other_words_is_off() -> None:
    [on] = machine.telemetry({"DO_NOT_TRACK": "0", "MLFLOW_DISABLE_TELEMETRY": "true"})
    assert on.verdict is DoctorVerdict.NOTE
    assert on.remedy == "unset DO_NOT_TRACK"
    [off] = machine.telemetry({"DO_NOT_TRACK": "TRUE", "PREFECT_SERVER_ANALYTICS_ENABLED": "0"})
    assert off.verdict is DoctorVerdict.OK


def test_a_port_of_another_program_is_wrong_and_of_ours_is_not(settings: Settings) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        used = settings.model_copy(update={"mlflow_port": port})
        [finding] = wrong(services.free_ports(used))
        assert f"{port} for mlflow" in finding.what
        assert "RUNLORE_MLFLOW_PORT=" in finding.remedy
        record(settings.home, "mlflow", port)
        assert not wrong(services.free_ports(used))


def record(home: Path, name: str, port: int | None, **changed: Any) -> None:
    me = identity(os.getpid())
    (home / "run").mkdir(exist_ok=True)
    since = instants.now().isoformat()
    running = RunningService(name, me, me, since, f"http://{HOST}:{port}", port, "x.log", True)
    processes.write(home, replace(running, **changed))


def test_what_a_killed_up_left_is_wrong_until_it_is_cleaned(settings: Settings) -> None:
    gone = replace(identity(os.getpid()), started="1")
    with subprocess.Popen(("sleep", "60")) as left:
        keeper = identity(left.pid)
        record(settings.home, "worker", None, keeper=keeper, supervisor=gone)
        [finding] = wrong(services.leftovers(settings.home))
        what = f"worker: its supervisor was killed; still alive: {left.pid}"
        assert (finding.what, "runlore down" in finding.remedy) == (what, True)
        assert down() == "stopped: worker\n"
    assert not wrong(services.leftovers(settings.home))


def test_only_what_is_there_is_left_over(settings: Settings) -> None:
    """A supervisor killed with -9 takes its services along: their records are no leftovers."""
    gone = replace(identity(os.getpid()), started="1")
    for name in ("prefect", "mlflow", "worker"):
        record(settings.home, name, None, keeper=gone, supervisor=gone)
    [finding] = services.leftovers(settings.home)
    assert (finding.verdict, finding.what) == (DoctorVerdict.OK, "none")
    assert down() == "nothing was running\n"
    assert processes.read_all(settings.home) == []


def down() -> str:
    done = subprocess.run(
        (sys.executable, "-m", "runlore.cli", "down"), capture_output=True, text=True, check=False
    )
    return done.stdout


def test_a_service_that_does_not_answer_is_wrong_and_one_that_is_off_is_a_note() -> None:
    silent = ServiceStatus("mlflow", Health.SILENT, "http://x", 1, "", "refused")
    status = StackStatus("home", (silent, ServiceStatus("worker", Health.OFF)), None)
    first, second = services.health(status)
    assert (first.verdict, first.check) == (DoctorVerdict.WRONG, "mlflow")
    assert (second.verdict, second.what) == (DoctorVerdict.NOTE, "not running: worker")


DEPLOYMENT = {
    "id": "1",
    "name": "duration",
    "entrypoint": "flows.training.train",
    "paused": False,
    "schedules": [{"active": True}],
    "updated_minutes_ago": 10,
}
NEW = {"updated_minutes_ago": 0}
HEALTHY = StackStatus("home", (ServiceStatus("prefect", Health.HEALTHY),), None)


@pytest.mark.parametrize(
    ("deployment", "runs", "verdict"),
    [
        (DEPLOYMENT, [{"deployment_id": "1"}], DoctorVerdict.OK),
        (DEPLOYMENT, [], DoctorVerdict.WRONG),
        (DEPLOYMENT | {"paused": True}, [], DoctorVerdict.NOTE),
        (DEPLOYMENT | {"schedules": [{"active": False}]}, [], DoctorVerdict.NOTE),
        (DEPLOYMENT | NEW, [], DoctorVerdict.NOTE),
    ],
)
def test_an_active_schedule_without_a_planned_run_means_a_dead_scheduler(
    deployment: dict[str, Any], runs: list[dict[str, str]], verdict: DoctorVerdict
) -> None:
    updated = instants.now() - timedelta(minutes=deployment["updated_minutes_ago"])
    told = deployment | {"updated": updated.isoformat()}
    answers = {"/deployments/filter": [told], "/flow_runs/filter": runs}
    with prefect_that_says(answers) as settings:
        [finding] = services.schedules(settings, HEALTHY)
    assert finding.verdict is verdict
    if verdict is DoctorVerdict.WRONG:
        assert "train/duration" in finding.what
        assert "SQLAlchemy 2.1" in finding.remedy


def test_doctor_says_it_in_json_with_exit_code_one_when_something_is_wrong(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def doctor() -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-m", "runlore.cli", "doctor", "--json")
        return subprocess.run(command, capture_output=True, text=True, check=False)

    free: Callable[[], int] = lambda: tcp_ports.free_port(HOST)  # noqa: E731
    for name in ("PREFECT", "SERVE"):
        monkeypatch.setenv(f"RUNLORE_{name}_PORT", str(free()))
    with socket.create_server((HOST, 0)) as taken:
        monkeypatch.setenv("RUNLORE_MLFLOW_PORT", str(taken.getsockname()[1]))
        sick = doctor()
    well = doctor()
    assert [f["check"] for f in json.loads(sick.stdout)["findings"] if f["verdict"] == "wrong"] == [
        "port"
    ]
    assert sick.returncode == 1
    assert well.returncode == 0
    assert not list(settings.home.iterdir())


def test_a_broken_champion_comes_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_damaged", lambda *_: {"duration": "its files", "cost": "a tag"})
    champions = {"duration": "2", "cost": "1"}
    status = replace(StackStatus("home", (), None), champions=champions)
    status = replace(status, broken={"duration": "duration version 2 cannot answer"})
    duration, cost = wrong(services.champions(Settings(), status))
    assert duration.what == "duration version 2 cannot answer"
    assert "runlore rollback duration" in duration.remedy
    assert cost.what == "a tag"


def test_series_that_are_nearly_too_many_are_noted_before_new_ones_are_refused(
    store: Store,
) -> None:
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO runlore.series (source, name, scope)"
                " SELECT 'prometheus', 'up', n::text FROM generate_series(1, 8) AS n"
            )
        )

    def look(most: int) -> list[DoctorVerdict]:
        settings = Settings(database_url=SecretStr(store.url), max_series=most)
        return [one.verdict for one in services.database(settings) if one.check == "series"]

    assert look(8) == [DoctorVerdict.WRONG]
    assert look(10) == [DoctorVerdict.NOTE]
    assert look(11) == []
