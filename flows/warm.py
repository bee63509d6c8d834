"""Flow runs that are forked from a process in which Prefect and our flows are imported already.

A run as a process of its own spends 4 of its 6 CPU seconds on imports. Here they are made once, by
the worker before it starts any thread; then it forks a process that does nothing but fork runs
(a zygote), and shares its memory with them. Prefect starts `flows.warm_client` for each run as it
starts any command, so that signals, exit codes and output are those of a process of its own.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import selectors
import shlex
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows import warm_client
from flows.warm_client import SIZE, SOCKET, STATUS

ENGINE = "prefect.engine"
# What every run imports. Not its flow: that brings pandas and Arrow, half a second of CPU, and
# 70 MB more for as long as the worker runs.
IMPORTED = (
    "prefect.flow_engine",
    "prefect.task_engine",
    "prefect.runner",
    "prefect.artifacts",
    "runlore.store.engine",
)
BACKLOG = 16
PATIENCE_S = 5.0  # for the request of a client that has connected
PR_SET_PDEATHSIG = 1
TASKS = Path("/proc/self/task")  # the threads of this process, those of libraries too


@dataclass(frozen=True)
class RunRequest:
    """What a run gets from its client. streams: its standard input, output and errors."""

    environment: Mapping[str, str]
    folder: str
    streams: Sequence[int]


def command(folder: Path, cold: Sequence[str]) -> str:
    """The command for Prefect; cold: the one that it becomes where nobody forks."""
    client = (sys.executable, "-I", "-S", warm_client.__file__, str(folder))
    return shlex.join([*client, *cold])


def prepare() -> bool:
    """Import what runs need; False where this process cannot be forked safely."""
    if sys.platform != "linux":
        return False
    for name in IMPORTED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # else the collector writes to pages that all runs share
    return threading.active_count() == 1 and len(list(TASKS.iterdir())) == 1


def fork(folder: Path) -> RunRequest | None:
    """Fork the zygote. Returns None in this process, and in each run its request.

    The zygote ends when this process has ended and no run is left.
    """
    listener = _listen(folder)
    lifeline, ours = os.pipe()
    if os.fork():
        os.close(lifeline)
        listener.close()
        return None
    os.close(ours)
    request = None
    try:
        request = Zygote(folder, listener, lifeline).serve()
    finally:
        if request is None:
            os._exit(0)
    return request


def run_engine(request: RunRequest) -> None:
    """Be the run: as `python -m prefect.engine` with the environment of the request."""
    for number, stream in enumerate(request.streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environment)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # else all runs draw the same numbers
    sys.argv = [ENGINE]
    sys.modules.pop(ENGINE, None)
    runpy.run_module(ENGINE, run_name="__main__", alter_sys=True)


@dataclass
class Zygote:
    """Forks a run for each client, and tells it how the run ended. It starts no thread.

    folder: where it listens; removed at the end.
    """

    folder: Path
    listener: socket.socket
    lifeline: int
    _runs: dict[int, socket.socket] = field(default_factory=dict)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def serve(self) -> RunRequest | None:
        """Returns in each run, with its request, and at the end in the zygote, with None."""
        signals = _readable_at_signals()
        for source in (self.listener.fileno(), self.lifeline, signals):
            self._selector.register(source, selectors.EVENT_READ)
        while self.listener.fileno() != -1 or self._runs:
            for key, _ in self._selector.select():
                if key.fd == self.lifeline:
                    self._selector.unregister(self.lifeline)
                    self._stop_listening()
                elif key.fd == signals:
                    if signal.SIGTERM in os.read(signals, 512):
                        self._stop_listening()
                    self._reap()
                elif key.data is not None:
                    self._forward(key.data)
                elif self.listener.fileno() != -1:
                    request = self._accept()
                    if request is not None:
                        return request
        return None

    def _stop_listening(self) -> None:
        """The worker ends: later runs are cold, and those that run go on until they are ended."""
        if self.listener.fileno() != -1:
            self._selector.unregister(self.listener)
            self.listener.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _accept(self) -> RunRequest | None:
        """A request in the new run; None in the zygote."""
        client, _ = self.listener.accept()
        client.settimeout(PATIENCE_S)
        try:
            request = _read(client)
        except (OSError, ValueError):
            client.close()
            return None
        pid = os.fork()
        if pid == 0:
            self._become_a_run(client)
            return request
        for stream in request.streams:
            os.close(stream)
        self._runs[pid] = client
        self._selector.register(client, selectors.EVENT_READ, pid)
        return None

    def _become_a_run(self, client: socket.socket) -> None:
        """Leave nothing of the zygote open; end when it ends."""
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for key in list(self._selector.get_map().values()):
            if key.data is None and key.fd != self.listener.fileno():
                os.close(key.fd)
        for connection in (self.listener, client, *self._runs.values()):
            connection.close()
        self._selector.close()

    def _forward(self, pid: int) -> None:
        """Signals of a client to its run; a client that is gone was killed, and so is the run."""
        try:
            numbers = self._runs[pid].recv(64)
        except OSError:
            numbers = b""
        for number in numbers or bytes([signal.SIGKILL]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if not numbers:
            self._selector.unregister(self._runs[pid])

    def _reap(self) -> None:
        while self._runs:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            client = self._runs.pop(pid)
            with contextlib.suppress(KeyError):
                self._selector.unregister(client)
            with contextlib.suppress(OSError):
                client.send(STATUS.pack(os.waitstatus_to_exitcode(status)))
            client.close()


def _listen(folder: Path) -> socket.socket:
    """On a socket that only this user reaches; see `warm_client.connect` for the relative name."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    here = Path.cwd()
    listener = socket.socket(socket.AF_UNIX)
    try:
        os.chdir(folder)
        Path(SOCKET).unlink(missing_ok=True)
        listener.bind(SOCKET)
    finally:
        os.chdir(here)
    listener.listen(BACKLOG)
    return listener


def _read(client: socket.socket) -> RunRequest:
    header, streams, _, _ = socket.recv_fds(client, SIZE.size, 3)
    (size,) = SIZE.unpack(header)
    with client.makefile("rb") as reader:
        content: dict[str, Any] = json.loads(reader.read(size))
    return RunRequest(content["environment"], content["folder"], streams)


def _readable_at_signals() -> int:
    """A pipe with the numbers of signals; none of them ends this process."""
    reader, writer = os.pipe()
    for end in (reader, writer):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return reader
