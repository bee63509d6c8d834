"""Which process writes a run, so that the next one can tell whether it still lives."""

import os
import subprocess
from functools import cache
from pathlib import Path

PROC = Path("/proc")
START_FIELD = 19
"""Of what stands behind the command's name in /proc/PID/stat: start in ticks since boot."""


@cache
def host() -> str:
    """This machine since it was started; a container has a name of its own."""
    boot = PROC / "sys/kernel/random/boot_id"
    booted = boot.read_text().strip() if boot.exists() else ""
    return f"{os.uname().nodename}/{booted}".rstrip("/")


def mark(pid: int) -> str | None:
    """Tell a living process apart from a later one with the same number; None: it is gone."""
    started = _started(pid)
    return f"{pid}@{started}" if started else None


def is_alive(marked: str) -> bool:
    pid = marked.partition("@")[0]
    return pid.isdecimal() and mark(int(pid)) == marked


def _started(pid: int) -> str:
    if not PROC.exists():
        command = ("ps", "-o", "lstart=", "-p", str(pid))
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] == "Z" else fields[START_FIELD]
