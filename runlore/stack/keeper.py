"""Keeps one child: a small process of the standard library only, started as a script.

    python -I -S keeper.py GRACE_SECONDS COMMAND [ARGUMENT ...]

The child and what it started end with the supervisor, however that ends: the keeper reads its
standard input, which closes when the supervisor closes it or dies, and compares its parent.
Then the child's group gets SIGTERM, and after the grace whatever is left is killed.
SIGTERM to the keeper itself means: without grace.

What a child started is found by a variable in its environment, which also those inherit that
leave the group, the session or their parent (BentoML's workers do all three). The embedded
PostgreSQL, which belongs to every process of the home, is started without it and so stays.
"""

import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NamedTuple, NoReturn

VARIABLE = "RUNLORE_KEEPER"
PR_SET_PDEATHSIG = 1
TICK_S = 1.0
PROC = Path("/proc")


class TerminateNow(BaseException):
    """Raised by SIGTERM: end at once."""


class Process(NamedTuple):
    pid: int
    started: str  # start time in the kernel's own count: only for comparisons


def look_up(pid: int) -> Process | None:
    """A living process; None when there is none of that number, or no /proc."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    return Process(pid, fields[19])


def mark(pid: int, started: str) -> str:
    """The variable's value below a keeper: never the same for two of them."""
    return f"{pid}:{started}"


def family(pid: int, started: str) -> list[int]:
    """Every living process below a keeper, which itself may be gone by now.

    Sessions and parents prove nothing: where a container's first process leads none, all are
    in session 0, and a number can be used again.
    """
    marked = f"{VARIABLE}={mark(pid, started)}".encode()
    return [
        process.pid
        for entry in PROC.glob("[0-9]*")
        if (process := look_up(int(entry.name))) is not None
        and process.pid != pid
        and has(process.pid, marked)
    ]


def has(pid: int, variable: bytes) -> bool:
    try:
        return variable in (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def start(command: Sequence[str]) -> int:
    """Start the command in a process group of its own; return its process id."""
    pid = os.fork()
    if pid == 0:
        become(command)
    return pid


def become(command: Sequence[str]) -> NoReturn:
    """Execute the command; on Linux the kernel ends it when the keeper is killed."""
    try:
        os.setpgid(0, 0)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.execvp(command[0], list(command))  # noqa: S606  (a list, no shell)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def exit_code(child: int) -> int | None:
    """Return how the child ended, None while it runs."""
    pid, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if pid else None


def until_exit(child: int, wakeup: int, seconds: float) -> int | None:
    """Wait for the child's end; None when the time is up before."""
    deadline = time.monotonic() + seconds
    while True:
        code = exit_code(child)
        left = deadline - time.monotonic()
        if code is not None or left <= 0:
            return code
        doze([wakeup], min(TICK_S, left))


def until_alone(child: int, wakeup: int) -> int | None:
    """Wait for the child's end; None when the supervisor ends before."""
    supervisor = os.getppid()
    while True:
        code = exit_code(child)
        if code is not None:
            return code
        ready = doze([wakeup, 0], TICK_S)
        if os.getppid() != supervisor or (0 in ready and not os.read(0, 512)):
            return None


def doze(sources: list[int], seconds: float) -> list[int]:
    ready, _, _ = select.select(sources, [], [], seconds)
    if sources[0] in ready:
        os.read(sources[0], 512)
    return ready


def kill_family(child: int) -> None:
    """Kill until nothing is left; a dying process may still have forked, hence the repeats."""
    me = look_up(os.getpid())
    send(-child, signal.SIGKILL)
    for _ in range(200):
        left = family(me.pid, me.started) if me else []
        if not left:
            return
        for pid in left:
            send(pid, signal.SIGKILL)
        time.sleep(0.01)


def hurry(_number: int, _frame: FrameType | None) -> None:
    raise TerminateNow


def wake_on_signals() -> int:
    """Make a dead child readable on the returned descriptor; a terminal's signals are not ours."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, hurry)
    return reader


def keep(grace_s: float, command: Sequence[str]) -> int:
    """Run the command to its end, or to the supervisor's; return its exit code."""
    wakeup = wake_on_signals()
    me = look_up(os.getpid())
    if me is not None:
        os.environ[VARIABLE] = mark(me.pid, me.started)
    child = start(command)
    code: int | None = None
    try:
        code = until_alone(child, wakeup)
        if code is None:
            send(-child, signal.SIGTERM)
            code = until_exit(child, wakeup, grace_s)
    except TerminateNow:
        code = -signal.SIGKILL
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    kill_family(child)
    return -signal.SIGKILL if code is None else code


if __name__ == "__main__":
    result = keep(float(sys.argv[1]), sys.argv[2:])
    sys.exit(result if result >= 0 else 128 - result)
