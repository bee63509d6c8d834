"""Serve predictions: `python -m bentos.server`, also from inside a packaged Bento.

Worker processes share one listening socket, the only one. (`bentoml serve` starts its workers by a
process manager whose control ports ask nobody who they are.) A worker that dies is started again;
while none is ready, this process answers 503 with Retry-After. All of them end when this process
does, however it ends.
"""

import argparse
import logging
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from bentos.http.logs import SERVICE
from bentos.http.no_worker import NoWorkerResponder
from runlore.kernel.deadlines import SUPERVISOR_GRACE_S
from runlore.kernel.errors import Misconfigured
from runlore.process import begin

FOLLOWING, PACKAGED = "bentos.service:Predictions", "bentos.packaged:PackagedPredictions"
PACKAGE = Path(__file__).parents[1] / "bundle" / "package.json"
BACKLOG = 2048  # connections that wait until a worker takes them
MAX_FAILED_STARTS = 3  # in a row, of each worker, while none is ready
LOOK_S = 1.0
MMAP_BYTES = 64 << 10  # from here on glibc gives freed memory, as of bodies, back to the system
READY = b"r"

log = logging.getLogger("runlore.serving")


@dataclass(frozen=True)
class Times:
    """In seconds."""

    start: float = 300.0  # until a worker is ready
    grace: float = SUPERVISOR_GRACE_S  # until a worker that was asked to end is killed
    pause: float = 0.5  # before a worker is started again; doubled each time, up to `longest_pause`
    longest_pause: float = 30.0
    proven: float = 60.0  # a worker that dies sooner counts as failing again


@dataclass
class WorkerSlot:
    """One place for a worker: its process, while there is one, and how often it has failed."""

    index: int
    process: "subprocess.Popen[bytes] | None" = None
    lifeline: socket.socket | None = None  # the worker ends when this side is closed
    began: float = 0.0
    due: float = 0.0
    failures: int = 0
    is_ready: bool = False


