"""Start services in the order of their needs, look after them, stop them in reverse."""

import os
import threading
import time
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

from runlore.home import private_home
from runlore.kernel import instants
from runlore.kernel.errors import Unavailable
from runlore.settings import Settings
from runlore.stack import commands, environment, processes
from runlore.stack.child import Child, ServiceEvent, ServiceState, Tell
from runlore.stack.database import Database
from runlore.stack.log_files import LogLimit
from runlore.stack.probes import TaskProbe
from runlore.stack.processes import RunningService
from runlore.stack.services import DATABASE, Service
from runlore.web.login import read_login
from runlore.web.prefect_api import NoAnswer

POLL_S = 0.05
WATCH_S = 0.5


class ExternalService:
    """A service that another process runs, and we use.

    Without it the command that uses it cannot be completed, and ends.
    """

    def __init__(self, service: Service, home: Path, tell: Tell) -> None:
        self.service = service
        self._home = home
        self._host = processes.read(home, service.name)
        self.is_ready = isinstance(service.probe, TaskProbe)
        self._tell = tell
        self._since = instants.now()

    def tick(self, now: datetime) -> None:
        """See whether it is well yet; raise when that takes too long."""
        if self._host is not None and not self._host.supervisor.is_alive():
            pid = self._host.supervisor.pid
            reason = f"the process {pid} that ran {self.service.name} for this command has ended"
            commands.stop_own(self._home, reason)
            self._host = None
        if self.is_ready:
            return
        try:
            self.service.probe.check(instants.EPOCH)
        except NoAnswer:
            if (now - self._since).total_seconds() > self.service.patience_s:
                raise
            return
        self.is_ready = True
        self._tell(
            ServiceEvent(
                self.service.name, ServiceState.HEALTHY, f"{self.service.address} (shared)"
            )
        )


class StackSupervisor:
    """Runs the services that are `ours`. One thread at a time calls its methods."""

    def __init__(
        self,
        settings: Settings,
        services: Sequence[Service],
        ours: Collection[str],
        tell: Tell,
        *,
        is_lasting: bool,
    ) -> None:
        limit = LogLimit(settings.log_max_mb * 1_000_000, settings.log_parts)
        self.children = [Child(s, settings.logs, tell, limit) for s in services if s.name in ours]
        self._guests = [
            ExternalService(s, settings.home, tell) for s in services if s.name not in ours
        ]
        self._database = Database(settings, tell)
        self._settings = settings
        self._is_lasting = is_lasting
        self._end = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="runlore-stack", daemon=True)

    @property
    def home(self) -> Path:
        return self._settings.home.absolute()

    def start(self, *, with_database: bool) -> None:
        """Return when all is well; raise when something cannot be brought up."""
        private_home(self.home)
        self.tick()
        if with_database:
            self._database.start()
        while not self._all_ready():
            self.tick()
            for child in self.children:
                if child.state is ServiceState.FAILED:
                    raise Unavailable(f"{child.service.name}: {child.detail}")
            time.sleep(POLL_S)
        self._watcher.start()

    def tick(self) -> None:
        """Look after every service once."""
        now = instants.now()
        self._database.tick(now)
        for guest in self._guests:
            guest.tick(now)
        ready = self._ready()
        for child in self.children:
            child.tick(now)
            if child.is_due(now) and ready.issuperset(child.service.needs):
                self._start(child)

    def _all_ready(self) -> bool:
        return all(one.is_ready for one in self._both())

    def _ready(self) -> set[str]:
        """Names of what is well. A guest of a service needs nothing of what that one needs."""
        ready = {one.service.name for one in self._both() if one.is_ready}
        return ready | {DATABASE} if self._database.state is ServiceState.HEALTHY else ready

    def _both(self) -> list[Child | ExternalService]:
        return [*self.children, *self._guests]

    def _start(self, child: Child) -> None:
        service = child.service
        extra = dict(service.environment)
        extra |= self._database.variables(service)
        if service.login_variable is not None:
            extra[service.login_variable] = read_login(self.home).text
        now = instants.now()
        record = RunningService(
            name=service.name,
            keeper=child.start(environment.of_child(self._settings, extra), self.home, now),
            supervisor=processes.identity(os.getpid()),
            since=now.isoformat(timespec="seconds"),
            address=service.address,
            port=service.port.number if service.port else None,
            log=str(child.log),
            is_lasting=self._is_lasting,
        )
        processes.write(self.home, record)

    def _watch(self) -> None:
        while not self._end.wait(WATCH_S):
            self.tick()

    def stop(self) -> None:
        """Stop all that is ours, dependents first; a second Ctrl-C makes it quick."""
        self._end.set()
        try:
            if self._watcher.is_alive():
                self._watcher.join()
            self._stop_children()
        except KeyboardInterrupt:
            for child in self.children:
                child.kill()
            self._stop_children()
        finally:
            self._database.stop()

    def _stop_children(self) -> None:
        left = self.children[::-1]
        while left:
            for child in left:
                if not any(child.service.name in other.service.needs for other in left):
                    child.stop()
            left = [child for child in left if not child.is_over()]
            time.sleep(POLL_S / 5)
