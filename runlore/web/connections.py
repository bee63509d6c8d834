"""HTTP connections with bounds: uvicorn's httptools protocol, and a registry of what is open.

uvicorn itself has no bound on the bytes of a header, no deadline for it, no cap on connections
that evicts, and no end for a response that nobody reads. One `OpenConnections` per process has all
four. It looks at its connections once a second; a request costs it no timer.
"""

import logging
import resource
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

MAX_CONNECTIONS = 10_000  # per process
RESERVED_FILES = 200  # file descriptors for the database, models, logs and child processes
SWEEP_S = 1.0
EVICTED_SHARE = 0.02  # of the cap, at once: looking for the least useful ones costs a full pass
WARN_EVERY_S = 60.0
SLOWEST_READ_BYTES = 64 << 10  # what a client must read within `ConnectionLimits.write_s`
NETWORK_BITS = 64  # of an IPv6 address: one host has as many addresses below that as it likes

NEW, IDLE, SENDING, WORKING = range(4)  # in the order of eviction; SENDING: either side still does

log = logging.getLogger("runlore.connections")


@dataclass(frozen=True)
class ConnectionLimits:
    """What connections of one process may cost. Times in seconds."""

    connections: int = MAX_CONNECTIONS
    header_bytes: int = 64 << 10  # with the request line; a pipelined one may have a read more
    header_count: int = 100
    header_s: float = 10.0  # from the connect, or from a further request's first byte
    idle_s: float = 75.0  # longer than proxies commonly keep theirs, so that they close first
    crowded_idle_s: float = 10.0
    crowded_s: float = 15.0  # how long more than half of `connections` counts as crowded
    body_s: float = 30.0  # without a byte of it
    write_s: float = 30.0  # without `SLOWEST_READ_BYTES` read
    pipelined: int = 100  # requests that wait for the answer to one before them


def raise_file_limit() -> int:
    """Raise this process's soft limit of open files to the hard one, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # macOS has a hard limit that it does not grant
            hard = soft
    return MAX_CONNECTIONS + RESERVED_FILES if hard == resource.RLIM_INFINITY else hard


def connection_cap(files: int) -> int:
    """How many connections a process may hold that may have so many files open.

    >>> [connection_cap(files) for files in (256, 1024, 1_048_576)]
    [128, 824, 10000]
    """
    return min(MAX_CONNECTIONS, max(files - RESERVED_FILES, files // 2))


class BoundExceeded(Exception):
    """A bound was passed while a header was parsed."""


@dataclass
class UnreadBytes:
    """What waits to be sent on a connection, and since when next to nothing of it was read."""

    size: int = 0
    since: float | None = None

    def is_stuck(self, size: int, now: float, patience_s: float) -> bool:
        """Whether the client reads nothing, or next to nothing, for so long."""
        if not size:
            self.since = None
            return False
        if self.since is None or size <= self.size - SLOWEST_READ_BYTES:
            self.size, self.since = size, now
        return now - self.since > patience_s


class Connection(HttpToolsProtocol):
    """One connection. `registry` is set by `OpenConnections.protocol`."""

    registry: ClassVar["OpenConnections"]

    is_in_header = True
    is_complete = False  # whether the last request has arrived whole
    received = 0  # bytes of this header, or of what is no body since this body's last byte
    since = 0.0  # when the present phase began
    refusal = 400  # status for what the parser stopped at

    @cached_property
    def unread(self) -> UnreadBytes:
        return UnreadBytes()

    @cached_property
    def network(self) -> str:
        """What counts as one address: an IPv4 address, or an IPv6 network."""
        address = self.client[0].partition("%")[0] if self.client else ""
        if ":" not in address:
            return address
        parsed = ip_address(address)
        mapped = getattr(parsed, "ipv4_mapped", None)
        return str(mapped or ip_network((parsed, NETWORK_BITS), strict=False))

    @property
    def is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def phase(self) -> int:
        if self.is_answering:
            return WORKING if self.is_complete else SENDING
        if self.is_in_header:
            return NEW
        return SENDING if self.transport.get_write_buffer_size() else IDLE

    def connection_made(self, transport: "asyncio.Transport") -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.registry.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.registry.open.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        super().data_received(data)
        if self.is_complete or self.transport.is_closing():
            return
        if self.received > self.registry.limits.header_bytes or self._has_many_headers():
            self.refuse(431)
        elif not self.is_in_header and self.is_answering:
            self.since = self.registry.now

    def _has_many_headers(self) -> bool:
        return bool(self.headers) and len(self.headers) > self.registry.limits.header_count

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self.is_complete:  # a further request; the first one's time began with the connect
            self.since = self.registry.now
        self.is_in_header, self.is_complete = True, False

    def on_headers_complete(self) -> None:
        limits = self.registry.limits
        is_large = self.received > limits.header_bytes and self._header_size() > limits.header_bytes
        if is_large or self._has_many_headers():
            self.refusal = 431
            raise BoundExceeded
        super().on_headers_complete()
        if len(self.pipeline) > limits.pipelined:
            raise BoundExceeded
        self.is_in_header, self.received = False, 0

    def _header_size(self) -> int:
        """Of a header that is complete; what came with it in one read may be its body."""
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def on_body(self, body: bytes) -> None:
        self.received = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.is_complete, self.received = True, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """As uvicorn has it, without its timer for each request: the registry looks by itself."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.since = self.registry.now
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    def handle_websocket_upgrade(self) -> None:
        self.registry.hand_over(self)
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn when the parser stopped."""
        self.refuse(self.refusal, msg)

    def refuse(self, status: int, reason: str = "") -> None:
        """Answer with a status and close. While an answer is under way another would be mistaken
        for it: then it closes only."""
        if self.is_answering:
            self.transport.abort()
            return
        body = (reason or STATUS_LINE[status][9:-2].decode()).encode()
        head = [*self.server_state.default_headers]
        head.append((b"content-type", b"text/plain; charset=utf-8"))
        head.append((b"content-length", str(len(body)).encode()))
        head.append((b"connection", b"close"))
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in head)
        self.transport.write(STATUS_LINE[status] + lines + b"\r\n" + body)
        self.transport.close()

    def drop(self) -> None:
        """Close at once: what waits to be sent might wait for ever."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def check(self, now: float, idle_s: float) -> None:
        """Close what is over time."""
        limits = self.registry.limits
        waiting = self.transport.get_write_buffer_size()
        if self.unread.is_stuck(waiting, now, limits.write_s):
            self.transport.abort()
            return
        phase, age = self.phase, now - self.since
        if self.transport.is_closing() or phase == WORKING:
            return
        if self.is_answering:
            if age > limits.body_s and not self.flow.read_paused:
                self.transport.abort()
        elif not self.is_complete:  # a header, or a body whose request is answered already
            if age > limits.header_s:
                self._expire()
        elif phase == SENDING:
            self.since = now
        elif age > idle_s:
            self.drop()

    def _expire(self) -> None:
        """A client that has sent nothing did not ask: it gets no answer."""
        if self.is_in_header and self.received:
            self.refuse(408)
        else:
            self.drop()