class Supervisor:
    """Keeps `count` processes of one command running until SIGTERM or SIGINT comes.

    command: gets `--fd`, `--lifeline` and `--index` added. It writes READY to the lifeline when it
    is ready, and ends when it reads the end of it.
    """

    def __init__(
        self,
        command: Sequence[str],
        listener: socket.socket,
        count: int,
        times: Times | None = None,
    ) -> None:
        self.workers = [WorkerSlot(index) for index in range(1, count + 1)]
        self._command = tuple(command)
        self._listener = listener
        listener.setblocking(False)
        self._responder = NoWorkerResponder(listener)
        self._times = times or Times()
        self._failed_starts = 0
        self._stops = 0
        self._wake, self._wakes = socket.socketpair()

    def run(self) -> int:
        """The exit code: 0 when it was asked to end, 1 when no worker comes up."""
        with self._signals():
            try:
                while not self._stops:
                    for worker in self.workers:
                        self._look_after(worker, time.monotonic())
                    if self._is_hopeless():
                        log.error("no worker comes up, given up after %d", self._failed_starts)
                        return 1
                    self._wait(LOOK_S)
            finally:
                self._stop()
        return 0

    def _is_hopeless(self) -> bool:
        most = MAX_FAILED_STARTS * len(self.workers)
        return self._failed_starts >= most and not any(worker.is_ready for worker in self.workers)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Have SIGTERM, SIGINT and the end of a worker wake `_wait`."""
        for end in (self._wake, self._wakes):
            end.setblocking(False)
        before = signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        handlers = {
            number: signal.signal(number, self._heard)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
        }
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            self._wake.close()
            self._wakes.close()

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self._stops += 1

    def _wait(self, seconds: float) -> None:
        """Wait for news of a worker or a signal; meanwhile refuse clients while none is ready."""
        starting = [w.lifeline for w in self.workers if w.lifeline and not w.is_ready]
        is_alone = not self._stops and not any(worker.is_ready for worker in self.workers)
        sources = [self._wake, *starting, *self._responder.sources(accepts=is_alone)]
        readable, _, _ = select.select(sources, [], [], seconds)
        self._responder.handle(readable, time.monotonic())
        with suppress(BlockingIOError):
            self._wake.recv(4096)

    def _look_after(self, worker: WorkerSlot, now: float) -> None:
        if worker.process is None:
            if now >= worker.due:
                self._start(worker, now)
            return
        if worker.lifeline is not None and not worker.is_ready:
            self._hear(worker, worker.lifeline)
        code = worker.process.poll()
        if code is not None:
            self._ended(worker, code, now)
        elif not worker.is_ready and now - worker.began > self._times.start:
            log.error("worker %d is not ready after %.0f s", worker.index, self._times.start)
            worker.process.kill()

    def _start(self, worker: WorkerSlot, now: float) -> None:
        worker.lifeline, theirs = socket.socketpair()
        worker.lifeline.setblocking(False)
        numbers = {"--fd": self._listener.fileno(), "--lifeline": theirs.fileno()}
        words = [word for name, fd in numbers.items() for word in (name, str(fd))]
        with theirs:
            worker.process = subprocess.Popen(
                (*self._command, *words, "--index", str(worker.index)),
                stdin=subprocess.DEVNULL,
                pass_fds=tuple(numbers.values()),
            )
        worker.began, worker.is_ready = now, False

    def _hear(self, worker: WorkerSlot, lifeline: socket.socket) -> None:
        try:
            received = lifeline.recv(1)
        except BlockingIOError:
            return
        except ConnectionResetError:
            received = b""
        if received == READY:
            worker.is_ready, self._failed_starts = True, 0
        else:
            lifeline.close()
            worker.lifeline = None

    def _ended(self, worker: WorkerSlot, code: int, now: float) -> None:
        """Start it again at once if it had lasted, else later and later."""
        times = self._times
        if not worker.is_ready:
            self._failed_starts += 1
        is_proven = worker.is_ready and now - worker.began > times.proven
        worker.failures = 0 if is_proven else worker.failures + 1
        pause = min(times.longest_pause, times.pause * 2 ** (worker.failures - 1))
        worker.due = now + (pause if worker.failures else 0.0)
        log.error("worker %d ended with %d; it is started again", worker.index, code)
        self._forget(worker)

    def _forget(self, worker: WorkerSlot) -> None:
        if worker.lifeline is not None:
            worker.lifeline.close()
        worker.process, worker.lifeline, worker.is_ready = None, None, False

    def _stop(self) -> None:
        """Ask all to end; kill who is late, or all when a second signal comes."""
        self._listener.close()
        self._responder.close()
        processes = [worker.process for worker in self.workers if worker.process is not None]
        for process in processes:
            process.terminate()
        deadline, stops = time.monotonic() + self._times.grace, self._stops
        while any(process.poll() is None for process in processes):
            if time.monotonic() > deadline or self._stops > max(stops, 1):
                for process in processes:
                    process.kill()
            self._wait(0.1)
        for worker in self.workers:
            self._forget(worker)


def main() -> int:
    """Serve with the settings of the environment; options go before them."""
    from runlore.app import open_app

    begin(SERVICE)
    with open_app(delivers=False) as app:
        settings = app.settings
    options = argparse.ArgumentParser(prog="python -m bentos.server", description=__doc__)
    options.add_argument("--host", default=settings.host)
    options.add_argument("--port", type=int, default=settings.serve_port)
    options.add_argument("--workers", type=int, default=settings.serve_workers)
    arguments = options.parse_args()
    if arguments.workers < 1:
        options.error("--workers: at least 1")
    host = "127.0.0.1" if arguments.host == "localhost" else arguments.host
    try:
        listener = listen(host, arguments.port)
    except OSError as error:
        raise Misconfigured(
            f"cannot listen on {host} port {arguments.port}: {os.strerror(error.errno or 0)};"
            " stop the other program, or choose another port: --port, or RUNLORE_SERVE_PORT"
        ) from error
    os.environ["RUNLORE_HOST"] = host  # which decides who needs a key
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(MMAP_BYTES))
    service = PACKAGED if PACKAGE.exists() else FOLLOWING
    with metrics_folder() as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        log.info("%d workers answer on %s port %d", arguments.workers, host, arguments.port)
        command = (sys.executable, "-m", "bentos.worker", service)
        return Supervisor(command, listener, arguments.workers).run()


def listen(host: str, port: int) -> socket.socket:
    """`::` is every address, those of IPv4 too."""
    [family, *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    is_dual = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server(
        (host, port), family=family, backlog=BACKLOG, dualstack_ipv6=is_dual
    )


@contextmanager
def metrics_folder() -> Iterator[str]:
    """An empty folder in which workers keep their counters for each other, and for `/metrics`."""
    home = os.environ.get("BENTOML_HOME")
    if home is None:
        with tempfile.TemporaryDirectory(prefix="runlore-metrics-") as folder:
            yield folder
        return
    path = Path(home) / "prometheus_multiproc_dir"
    shutil.rmtree(path, ignore_errors=True)
    try:
        path.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise Misconfigured(
            f"{path}: cannot be made anew ({error.strerror}); give this user the right to write"
            " there, or set RUNLORE_HOME to another folder"
        ) from error
    yield str(path)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Misconfigured as error:
        sys.exit(f"error: {error}")
