import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runlore.stack import keeper
from runlore.stack.processes import Identity, identify, identity

PYTHON = sys.executable
SLEEP = (PYTHON, "-S", "-c", "import time; time.sleep(60)")
STUBBORN = (
    PYTHON,
    "-S",
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('ready', flush=True); time.sleep(60)",
)


def parent_of(script: str) -> tuple[str, ...]:
    """A child that starts another process, prints its number, and sleeps."""
    return (
        PYTHON,
        "-S",
        "-c",
        f"import subprocess, sys, time\np = subprocess.Popen({script})\n"
        "print(p.pid, flush=True)\ntime.sleep(60)",
    )


def kept(command: tuple[str, ...], grace_s: float = 2.0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        (PYTHON, "-I", "-S", keeper.__file__, str(grace_s), *command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def below(kept_by: Identity) -> list[int]:
    return keeper.family(kept_by.pid, kept_by.started)


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return holds()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_exit_code_of_the_command_is_the_keepers() -> None:
    with kept((PYTHON, "-S", "-c", "raise SystemExit(7)")) as process:
        assert process.wait(60) == 7


def test_a_command_that_does_not_exist_is_named() -> None:
    with kept(("/nowhere/at-all",)) as process:
        assert "/nowhere/at-all: No such file or directory" in first_line(process)
        assert process.wait(60) == 127


def test_closing_the_pipe_ends_the_child_politely() -> None:
    polite = "import signal, sys, time\nsignal.signal(15, lambda *_: (print('bye'), sys.exit(0)))\n"
    with kept((PYTHON, "-S", "-c", polite + "print('ready', flush=True)\ntime.sleep(60)")) as p:
        assert first_line(p) == "ready"
        assert p.stdin is not None
        p.stdin.close()
        assert first_line(p) == "bye"
        assert p.wait(60) == 0


def test_a_child_that_ignores_the_request_is_killed_after_the_grace() -> None:
    with kept(STUBBORN, grace_s=0.3) as process:
        assert first_line(process) == "ready"
        assert process.stdin is not None
        began = time.monotonic()
        process.stdin.close()
        assert process.wait(60) == 128 + signal.SIGKILL
        assert time.monotonic() - began >= 0.3


def test_a_terminated_keeper_kills_without_waiting_for_the_grace() -> None:
    with kept(STUBBORN, grace_s=60.0) as process:
        assert first_line(process) == "ready"
        kept_by = identity(process.pid)
        assert len(below(kept_by)) == 1
        process.terminate()
        process.wait(60)
        assert below(kept_by) == []


def test_what_the_child_started_ends_with_the_child() -> None:
    with kept(parent_of(repr(list(STUBBORN))), grace_s=0.2) as process:
        grandchild = int(
            next(line for line in iter(lambda: first_line(process), "") if line.isdigit())
        )
        assert identify(grandchild)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)
        assert within(60, lambda: identify(grandchild) is None)


def test_what_a_dead_child_left_behind_ends_too() -> None:
    script = f"import subprocess; print(subprocess.Popen({list(SLEEP)!r}).pid, flush=True)"
    with kept((PYTHON, "-S", "-c", script)) as process:
        grandchild = int(first_line(process))
        assert process.wait(60) == 0
        assert within(60, lambda: identify(grandchild) is None)


@pytest.mark.parametrize("is_marked", [True, False])
def test_a_daemon_ends_with_the_child_unless_it_was_started_without_our_variable(
    is_marked: bool,
) -> None:
    """BentoML's workers are such daemons; the embedded PostgreSQL is one that stays."""
    script = (
        "import os, subprocess, sys\n"
        f"env = None if {is_marked} else {{'PATH': os.environ['PATH']}}\n"
        "shell = ['/bin/sh', '-c', 'exec 3>&1 >/dev/null; \"$@\" 3>&- & echo $! >&3', 'sh']\n"
        f"out = subprocess.run([*shell, *{list(SLEEP)!r}], env=env, start_new_session=True,"
        "stdout=subprocess.PIPE, check=True).stdout\n"
        "print(int(out), flush=True)"
    )
    with kept((PYTHON, "-S", "-c", script)) as process:
        daemon = int(first_line(process))
        assert process.wait(60) == 0
        assert (identify(daemon) is None) == is_marked
        keeper.send(daemon, signal.SIGKILL)


def test_a_killed_supervisor_takes_everything_with_it(tmp_path: Path) -> None:
    command = (PYTHON, "-I", "-S", keeper.__file__, "1", *parent_of(repr(list(SLEEP))))
    out = tmp_path / "out"
    script = (
        "import subprocess, time\n"
        f"p = subprocess.Popen({command!r}, stdin=subprocess.PIPE, stdout=open({str(out)!r}, 'w'),"
        "start_new_session=True)\nprint(p.pid, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen((PYTHON, "-S", "-c", script), stdout=subprocess.PIPE, text=True) as p:
        kept_by = int(first_line(p))
        assert within(60, lambda: out.read_text().strip().isdigit())
        grandchild = int(out.read_text())
        p.kill()
    assert within(60, lambda: identify(kept_by) is None and identify(grandchild) is None)


@pytest.mark.skipif(sys.platform != "linux", reason="needs prctl")
def test_a_killed_keeper_takes_its_child_with_it() -> None:
    with kept((*SLEEP[:-1], f"print('ready', flush=True); {SLEEP[-1]}")) as process:
        assert first_line(process) == "ready"
        [child] = below(identity(process.pid))
        process.kill()
        process.wait()
        assert within(60, lambda: identify(child) is None)
