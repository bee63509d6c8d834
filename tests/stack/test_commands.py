"""Commands of a home, and how `runlore down` ends them: real processes with a real command line."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from runlore.kernel import instants
from runlore.settings import Settings
from runlore.stack import commands, processes
from runlore.stack.commands import RunningCommand
from runlore.stack.down import stop_services
from runlore.stack.processes import RunningService, identity
from runlore.stack.services import declare
from runlore.stack.supervisor import ExternalService

# The real command line with one command more, which works until it is stopped.
PROGRAM = """
import sys, time
from pathlib import Path
from runlore import cli
from runlore.stack import commands

commands.UNWIND_S = 0.5

@cli.app.command()
def work(how: str) -> None:
    while True:
        try:
            print("works", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            if how != "deaf":
                raise
        finally:
            Path("undone").touch()

sys.argv = ["runlore", "work", *sys.argv[1:]]
cli.main()
"""


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may freeze a process for seconds; only one test is about killing."""
    monkeypatch.setattr(commands, "PATIENCE_S", 60.0)


@contextmanager
def working(home: Path, how: str = "usual", **variables: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        (sys.executable, "-c", PROGRAM, how),
        env={**os.environ, "RUNLORE_HOME": str(home), **variables},
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "works\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_down_ends_a_command_of_the_home_which_says_so_in_one_line(tmp_path: Path) -> None:
    with working(tmp_path) as process:
        stopped = stop_services(tmp_path)
        _, stderr = process.communicate(timeout=60)
    assert [str(command) for command in stopped.commands] == [
        f"`runlore work` (process {process.pid})"
    ]
    assert process.returncode == 143
    reason = f"`runlore down` (process {os.getpid()}) ended what ran for {tmp_path}"
    assert stderr == f"runlore: stopped: {reason}\n"
    assert (tmp_path / "undone").exists()
    assert list((tmp_path / "run" / "commands").iterdir()) == []
    assert not stop_services(tmp_path)


def test_a_command_that_does_not_unwind_exits_all_the_same(tmp_path: Path) -> None:
    with working(tmp_path, "deaf") as process:
        stop_services(tmp_path)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 143
    assert stderr.startswith("runlore: stopped: `runlore down`")


def test_a_command_that_hears_no_signal_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "PATIENCE_S", 0.2)
    with working(tmp_path) as process:
        os.kill(process.pid, signal.SIGSTOP)
        waiter = threading.Thread(target=process.wait)
        waiter.start()
        stop_services(tmp_path)
        waiter.join(60)
        assert process.returncode == -signal.SIGKILL


def test_sigterm_from_elsewhere_ends_it_in_order_too(tmp_path: Path) -> None:
    with working(tmp_path) as process:
        process.terminate()
        _, stderr = process.communicate(timeout=60)
    assert stderr == "runlore: stopped: the signal SIGTERM came\n"
    assert (process.returncode, (tmp_path / "undone").exists()) == (143, True)


def test_a_service_below_a_keeper_is_no_command(tmp_path: Path) -> None:
    with working(tmp_path, RUNLORE_KEEPER="1:1") as process:
        assert commands.running(tmp_path) == []
        assert process.poll() is None


def test_the_record_of_a_dead_command_is_removed(tmp_path: Path) -> None:
    dead = RunningCommand("train", replace(identity(os.getpid()), started="1"))
    commands._write(tmp_path, dead)
    assert commands.running(tmp_path) == []
    assert list((tmp_path / "run" / "commands").iterdir()) == []


def test_a_command_ends_when_whoever_ran_its_server_was_killed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`runlore up` killed with -9: nobody is left to tell its guests."""
    stopped: list[str] = []
    monkeypatch.setattr(commands, "stop_own", lambda _home, reason: stopped.append(reason))
    host = subprocess.Popen(("sleep", "60"))
    service = declare(settings)[0]
    supervisor = identity(host.pid)
    record = RunningService(
        service.name, supervisor, supervisor, "2026-01-01T00:00:00+00:00", "", 1, "", True
    )
    (settings.home / "run").mkdir(parents=True)
    processes.write(settings.home, record)
    guest = ExternalService(service, settings.home, lambda _event: None)
    guest.is_ready = True
    guest.tick(instants.now())
    assert stopped == []
    host.kill()
    host.wait()
    for _ in range(2):
        guest.tick(instants.now())
    assert stopped == [f"the process {host.pid} that ran {service.name} for this command has ended"]
