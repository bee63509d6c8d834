"""What runs on this machine for one home: a file per service, checked by pid and start time.

A pid alone proves nothing, since numbers are used again; pid and start time together do.
Who owns a service holds a lock on it, which the kernel takes back when the owner dies.
"""

import fcntl
import json
import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from runlore.home import private_home
from runlore.stack import keeper

KILL_WAIT_S = 5.0


@dataclass(frozen=True)
class Identity:
    """A process, with its start to distinguish it from a later one of the same number."""

    pid: int
    started: str

    def is_alive(self) -> bool:
        return identify(self.pid) == self


@dataclass(frozen=True)
class RunningService:
    """A started service, as its file says."""

    name: str
    keeper: Identity
    supervisor: Identity
    since: str
    address: str
    port: int | None
    log: str
    is_lasting: bool  # started by `runlore up`, not for the time of one command


def identify(pid: int) -> Identity | None:
    """Return a living process; None when there is none of that number."""
    if keeper.PROC.exists():
        process = keeper.look_up(pid)
        return Identity(pid, process.started) if process else None
    command = ("ps", "-o", "lstart=", "-p", str(pid))
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    return Identity(pid, listed.stdout.strip()) if listed.stdout.strip() else None


def identity(pid: int) -> Identity:
    """As `identify`, for a process of ours; one that has ended already is nobody's."""
    return identify(pid) or Identity(pid, "ended")


def folder(home: Path) -> Path:
    return home / "run"


def write(home: Path, running: RunningService) -> None:
    """Record a started service; a reader sees the old file or the new one, never half."""
    path = folder(home) / f"{running.name}.json"
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(json.dumps(asdict(running)))
    draft.replace(path)


def read(home: Path, name: str) -> RunningService | None:
    try:
        values = json.loads((folder(home) / f"{name}.json").read_text())
        for key in ("keeper", "supervisor"):
            values[key] = Identity(**values[key])
        return RunningService(**values)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def read_all(home: Path) -> list[RunningService]:
    names = sorted(path.stem for path in folder(home).glob("*.json"))
    return [running for name in names if (running := read(home, name)) is not None]


def forget(home: Path, name: str) -> None:
    (folder(home) / f"{name}.json").unlink(missing_ok=True)


def leftovers(running: RunningService) -> list[int]:
    """Processes of a service whose supervisor is gone."""
    if running.supervisor.is_alive():
        return []
    kept_by = [running.keeper.pid] if running.keeper.is_alive() else []
    return kept_by + below(running)


def below(running: RunningService) -> list[int]:
    """The service itself and everything that it started."""
    return keeper.family(running.keeper.pid, running.keeper.started)


def listens(kept_by: Identity, port: int) -> bool:
    """Whether a process below this keeper listens on the port; True where nobody can tell."""
    if not keeper.PROC.exists():
        return True
    return any(_listens(pid, port) for pid in keeper.family(kept_by.pid, kept_by.started))


def _listens(pid: int, port: int) -> bool:
    try:
        sockets = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(s.status == psutil.CONN_LISTEN and s.laddr.port == port for s in sockets)


def clean(home: Path, name: str) -> bool:
    """End what a killed supervisor left of a service; True when there was something.

    The caller owns the service. A keeper ends what is below it; a dead keeper cannot.
    """
    running = read(home, name)
    if running is None:
        return False
    pids = leftovers(running)
    if running.keeper.is_alive():
        keeper.send(running.keeper.pid, signal.SIGTERM)
        await_end(pids)
    for pid in leftovers(running):
        keeper.send(pid, signal.SIGKILL)
    await_end(pids)
    forget(home, name)
    return bool(pids)


def await_end(pids: list[int]) -> None:
    deadline = time.monotonic() + KILL_WAIT_S
    while time.monotonic() < deadline and any(identify(pid) for pid in pids):
        time.sleep(0.02)


class Lock:
    """A lock between processes on a file of the home; the kernel frees it when they die."""

    def __init__(self, home: Path, name: str) -> None:
        private_home(home)
        folder(home).mkdir(exist_ok=True)
        self._file = (folder(home) / f"{name}.lock").open("a")

    def take(self, *, shared: bool = False) -> bool:
        """Try at once; False when somebody else holds it."""
        try:
            fcntl.flock(self._file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def let_go(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of it for good; an open lock ends with the process."""
        self._file.close()
