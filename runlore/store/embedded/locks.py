"""File locks: they end with the process that holds them, however it ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runlore.kernel.errors import Unavailable
from runlore.store.embedded.layout import ServerPaths

POLL_S = 0.003


@contextmanager
def exclusive(layout: ServerPaths, patience_s: float = 120.0) -> Iterator[None]:
    """Hold the home's lock: nobody else starts, adopts or stops its server meanwhile."""
    descriptor = layout.open(layout.lock)
    try:
        deadline = time.monotonic() + patience_s
        while not _try_lock(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"{layout.lock}: still held after {patience_s:.0f} s; "
                    "find the process that hangs with `fuser` on that file"
                )
            time.sleep(POLL_S)
        yield
    finally:
        os.close(descriptor)


def hold(layout: ServerPaths, path: Path) -> int:
    """Lock a file for as long as the descriptor, or a child that inherits it, stays open."""
    descriptor = layout.open(path)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def let_go(descriptor: int) -> None:
    """Unlock, also on behalf of children that were forked with the descriptor open."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether a file is locked: tested by a shared lock, so that two testers do not collide."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
