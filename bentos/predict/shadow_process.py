"""The shadow's process: a worker that leads starts it, at the lowest priority, and ends it."""

import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from runlore.kernel.deadlines import SHADOW_GRACE_S

# The pause between two starts, each of which takes seconds of a processor. After a process that
# ended within YOUNG_S it is YOUNG_S, and it doubles with each further one.
RESTART_S, LONGEST_RESTART_S = 5.0, 300.0
YOUNG_S = 60.0

log = logging.getLogger("runlore.serving")
NICENESS = 10  # where the scheduler knows no class for idle time
COMMAND = (sys.executable, "-m", "bentos.predict.shadow")


@dataclass
class Starter:
    """Keeps the process going for as long as this worker leads."""

    clock: Callable[[], float] = time.monotonic
    _process: subprocess.Popen[bytes] | None = None
    _started: float = -LONGEST_RESTART_S
    _pause_s: float = RESTART_S

    def keep(self, *, is_shadowing: bool) -> None:
        now = self.clock()
        if self._process is not None and self._process.poll() is not None:
            log.warning("the shadow ended with code %s", self._process.returncode)
            self._process = None
            is_young = now - self._started < YOUNG_S
            self._pause_s = self._longer() if is_young else RESTART_S
        if not is_shadowing:
            self.stop()
        elif self._process is None and now > self._started + self._pause_s:
            self._started = now
            self._process = subprocess.Popen((*COMMAND, str(os.getpid())))
            _last_of_all(self._process.pid)

    def _longer(self) -> float:
        return min(max(2 * self._pause_s, YOUNG_S), LONGEST_RESTART_S)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(SHADOW_GRACE_S)  # the worker answers meanwhile
            except subprocess.TimeoutExpired:  # frozen, or deaf
                self._process.kill()
                self._process.wait()
        self._process, self._pause_s = None, RESTART_S


def _last_of_all(pid: int) -> None:
    """Let it run in idle time, from the first import on; all that it starts, too."""
    with contextlib.suppress(OSError):  # it has ended, or the system forbids it
        os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
        if sys.platform == "linux":
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
