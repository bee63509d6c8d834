"""Start, find and stop the server of a home; the caller holds the home's lock."""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from runlore.kernel.errors import Unavailable
from runlore.store.embedded import cluster, locks
from runlore.store.embedded.account import ServerAccount, choose
from runlore.store.embedded.binaries import find
from runlore.store.embedded.layout import ServerPaths

START_S = 300.0
STOP_S = 120.0
ORPHANS_S = 10.0
SPAWN = '"$@" >&2 &'
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A running server, as its postmaster.pid describes it."""

    pid: int
    socket_folder: Path
    status: str

    @property
    def url(self) -> str:
        where = f"host={quote(str(self.socket_folder))}&port={cluster.PORT}"
        return f"postgresql+psycopg://{cluster.ROLE}@/{cluster.DATABASE}?{where}"


def postmaster(layout: ServerPaths) -> Postmaster | None:
    """The running server, or None; the file of a dead one does not count."""
    if not locks.is_held(layout.server_lock):
        return None
    try:
        lines = (layout.data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    if len(lines) < 8 or not _is_alive(int(lines[0]), data=lines[1]):
        return None
    return Postmaster(int(lines[0]), Path(lines[4]), lines[7].strip())


def ensure(layout: ServerPaths) -> Postmaster:
    """Adopt the running server or start one."""
    running = postmaster(layout)
    if running and running.status == "stopping":
        stop(layout)
    elif running:
        return _await_ready(layout, 0)
    _bury(layout)
    return _start(layout)


def stop(layout: ServerPaths) -> None:
    """Stop the server; open connections are cut and their transactions rolled back."""
    running = postmaster(layout)
    if running is None:
        _bury(layout)
        return
    os.kill(running.pid, signal.SIGINT)
    if not _await_end(layout, STOP_S):
        raise Unavailable(f"PostgreSQL (pid {running.pid}) does not stop; see {layout.log}")
    if running.socket_folder.parent != layout.root:
        running.socket_folder.rmdir()


def stop_other_programs(layout: ServerPaths) -> None:
    """Stop a running server of another installation, such as that of an older Runlore.

    The caller knows that nobody else uses it.
    """
    running = postmaster(layout)
    if running is not None and PROC.joinpath("self").exists():
        program = _read(PROC / str(running.pid) / "cmdline").split(b"\0")[0]
        if program != os.fsencode(find().postgres):
            stop(layout)


def _start(layout: ServerPaths) -> Postmaster:
    binaries = find()
    account = choose(layout, binaries)
    socket_folder = cluster.prepare(layout, account, binaries)
    log_start = layout.log.stat().st_size if layout.log.exists() else 0
    _spawn(layout, account, cluster.command(layout, binaries, socket_folder))
    return _await_ready(layout, log_start)


def _spawn(layout: ServerPaths, account: ServerAccount, command: Sequence[str]) -> None:
    """Start the server as nobody's child; all its processes inherit the server lock."""
    held = locks.hold(layout, layout.server_lock)
    log = layout.open(layout.log, os.O_WRONLY | os.O_APPEND)
    try:
        account.run(
            ["/bin/sh", "-c", SPAWN, "sh", *command],
            stderr=log,
            pass_fds=(held,),
        )
    finally:
        os.close(log)
        os.close(held)


def _await_ready(layout: ServerPaths, log_start: int) -> Postmaster:
    """Wait for a server that starts, or recovers after a crash, which may take a while."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        running = postmaster(layout)
        if running and running.status == "ready":
            return running
        if not locks.is_held(layout.server_lock):
            messages = layout.log.read_bytes()[log_start:].decode(errors="replace")
            raise Unavailable(
                f"PostgreSQL did not start: {cluster.reason(messages)}; see {layout.log}"
            )
        time.sleep(locks.POLL_S)
    raise Unavailable(f"PostgreSQL is not ready after {START_S:.0f} s; see {layout.log}")


def _await_end(layout: ServerPaths, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while locks.is_held(layout.server_lock):
        if time.monotonic() > deadline:
            return False
        time.sleep(locks.POLL_S)
    return True


def _bury(layout: ServerPaths) -> None:
    """End what a killed postmaster left behind; only then is its data safe to open."""
    if not locks.is_held(layout.server_lock):
        return
    for pid in _orphans(layout):
        os.kill(pid, signal.SIGKILL)
    if not _await_end(layout, ORPHANS_S):
        raise Unavailable(
            f"{layout.data}: in use by a PostgreSQL that cannot be seen from here "
            "(in another container?); stop it there, or set RUNLORE_HOME to another folder"
        )


def _orphans(layout: ServerPaths) -> list[int]:
    title = f"postgres: {layout.name}: ".encode()
    entries = PROC.glob("[0-9]*/cmdline")
    return [int(entry.parent.name) for entry in entries if _read(entry).startswith(title)]


def _is_alive(pid: int, *, data: str) -> bool:
    """Whether the process serves this data; one that only waits to be buried has no command."""
    if PROC.joinpath("self").exists():
        return os.fsencode(data) in _read(PROC / str(pid) / "cmdline").split(b"\0")
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
