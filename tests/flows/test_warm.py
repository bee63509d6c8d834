"""A forked run looks like a process of its own: output, folder, exit code, signals, its end."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows import warm, warm_client
from runlore.stack import keeper

ROOT = Path(__file__).parents[2]
COLD = (sys.executable, "-c", "import os; print('cold', os.environ['WARM'])")


@pytest.fixture
def folder(short_tmp: Path) -> Path:
    return short_tmp / "runs"


@pytest.fixture
def worker(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        (sys.executable, "-m", "tests.flows.warm_worker", str(folder)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), keeper.VARIABLE: "of the test"},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


RUNS: "list[subprocess.Popen[str]]" = []


@pytest.fixture(autouse=True)
def _all_end() -> Iterator[None]:
    yield
    for run in RUNS:
        with run:
            run.kill()
    RUNS.clear()


def client(folder: Path, does: str) -> "subprocess.Popen[str]":
    command = warm.command(folder, COLD)
    run = subprocess.Popen(
        shlex.split(command),
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder.parent,
        env={"WARM": does},
    )
    RUNS.append(run)
    return run


def first_lines(run: "subprocess.Popen[str]", count: int) -> list[str]:
    assert run.stdout is not None
    return [run.stdout.readline().strip() for _ in range(count)]


def is_gone(pid: int) -> bool:
    deadline = time.monotonic() + 60
    while keeper.look_up(pid) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    return keeper.look_up(pid) is None


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(("does", "code"), [("nothing", 0), ("fail", 3)])
def test_output_folder_and_exit_code_are_those_of_the_run(
    folder: Path, does: str, code: int
) -> None:
    run = client(folder, does)
    output, _ = run.communicate(timeout=60)
    assert output == f"{does} in {folder.parent}\nat exit\n"
    assert run.returncode == code


@pytest.mark.usefixtures("worker")
def test_a_crash_of_the_run_is_one_of_the_client(folder: Path) -> None:
    run = client(folder, "crash")
    run.communicate(timeout=60)
    assert run.returncode == -signal.SIGSEGV


@pytest.mark.usefixtures("worker")
def test_a_cancelled_run_gets_the_signal_and_ends_by_itself(folder: Path) -> None:
    run = client(folder, "wait")
    first_lines(run, 2)
    run.terminate()
    output, _ = run.communicate(timeout=60)
    assert output == "cancelled\nat exit\n"
    assert run.returncode == 7


@pytest.mark.usefixtures("worker")
def test_a_killed_client_takes_its_run_along(folder: Path) -> None:
    run = client(folder, "wait")
    _, pid = first_lines(run, 2)
    run.kill()
    assert is_gone(int(pid))


@pytest.mark.usefixtures("worker")
def test_runs_go_on_at_once_and_belong_to_the_family_of_the_worker(folder: Path) -> None:
    runs = [client(folder, "wait") for _ in range(3)]
    pids = [int(first_lines(run, 2)[1]) for run in runs]
    assert len({*pids}) == 3
    assert all(keeper.has(pid, f"{keeper.VARIABLE}=of the test".encode()) for pid in pids)
    for run in runs:
        run.kill()
    assert all(is_gone(pid) for pid in pids)


def test_runs_outlive_a_worker_and_later_ones_are_cold(
    worker: "subprocess.Popen[str]", folder: Path
) -> None:
    run = client(folder, "wait")
    _, pid = first_lines(run, 2)
    worker.kill()
    worker.wait()
    time.sleep(0.3)
    assert keeper.look_up(int(pid)) is not None
    assert not folder.exists()
    output, _ = client(folder, "later").communicate(timeout=60)
    assert output == "cold later\n"
    run.terminate()
    assert run.wait(60) == 7


def test_a_stack_that_goes_down_leaves_no_socket_behind(
    worker: "subprocess.Popen[str]", folder: Path
) -> None:
    run = client(folder, "wait")
    _, pid = first_lines(run, 2)
    zygote = parent_of(int(pid))
    os.kill(zygote, signal.SIGTERM)  # as to every process of the worker's group
    deadline = time.monotonic() + 60
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not folder.exists()
    assert keeper.look_up(int(pid)) is not None
    assert worker.poll() is None
    run.terminate()
    assert run.wait(60) == 7


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_the_end_of_what_forks_is_the_end_of_its_runs(
    worker: "subprocess.Popen[str]", folder: Path
) -> None:
    run = client(folder, "wait")
    _, pid = first_lines(run, 2)
    zygote = parent_of(int(pid))
    assert zygote != worker.pid
    os.kill(zygote, signal.SIGKILL)
    assert run.wait(60) == warm_client.LOST
    assert is_gone(int(pid))


def test_where_nobody_forks_the_command_runs(folder: Path) -> None:
    output, _ = client(folder.parent, "x").communicate(timeout=60)
    assert output == "cold x\n"
