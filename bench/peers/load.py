"""Two clients, the same for every server: a closed loop (wrk) and a constant rate (here)."""

import asyncio
import contextlib
import gc
import json
import selectors
import shutil
import subprocess
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

SCRIPT = Path(__file__).with_name("ask.lua")
PERCENTILES = {"p50": 50.0, "p95": 95.0, "p99": 99.0, "p99.9": 99.9}
LINES = 64
"""Connections of the constant rate: more than are ever busy, unless the server falls behind."""

GRACE_S = 5.0
LAST_CHUNK = b"0\r\n\r\n"


@dataclass(frozen=True)
class Target:
    """Where to ask what. bodies: JSON, asked in turn."""

    port: int
    path: str
    bodies: tuple[bytes, ...]


@dataclass(frozen=True)
class Figure:
    """What came of one load. errors: answers that were not 200, and those that did not come."""

    answers: int
    errors: int
    rps: float
    latency_ms: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        told = {"rps": round(self.rps, 1), **{k: round(v, 3) for k, v in self.latency_ms.items()}}
        return {**told, "answers": self.answers, "errors": self.errors}


def require_wrk() -> None:
    if shutil.which("wrk") is None:
        raise SystemExit(
            "bench/serving.py needs the load generator wrk: `apt-get install wrk` (Debian, Ubuntu)"
            " or `brew install wrk`"
        )


def closed(target: Target, connections: int, seconds: float, folder: Path) -> Figure:
    """Every connection asks again as soon as it is answered.

    wrk fills in the samples that a stalled connection did not take (its own correction).
    """
    bodies = folder / "bodies.jsonl"
    bodies.write_bytes(b"\n".join(target.bodies) + b"\n")
    url = f"http://127.0.0.1:{target.port}{target.path}"
    span = f"{max(1, round(seconds))}s"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{span}", "--timeout", "10s"]
    done = subprocess.run(
        [*command, "-s", str(SCRIPT), url, "--", str(bodies)],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    good = told["answers"] - told["refused"]
    latency = {name: told[name] for name in PERCENTILES}
    errors = told["refused"] + told["broken"]
    return Figure(told["answers"], errors, good / told["seconds"], latency)


def constant(target: Target, rate: float, seconds: float) -> Figure:
    """Ask at fixed instants, whether answers come or not; time counts from the fixed instant.

    select waits by the microsecond, epoll by the millisecond.
    """
    with asyncio.Runner(loop_factory=_loop) as runner:
        gc.collect()
        gc.disable()
        try:
            return runner.run(_constant(target, rate, seconds))
        finally:
            gc.enable()


def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


async def _constant(target: Target, rate: float, seconds: float) -> Figure:
    pace = Pace(_requests(target), target.port, rate, round(rate * seconds))
    for _ in range(LINES):
        await pace.open()
    pace.begin()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(pace.over.wait(), seconds + GRACE_S)
    took = np.array(pace.took_s or [np.nan]) * 1e3
    latency = {name: float(np.percentile(took, at)) for name, at in PERCENTILES.items()}
    missing = pace.total - len(pace.took_s) - pace.refused
    span = max(pace.last - pace.start, 1e-9)
    return Figure(
        len(pace.took_s) + pace.refused, pace.refused + missing, len(pace.took_s) / span, latency
    )


def _requests(target: Target) -> tuple[bytes, ...]:
    head = (
        f"POST {target.path} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()
    return tuple(b"%s%d\r\n\r\n%s" % (head, len(body), body) for body in target.bodies)


@dataclass
class Pace:
    """When each request is due, the lines that are free, and how long every answer took."""

    requests: tuple[bytes, ...]
    port: int
    rate: float
    total: int
    idle: list["Line"] = field(default_factory=list)
    late: deque[int] = field(default_factory=deque)
    took_s: list[float] = field(default_factory=list)
    refused: int = 0
    sent: int = 0
    start: float = 0.0
    last: float = 0.0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    opening: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(lambda: Line(self), "127.0.0.1", self.port)
        self.idle.append(line)
        self.flush()

    def lost(self, line: "Line") -> None:
        """Servers end connections that rest for some seconds; another one takes its place."""
        if line in self.idle:
            self.idle.remove(line)
        else:
            self.refused += 1
            self.end()
        if not self.over.is_set():
            task = asyncio.get_running_loop().create_task(self.open())
            self.opening.add(task)
            task.add_done_callback(self.opening.discard)

    def begin(self) -> None:
        self.start = time.perf_counter() + 0.05
        self.tick()

    def due(self, number: int) -> float:
        return self.start + number / self.rate

    def tick(self) -> None:
        while self.sent < self.total and self.due(self.sent) <= time.perf_counter():
            self.late.append(self.sent)
            self.sent += 1
        self.flush()
        if self.sent < self.total:
            wait_s = max(0.0, self.due(self.sent) - time.perf_counter())
            asyncio.get_running_loop().call_later(wait_s, self.tick)

    def flush(self) -> None:
        while self.late and self.idle:
            number = self.late.popleft()
            self.idle.pop().ask(self.requests[number % len(self.requests)], self.due(number))

    def answered(self, line: "Line", *, is_good: bool, due: float) -> None:
        self.last = time.perf_counter()
        if is_good:
            self.took_s.append(self.last - due)
        else:
            self.refused += 1
        self.idle.append(line)
        self.flush()
        self.end()

    def end(self) -> None:
        if len(self.took_s) + self.refused == self.total:
            self.over.set()


class Line(asyncio.Protocol):
    """One connection: a request, its answer, the next."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.due = 0.0
        self.got = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        self.pace.lost(self)

    def ask(self, request: bytes, due: float) -> None:
        self.due, self.got = due, b""
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.got += data
        if _is_whole(self.got):
            self.pace.answered(self, is_good=self.got[9:12] == b"200", due=self.due)


def _is_whole(answer: bytes) -> bool:
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    fields = head.lower()
    _, has_length, rest = fields.partition(b"content-length:")
    if has_length:
        return len(body) >= int(rest.split(b"\r\n", 1)[0])
    return b"transfer-encoding: chunked" in fields and body.endswith(LAST_CHUNK)
