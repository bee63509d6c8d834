"""Who runs which service of a home: one owner, and users whom a passing owner waits for.

Both are file locks, so a dead process owns and uses nothing.
"""

import time
from pathlib import Path

from runlore.kernel.errors import Unavailable
from runlore.stack import processes
from runlore.stack.processes import Lock, RunningService

PATIENCE_S = 60.0
POLL_S = 0.05


class ServiceClaim:
    """A service that is ours to run, or (`host` set) that somebody else runs and we use."""

    def __init__(self, home: Path, name: str) -> None:
        self.name = name
        self.host: RunningService | None = None
        self._home = home
        self._owner = Lock(home, f"{name}.owner")
        self._users = Lock(home, f"{name}.users")

    def settle(self, *, exclusive: bool) -> None:
        """Own the service, or be a guest of whoever does; `exclusive` refuses to be a guest."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if self._users.take(shared=True):
                if self._owner.take():
                    self._users.let_go()
                    processes.clean(self._home, self.name)
                    return
                host = processes.read(self._home, self.name)
                if exclusive:
                    _refuse(self.name, host)
                if host is not None and host.supervisor.is_alive():
                    self.host = host
                    return
            time.sleep(POLL_S)
        raise Unavailable(
            f"{self.name}: another Runlore process has been starting or stopping it for "
            f"{PATIENCE_S:.0f} s; `runlore status` shows which"
        )

    def close_to_users(self) -> bool:
        """True when nobody else uses the service; from then on nobody can, until `release`."""
        return self.host is not None or self._users.take()

    def forget(self) -> None:
        """Say that the service has ended."""
        if self.host is None:
            processes.forget(self._home, self.name)

    def release(self) -> None:
        self._owner.close()
        self._users.close()


def _refuse(name: str, host: RunningService | None) -> None:
    who = f"process {host.supervisor.pid}, since {host.since}" if host else "just starting"
    raise Unavailable(
        f"{name} is already run by another Runlore process ({who}); `runlore status` shows it, "
        "`runlore down` stops what `runlore up` started"
    )
