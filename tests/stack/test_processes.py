import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from runlore.stack import keeper, processes
from runlore.stack.processes import Identity, Lock, RunningService, identify, identity


@pytest.fixture
def running(tmp_path: Path) -> RunningService:
    me = identity(os.getpid())
    (tmp_path / "run").mkdir()
    return RunningService(
        "mlflow", me, me, "2026-01-01T00:00:00+00:00", "http://x", 5000, "x.log", True
    )


def dead() -> Identity:
    process = subprocess.Popen((sys.executable, "-S", "-c", "pass"))
    found = identity(process.pid)
    process.wait()
    return found


def test_a_process_is_itself_as_long_as_it_lives() -> None:
    assert identity(os.getpid()).is_alive()
    assert not dead().is_alive()


def test_a_number_used_again_is_another_process() -> None:
    assert not replace(identity(os.getpid()), started="1").is_alive()


def test_a_process_that_ended_but_was_not_waited_for_is_gone() -> None:
    process = subprocess.Popen((sys.executable, "-S", "-c", "pass"), stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read()
    process.stdout.close()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert identify(process.pid) is None
    process.wait()


def test_a_record_is_read_as_it_was_written(tmp_path: Path, running: RunningService) -> None:
    processes.write(tmp_path, running)
    assert processes.read(tmp_path, "mlflow") == running
    assert processes.read_all(tmp_path) == [running]
    processes.forget(tmp_path, "mlflow")
    assert processes.read_all(tmp_path) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"name": "mlflow"}'])
def test_a_broken_record_is_no_record(tmp_path: Path, running: RunningService, text: str) -> None:
    (tmp_path / "run" / "mlflow.json").write_text(text)
    assert processes.read(tmp_path, "mlflow") is None


def test_nothing_is_left_over_while_the_supervisor_lives(
    tmp_path: Path, running: RunningService
) -> None:
    processes.write(tmp_path, running)
    assert processes.leftovers(running) == []


def test_leftovers_of_a_killed_supervisor_and_keeper_are_ended(
    tmp_path: Path, running: RunningService
) -> None:
    """As after `kill -9` of both: only the environment tells whose child it was."""
    kept_by = dead()
    mark = keeper.mark(kept_by.pid, kept_by.started)
    sleep = ("/bin/sh", "-c", "sleep 60 >/dev/null & echo $!")
    printed = subprocess.run(
        sleep,
        env={**os.environ, keeper.VARIABLE: mark},
        stdout=subprocess.PIPE,
        check=True,
        start_new_session=True,
    ).stdout
    processes.write(tmp_path, replace(running, keeper=kept_by, supervisor=dead()))
    assert processes.clean(tmp_path, "mlflow")
    assert identify(int(printed)) is None
    assert processes.read(tmp_path, "mlflow") is None


def test_others_in_the_session_of_a_dead_keeper_are_left_alone(
    tmp_path: Path, running: RunningService
) -> None:
    """In a container whose first process leads no session, everybody's is that of number 0."""
    leader = "import subprocess, sys; print(subprocess.Popen(('sleep', '60')).pid, flush=True)"
    with subprocess.Popen(
        (sys.executable, "-S", "-c", leader), stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        stranger = int(process.stdout.readline())
        process.wait()
        assert os.getsid(stranger) == process.pid
        for number in (process.pid, 0):
            kept_by = Identity(number, "1")
            assert keeper.family(kept_by.pid, kept_by.started) == []
            processes.write(tmp_path, replace(running, keeper=kept_by, supervisor=dead()))
            assert not processes.clean(tmp_path, "mlflow")
        assert identify(stranger) is not None
        keeper.send(stranger, signal.SIGKILL)


def test_a_lock_is_taken_once_and_shared_by_many(tmp_path: Path) -> None:
    first, second = Lock(tmp_path, "prefect.owner"), Lock(tmp_path, "prefect.owner")
    assert first.take()
    assert not second.take(shared=True)
    first.let_go()
    assert second.take(shared=True)
    assert first.take(shared=True)
    assert not first.take()
    first.close()
    second.close()
