"""The commands that run for a home: each has a file in `run/commands` while it runs.

With it `runlore down` finds them, and ends them: a command that goes on without the servers that
`runlore up` ran fails minutes later, and one that holds the database keeps the home in use.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from runlore.home import private_home
from runlore.process import CommandStopped
from runlore.stack import keeper, processes
from runlore.stack.processes import Identity, identity

UNWIND_S = 8.0  # a command that has not ended by then, because another thread computes, exits
PATIENCE_S = 12.0  # whoever asks kills it after this; a computation in C lets no signal through
POLL_S = 0.05
STOPPED_CODE = 128 + signal.SIGTERM


@dataclass(frozen=True)
class RunningCommand:
    """is_guest: it uses servers that another process runs, `runlore up` as a rule."""

    name: str
    process: Identity
    is_guest: bool = False

    def __str__(self) -> str:
        return f"`runlore {self.name}` (process {self.process.pid})"


@contextmanager
def recorded(home: Path, name: str) -> Iterator[None]:
    """Have this process in the list of commands while the block runs.

    It also ends in order when it gets SIGTERM or its terminal closes. What a keeper started is a
    service and not recorded. A home that cannot be written to lists nobody.
    """
    if keeper.VARIABLE in os.environ:
        yield
        return
    with suppress(OSError):
        private_home(home)
        _write(home, RunningCommand(name, identity(os.getpid())))
    before = _handle_signals(home)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for path in (_path(home, os.getpid()), _reason_path(home, os.getpid())):
            with suppress(OSError):
                path.unlink(missing_ok=True)


def note_guest(home: Path) -> None:
    """Record that this command, if it is one, uses servers of another process."""
    own = _read(_path(home, os.getpid()))
    if own is not None:
        _write(home, RunningCommand(own.name, own.process, is_guest=True))


def running(home: Path) -> list[RunningCommand]:
    """All commands that run now, but this one; the files of dead ones are removed."""
    alive = []
    for path in sorted(_folder(home).glob("*.json")):
        command = _read(path)
        if command is None or not command.process.is_alive():
            path.unlink(missing_ok=True)
        elif command.process.pid != os.getpid():
            alive.append(command)
    return alive


def end(home: Path, commands: Sequence[RunningCommand], reason: str) -> None:
    """Ask commands to end, and kill those that have not ended in time."""
    for command in commands:
        stop(home, command, reason)
    deadline = time.monotonic() + PATIENCE_S
    while left := [command for command in commands if command.process.is_alive()]:
        if time.monotonic() > deadline:
            for command in left:
                keeper.send(command.process.pid, signal.SIGKILL)
        time.sleep(POLL_S)
    for command in commands:
        for path in (_path(home, command.process.pid), _reason_path(home, command.process.pid)):
            path.unlink(missing_ok=True)


def stop(home: Path, command: RunningCommand, reason: str) -> None:
    """Ask one command to end, without waiting for it. The reason is what it prints."""
    with suppress(OSError):
        _reason_path(home, command.process.pid).write_text(reason, encoding="utf-8")
    if command.process.is_alive():
        keeper.send(command.process.pid, signal.SIGTERM)


def stop_own(home: Path, reason: str) -> None:
    """End this process's own command; a process that is no command of ours goes on."""
    own = _read(_path(home, os.getpid()))
    if own is not None and own.process.is_alive():
        _exit_in_time(reason)
        stop(home, own, reason)


def _handle_signals(home: Path) -> dict[int, Any]:
    """Return the handlers before. What the caller ignores, as `nohup` does, stays ignored."""

    def stop_now(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        reason = _reason(home, number)
        _exit_in_time(reason)
        raise CommandStopped(reason)

    if threading.current_thread() is not threading.main_thread():
        return {}
    return {
        number: signal.signal(number, stop_now)
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    }


def _reason(home: Path, number: int) -> str:
    try:
        return _reason_path(home, os.getpid()).read_text(encoding="utf-8")
    except OSError:
        return f"the signal {signal.Signals(number).name} came"


def _exit_in_time(reason: str) -> None:
    """Exit when unwinding takes too long: a thread that computes in C hears no exception.

    PostgreSQL rolls back what was not committed, and keepers end the services of this command.
    """
    threading.Thread(target=_exit_later, args=(reason,), daemon=True).start()


def _exit_later(reason: str) -> None:
    time.sleep(UNWIND_S)
    sys.stderr.write(f"runlore: stopped: {reason}\n")
    sys.stderr.flush()
    os._exit(STOPPED_CODE)


def _folder(home: Path) -> Path:
    return processes.folder(home) / "commands"


def _path(home: Path, pid: int) -> Path:
    return _folder(home) / f"{pid}.json"


def _reason_path(home: Path, pid: int) -> Path:
    return _folder(home) / f"{pid}.reason"


def _write(home: Path, command: RunningCommand) -> None:
    path = _path(home, command.process.pid)
    path.parent.mkdir(parents=True, exist_ok=True)
    _reason_path(home, command.process.pid).unlink(missing_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(asdict(command)))
    draft.replace(path)


def _read(path: Path) -> RunningCommand | None:
    try:
        values = json.loads(path.read_text())
        return RunningCommand(**values | {"process": Identity(**values["process"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
