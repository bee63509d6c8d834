"""Which process writes a run, so that the next one can tell whether it still lives."""

import os
from functools import cache
from pathlib import Path

import psutil

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@cache
def host() -> str:
    """This machine since it was started; a container has a name of its own."""
    booted = BOOT_ID.read_text().strip() if BOOT_ID.exists() else ""
    return f"{os.uname().nodename}/{booted}".rstrip("/")


def mark(pid: int) -> str | None:
    """Tell a living process apart from a later one with the same number; None: it is gone.

    The start is counted from the boot, so that setting the clock changes no mark.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        started_s = process.create_time() - psutil.boot_time()
    except psutil.NoSuchProcess:
        return None
    return f"{pid}@{round(started_s * TICKS_PER_S)}"


def is_alive(marked: str) -> bool:
    pid = marked.partition("@")[0]
    return pid.isdecimal() and mark(int(pid)) == marked