class OpenConnections:
    """The open connections of one process, oldest first."""

    def __init__(self, limits: ConnectionLimits | None = None) -> None:
        self.limits = limits or ConnectionLimits(connection_cap(raise_file_limit()))
        self.open: dict[Connection, None] = {}
        self.now = 0.0  # of the loop's clock, as of the last sweep or connect
        self._websockets: dict[asyncio.Transport, UnreadBytes] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._crowded_at = float("-inf")
        self._warned_at = float("-inf")

    @property
    def protocol(self) -> type[Connection]:
        """For `uvicorn.Config(http=...)`."""
        return type("Connection", (Connection,), {"registry": self})

    @property
    def count(self) -> int:
        return len(self.open) + len(self._websockets)

    def add(self, connection: Connection) -> None:
        """Take in a new connection; when there is no room, others must go."""
        self.now = connection.since = connection.loop.time()
        if self._timer is None:
            self._timer = connection.loop.call_later(SWEEP_S, self._sweep, connection.loop)
        if self.count >= self.limits.connections:
            self._evict()
        self.open[connection] = None
        if self.count > self.limits.connections:
            connection.refuse(503)

    def hand_over(self, connection: Connection) -> None:
        """A websocket is another protocol's from now on; it still is an open connection."""
        self.open.pop(connection, None)
        self._websockets[connection.transport] = UnreadBytes()

    def _sweep(self, loop: "asyncio.AbstractEventLoop") -> None:
        self.now = loop.time()
        self._sweep_websockets()
        if self.count > self.limits.connections // 2:
            self._crowded_at = self.now
        is_crowded = self.now - self._crowded_at <= self.limits.crowded_s
        idle_s = self.limits.crowded_idle_s if is_crowded else self.limits.idle_s
        for connection in list(self.open):
            connection.check(self.now, idle_s)
        self._timer = loop.call_later(SWEEP_S, self._sweep, loop) if self.count else None

    def _sweep_websockets(self) -> None:
        """Forget those that are closed, and end those that nobody reads."""
        for transport, unread in list(self._websockets.items()):
            size = transport.get_write_buffer_size()
            if unread.is_stuck(size, self.now, self.limits.write_s):
                transport.abort()
            if transport.is_closing():
                self._websockets.pop(transport)

    def _evict(self) -> None:
        """Close the least valuable connections of the addresses that have most: first what never
        sent a whole request, the oldest first, then idle ones, then what still sends its
        request. A request that is being answered stays."""
        shares = Counter(connection.network for connection in self.open)
        ranked = sorted(
            (-shares[connection.network], phase, connection.since, position)
            for position, connection in enumerate(self.open)
            if (phase := connection.phase) != WORKING
        )
        standing = list(self.open)
        for *_, position in ranked[: max(1, int(self.limits.connections * EVICTED_SHARE))]:
            connection = standing[position]
            connection.drop()
            self.open.pop(connection, None)
        if self.now - self._warned_at > WARN_EVERY_S:
            self._warned_at = self.now
            log.warning(
                "%d connections are open, as many as may be; the least useful are closed",
                self.limits.connections,
            )
