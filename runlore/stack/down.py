"""Stop what `runlore up` started, from another terminal; clean up after one that was killed."""

import os
import signal
import time
from pathlib import Path

from runlore.kernel.errors import Unavailable
from runlore.stack import processes
from runlore.stack.claims import ServiceClaim

PATIENCE_S = 60.0


def stop_services(home: Path) -> list[str]:
    """Return the names of what was running and is not any more."""
    up = [r for r in processes.read_all(home) if r.is_lasting and r.supervisor.is_alive()]
    supervisors = {running.supervisor for running in up}
    for supervisor in supervisors:
        os.kill(supervisor.pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_S
    while any(supervisor.is_alive() for supervisor in supervisors):
        if time.monotonic() > deadline:
            pids = ", ".join(str(supervisor.pid) for supervisor in supervisors)
            raise Unavailable(f"`runlore up` (process {pids}) does not end; kill -9 it")
        time.sleep(0.05)
    return [running.name for running in up] + clean(home)


def clean(home: Path) -> list[str]:
    """End the processes that killed supervisors left behind."""
    cleaned = []
    for running in processes.read_all(home):
        if not running.supervisor.is_alive():
            claim = ServiceClaim(home, running.name)
            try:
                claim.settle(exclusive=False)
                cleaned.append(running.name)
            finally:
                claim.release()
    return cleaned
