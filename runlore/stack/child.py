"""One service as its supervisor sees it: started, watched, started again, given up, stopped."""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from runlore.kernel import instants
from runlore.stack import keeper, processes
from runlore.stack.log_files import LogLimit, rotate
from runlore.stack.probes import TaskProbe
from runlore.stack.processes import Identity
from runlore.stack.services import Service
from runlore.web.prefect_api import NoAnswer

KEEPER = (sys.executable, "-I", "-S", keeper.__file__)
QUICK_S = 60.0  # a service that is well for a shorter time has failed again
LIMIT_NEW = 3
# Failures in a row before giving up: of a service that was never well, and of one that was.
LIMIT_PROVEN = 10
LONGEST_PAUSE_S = 30.0
PROBE_EVERY_S = 20.0  # whether it is hung; a process that has ended is noticed at once
HUNG_S = 180.0


class ServiceState(StrEnum):
    WAITING = "waiting"
    STARTING = "starting"
    HEALTHY = "healthy"
    DONE = "done"
    RESTARTING = "restarting"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class ServiceEvent:
    """An event to show to a person who watches."""

    name: str
    state: ServiceState
    detail: str


Tell = Callable[[ServiceEvent], None]


class Child:
    """A service that this process runs. Time comes in as an argument: (`now`: aware, UTC)."""

    def __init__(self, service: Service, logs: Path, tell: Tell, limit: LogLimit) -> None:
        self.service = service
        self.log = logs / f"{service.name}.log"
        self.state = ServiceState.WAITING
        self.detail = ""
        self._tell = tell
        self._limit = limit
        self._process: subprocess.Popen[bytes] | None = None
        self._started = instants.EPOCH
        self._well_at = instants.EPOCH
        self._probed_at = instants.EPOCH
        self._first_well_at: datetime | None = None
        self._fell_at = instants.EPOCH
        self._deaths = 0

    @property
    def is_ready(self) -> bool:
        return self.state in (ServiceState.HEALTHY, ServiceState.DONE)

    def start(self, environment: Mapping[str, str], home: Path, now: datetime) -> Identity:
        """Start it under a keeper of its own; its output goes to the end of its log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        rotate(self.log, self._limit)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                (*KEEPER, str(self.service.grace_s), *self.service.command),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=home,
                env=dict(environment),
                start_new_session=True,
            )
        self._started = self._probed_at = self._well_at = now
        self._change(ServiceState.STARTING, "")
        return processes.identity(self._process.pid)

    def tick(self, now: datetime) -> None:
        """Check the service once; the supervisor starts it again, see `is_due`."""
        rotate(self.log, self._limit)
        if self._process is None or self.state not in (ServiceState.STARTING, ServiceState.HEALTHY):
            return
        code = self._process.poll()
        if code is not None:
            self.stop()
            self._ended(code, now)
        elif self._is_time_to_probe(now):
            self._probe(now)

    def is_due(self, now: datetime) -> bool:
        """Return whether it waits for a start that is due."""
        if self.state is ServiceState.RESTARTING:
            return (now - self._fell_at).total_seconds() >= self._pause_s
        return self.state is ServiceState.WAITING

    def _is_time_to_probe(self, now: datetime) -> bool:
        every = PROBE_EVERY_S if self.state is ServiceState.HEALTHY else 0.0
        return (now - self._probed_at).total_seconds() >= every

    def _probe(self, now: datetime) -> None:
        self._probed_at = now
        limit = HUNG_S if self.state is ServiceState.HEALTHY else self.service.patience_s
        try:
            self.service.probe.check(self._started)
            self._insist_on_its_own_answer()
        except NoAnswer as error:
            if (now - self._well_at).total_seconds() > limit:
                self.kill()
                self._fall(f"no answer for {limit:.0f} s ({error})", now)
            return
        self._well_at = now
        if self.state is ServiceState.STARTING:
            self._first_well_at = now
            self._change(ServiceState.HEALTHY, f"{self.service.address} ({self._took(now)})")

    def _insist_on_its_own_answer(self) -> None:
        """Another program on its port answers too, until the service finds the port taken."""
        port = self.service.port
        if self.state is not ServiceState.STARTING or port is None or self._process is None:
            return
        if not processes.listens(processes.identity(self._process.pid), port.number):
            raise NoAnswer(f"another program answers on port {port.number}")

    def _ended(self, code: int, now: datetime) -> None:
        if code == 0 and isinstance(self.service.probe, TaskProbe):
            self._change(ServiceState.DONE, self._took(now))
        else:
            self._fall(f"ended with exit code {code}", now)

    def _took(self, now: datetime) -> str:
        return f"{(now - self._started).total_seconds():.1f} s"

    def _fall(self, reason: str, now: datetime) -> None:
        """Schedule a restart, later each time; give up when it never lasts."""
        was_well = self._first_well_at is not None
        lasted = was_well and (now - self._started).total_seconds() > QUICK_S
        self._deaths = 1 if lasted else self._deaths + 1
        self._fell_at = now
        if self._deaths >= (LIMIT_PROVEN if was_well else LIMIT_NEW):
            reason = f"{reason}, {self._deaths} times in a row"
            self._change(ServiceState.FAILED, f"{reason}; see {self.log}: {self.last_words()}")
        else:
            again = f"again in {self._pause_s:g} s"
            self._change(ServiceState.RESTARTING, f"{reason}; {again}; see {self.log}")

    @property
    def _pause_s(self) -> float:
        return min(0.5 * 2.0 ** (self._deaths - 1), LONGEST_PAUSE_S)

    def _change(self, state: ServiceState, detail: str) -> None:
        self.state, self.detail = state, detail
        self._tell(ServiceEvent(self.service.name, state, detail))

    def last_words(self) -> str:
        """The last line of its log that says something."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - 4000))
                lines = log.read().decode(errors="replace").splitlines()
        except OSError:
            return "(no log)"
        return next((line.strip() for line in reversed(lines) if line.strip()), "(empty)")

    def stop(self) -> None:
        """Close the pipe to its keeper, which ends it. Returns at once; see `is_over`."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def kill(self) -> None:
        """End it now, with everything it started."""
        if self._process is not None:
            self.stop()
            self._process.terminate()
            self._process.wait()

    def is_over(self) -> bool:
        over = self._process is None or self._process.poll() is not None
        if over and self.state not in (
            ServiceState.FAILED,
            ServiceState.STOPPED,
            ServiceState.DONE,
        ):
            self._change(ServiceState.STOPPED, "")
        return over
