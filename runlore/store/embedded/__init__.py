"""PostgreSQL that comes along with Runlore: one server per home, shared by all its processes.

The first process that needs it starts it, further ones adopt it, the last one stops it.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from runlore.store.embedded import binaries, libpq, locks, server
from runlore.store.embedded.layout import ServerPaths, explained


@dataclass(frozen=True, slots=True)
class ServerLease:
    """The right to a running server; it ends with `release` or with the process."""

    home: Path
    url: str
    _descriptor: int


@dataclass(frozen=True, slots=True)
class ServerState:
    """The state of a home's server, read without touching it.

    users: ids of the processes that hold a lease.
    """

    is_running: bool
    pid: int | None
    version: str
    size_bytes: int
    users: tuple[int, ...]
    data: Path
    log: Path


def acquire(home: Path) -> ServerLease:
    """Make sure that the home's server runs, and keep it running until `release`."""
    layout = ServerPaths.of(home)
    libpq.forget(os.environ)
    layout.prepare()
    with locks.exclusive(layout):
        entry = layout.users / f"{os.getpid()}-{secrets.token_hex(4)}"
        held = locks.hold(layout, entry)
        try:
            layout.rotate_log()
            if _in_use(layout) == {entry}:
                server.stop_other_programs(layout)
            return ServerLease(layout.home, server.ensure(layout).url, held)
        except BaseException:
            _leave(layout, held)
            raise


def release(lease: ServerLease) -> None:
    """Give the lease back; whoever is last stops the server."""
    layout = ServerPaths(lease.home)
    with locks.exclusive(layout):
        _leave(layout, lease._descriptor)


@contextmanager
def running(home: Path) -> Iterator[str]:
    """The URL of the home's server, which runs at least as long as the block."""
    lease = acquire(home)
    try:
        yield lease.url
    finally:
        release(lease)


def stop(home: Path) -> bool:
    """Stop the home's server whoever uses it; False when none was running."""
    layout = ServerPaths.of(home)
    if not layout.lock.exists():
        return False
    with locks.exclusive(layout):
        was_running = server.postmaster(layout) is not None
        server.stop(layout)
        return was_running


def stop_unused(home: Path) -> bool:
    """Stop a server that a killed process left running; False when somebody uses it."""
    layout = ServerPaths.of(home)
    if not layout.lock.exists():
        return False
    with locks.exclusive(layout):
        if _in_use(layout) or server.postmaster(layout) is None:
            return False
        server.stop(layout)
        return True


def exists(home: Path) -> bool:
    """Whether the home has a server of its own, running or not."""
    return ServerPaths.of(home).data.exists()


def data_folder(home: Path) -> Path:
    """Where the home's server has its data, whether they exist yet or not."""
    return ServerPaths.of(home).data


def state(home: Path) -> ServerState:
    """Read the state of the home's server; nothing is started or created."""
    layout = ServerPaths.of(home)
    with explained(layout.data):
        process = server.postmaster(layout)
        return ServerState(
            is_running=process is not None,
            pid=process.pid if process else None,
            version=binaries.find().version(),
            size_bytes=_size(layout.data),
            users=tuple(sorted(int(entry.name.split("-")[0]) for entry in _in_use(layout))),
            data=layout.data,
            log=layout.log,
        )


def _leave(layout: ServerPaths, held: int) -> None:
    locks.let_go(held)
    in_use = _in_use(layout)
    for other in layout.users.iterdir():
        if other not in in_use:
            other.unlink()
    if not in_use:
        server.stop(layout)


def _in_use(layout: ServerPaths) -> set[Path]:
    """Entries of processes that live: a killed one holds no lock any more."""
    entries = layout.users.iterdir() if layout.users.exists() else ()
    return {entry for entry in entries if locks.is_held(entry)}


def _size(folder: Path) -> int:
    """Bytes on disk; files that vanish meanwhile do not count."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(parent, name).lstat().st_blocks * 512
    return total
