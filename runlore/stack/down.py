"""Stop everything of a home from another terminal: services, commands and the database.

It also cleans up after a `runlore up` that was killed.
"""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from runlore.kernel.errors import Unavailable
from runlore.stack import commands, processes
from runlore.stack.claims import ServiceClaim
from runlore.stack.commands import RunningCommand
from runlore.stack.processes import Identity
from runlore.stack.services import DATABASE
from runlore.store import embedded

PATIENCE_S = 60.0
UP = "up"


@dataclass(frozen=True)
class StoppedStack:
    """What was running and is not any more."""

    services: tuple[str, ...]
    commands: tuple[RunningCommand, ...]
    database_users: tuple[int, ...] = ()  # processes for which the database still runs

    def __bool__(self) -> bool:
        return bool(self.services or self.commands)


def stop_services(home: Path) -> StoppedStack:
    """Commands end first, while the servers that record their end still run."""
    reason = f"`runlore down` (process {os.getpid()}) ended what ran for {home}"
    listed = commands.running(home)
    others = [command for command in listed if command.name != UP]
    commands.end(home, others, reason)
    up = [r for r in processes.read_all(home) if r.is_lasting and r.supervisor.is_alive()]
    supervisors = {running.supervisor for running in up}
    supervisors |= {command.process for command in listed if command.name == UP}
    was_running = _runs_database(home)
    _end(supervisors)
    names = [running.name for running in up] + clean(home)
    users = _stop_database(home)
    if was_running and not users:
        names.insert(0, DATABASE)
    return StoppedStack(tuple(names), tuple(others), users)


def _end(supervisors: set[Identity]) -> None:
    for supervisor in supervisors:
        os.kill(supervisor.pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_S
    while (left := [one for one in supervisors if one.is_alive()]) and time.monotonic() < deadline:
        time.sleep(0.05)
    if left:
        pids = ", ".join(str(process.pid) for process in left)
        raise Unavailable(f"`runlore up` (process {pids}) does not end; kill -9 it")


def _runs_database(home: Path) -> bool:
    return embedded.exists(home) and embedded.state(home).is_running


def _stop_database(home: Path) -> tuple[int, ...]:
    """Stop the embedded server that nobody uses any more; otherwise return who does."""
    if not embedded.exists(home):
        return ()
    embedded.stop_unused(home)
    return embedded.state(home).users


def clean(home: Path) -> list[str]:
    """End the processes that killed supervisors left behind; return the names of their services."""
    cleaned = []
    for running in processes.read_all(home):
        if not running.supervisor.is_alive():
            was_alive = bool(processes.leftovers(running))
            claim = ServiceClaim(home, running.name)
            try:
                claim.settle(exclusive=False)
            finally:
                claim.release()
            if was_alive:
                cleaned.append(running.name)
    return cleaned
