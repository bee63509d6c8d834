"""Bounds on connections, with real sockets against a small application."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn

from runlore.web import connections
from runlore.web.connections import (
    ConnectionLimits,
    OpenConnections,
    UnreadBytes,
    raise_file_limit,
)

REQUEST = b"POST /echo HTTP/1.1\r\nhost: here\r\ncontent-length: 5\r\n\r\nhello"
LIMITS = ConnectionLimits(
    connections=20,
    header_bytes=4096,
    header_count=30,
    header_s=0.3,
    idle_s=0.8,
    crowded_idle_s=0.2,
    crowded_s=0.2,
    body_s=0.3,
    write_s=0.3,
    pipelined=10,
)
PATIENT = ConnectionLimits(connections=20)


@dataclass
class Served:
    registry: OpenConnections
    port: int
    release: threading.Event = field(default_factory=threading.Event)
    clients: list[socket.socket] = field(default_factory=list)

    def connect(self, first: bytes = b"", host: str = "127.0.0.1") -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self.port), 5, (host, 0))
        self.clients.append(sock)
        sock.sendall(first)
        return sock

    def ask(self, sock: socket.socket | None = None) -> bytes:
        """One request with a body; its answer's body."""
        own = sock or self.connect()
        own.sendall(REQUEST)
        answer = read_response(own)
        if sock is None:
            own.close()
        return answer.partition(b"\r\n\r\n")[2]

    def settled(self, count: int) -> None:
        wait_until(lambda: len(self.registry.open) == count)


def wait_until(is_true: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


def read_response(sock: socket.socket) -> bytes:
    """One response with a content-length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += (part := sock.recv(65536))
        assert part, data
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += sock.recv(65536)
    return head + b"\r\n\r\n" + body


def until_closed(sock: socket.socket) -> tuple[bytes, float]:
    """What still came, and after how many seconds the other side closed."""
    began, data = time.monotonic(), b""
    with contextlib.suppress(ConnectionResetError):
        while part := sock.recv(65536):
            data += part
    return data, time.monotonic() - began


def status(data: bytes) -> int:
    return int(data.split(b" ", 2)[1]) if data else 0


def is_open(sock: socket.socket) -> bool:
    sock.settimeout(0.05)
    try:
        return sock.recv(1, socket.MSG_PEEK) != b""
    except TimeoutError:
        return True
    except ConnectionResetError:
        return False
    finally:
        sock.settimeout(5)


def application(release: threading.Event) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await websocket(receive, send)
            return
        assert scope["type"] == "http"
        body, more = b"", scope["path"] != "/early"
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            more = message["more_body"]
        if scope["path"] == "/wait":
            await asyncio.to_thread(release.wait, 10)
        if scope["path"] == "/large":
            body = bytes(64 << 20)
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def websocket(receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        message = await receive()
        await send({"type": "websocket.send", "text": message["text"]})
        await receive()

    return app


@contextlib.contextmanager
def serving(limits: ConnectionLimits) -> Iterator[Served]:
    registry = OpenConnections(limits)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        served = Served(registry, listener.getsockname()[1])
        config = uvicorn.Config(
            application(served.release),
            http=registry.protocol,
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        wait_until(lambda: server.started)
        try:
            yield served
        finally:
            served.release.set()
            for client in served.clients:
                client.close()
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Served, Served]]:
    """One whose limits are short, and one with the usual times for 20 connections."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "SWEEP_S", 0.05)
        with serving(LIMITS) as quick, serving(PATIENT) as patient:
            yield quick, patient


@pytest.fixture
def served(servers: tuple[Served, Served]) -> Iterator[Served]:
    with emptied(servers[0]) as quick:
        yield quick


@pytest.fixture
def patient(servers: tuple[Served, Served]) -> Iterator[Served]:
    with emptied(servers[1]) as one:
        yield one


@contextlib.contextmanager
def emptied(served: Served) -> Iterator[Served]:
    """Without connections at the beginning and at the end."""
    served.release.clear()
    try:
        yield served
    finally:
        served.release.set()
        while served.clients:
            served.clients.pop().close()
        served.settled(0)


def test_an_endless_header_is_refused_at_its_bound(served: Served) -> None:
    sock = served.connect(b"GET / HTTP/1.1\r\nx-endless: ")
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < 100 * LIMITS.header_bytes:
            sent += sock.send(b"a" * 1024)
            time.sleep(0.002)

    assert sent < 20 * LIMITS.header_bytes
    served.settled(0)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nx: " + b"a" * 4096 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"a" * 4096,
        b"GET /" + b"a" * 4096 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 31 + b"\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 32,
    ],
    ids=["whole", "not whole", "request line", "many", "many, not whole"],
)
def test_a_large_header_is_answered_with_431_and_closed(
    served: Served, request_bytes: bytes
) -> None:
    data, after_s = until_closed(served.connect(request_bytes))

    assert status(data) == 431
    assert after_s < 0.3


def test_a_header_within_its_bounds_and_a_body_beyond_them_are_answered(served: Served) -> None:
    head = b"POST /echo HTTP/1.1\r\nx: " + b"a" * 3900 + b"\r\ncontent-length: 500000\r\n\r\n"

    answer = read_response(served.connect(head + bytes(500_000)))

    assert status(answer) == 200
    assert len(answer) > 500_000


def test_a_malformed_request_is_answered_with_400(served: Served) -> None:
    data, _ = until_closed(served.connect(b"NONSENSE\r\n\r\n"))

    assert status(data) == 400


@pytest.mark.parametrize("begin", [b"0\r\nx-trailer: ", b"1;"], ids=["trailer", "extension"])
def test_trailers_and_chunk_extensions_have_the_bound_of_a_header(
    patient: Served, begin: bytes
) -> None:
    head = b"POST /wait HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n"
    sock, sent = patient.connect(head + begin), 0
    with contextlib.suppress(ConnectionError):
        while sent < 4 << 20:
            sent += sock.send(b"a" * 8192)
            time.sleep(0.001)

    assert sent < 1 << 20
    patient.settled(0)


def test_a_trickling_header_is_ended_in_time_whatever_arrives(served: Served) -> None:
    sock = served.connect(b"GET / HTTP/1.1\r\nx: ")
    began = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < began + 3 and is_open(sock):
            sock.sendall(b"a")

    assert 0.2 < time.monotonic() - began < 0.7


def test_a_header_that_stops_is_answered_with_408(served: Served) -> None:
    data, after_s = until_closed(served.connect(b"GET / HTTP/1.1\r\nx: "))

    assert status(data) == 408
    assert 0.2 < after_s < 0.7


def test_a_connection_that_says_nothing_is_closed_without_an_answer(served: Served) -> None:
    data, after_s = until_closed(served.connect())

    assert data == b""
    assert 0.2 < after_s < 0.7


def test_the_deadline_of_a_further_header_begins_with_its_first_byte(served: Served) -> None:
    sock = served.connect()
    served.ask(sock)
    time.sleep(0.5)

    sock.sendall(b"GET")
    data, after_s = until_closed(sock)

    assert status(data) == 408
    assert 0.2 < after_s < 0.7


def test_an_idle_connection_is_kept_for_its_time_whatever_empty_lines_arrive(
    served: Served,
) -> None:
    sock = served.connect()
    assert served.ask(sock) == b"hello"
    began = time.monotonic()
    while time.monotonic() < began + 5 and is_open(sock):
        with contextlib.suppress(ConnectionError):
            sock.sendall(b"\r\n")

    assert 0.7 < time.monotonic() - began < 1.2


def test_idle_connections_leave_sooner_while_it_is_crowded(served: Served) -> None:
    socks = [served.connect() for _ in range(12)]
    for sock in socks:
        served.ask(sock)

    _, after_s = until_closed(socks[-1])

    assert after_s < 0.5


def test_a_body_that_stops_is_cut_off_and_one_that_comes_is_not(served: Served) -> None:
    head = b"POST /echo HTTP/1.1\r\ncontent-length: 10\r\n\r\n"
    stopped, coming = served.connect(head), served.connect(head)
    for _ in range(10):
        time.sleep(0.06)
        coming.sendall(b"x")

    assert status(read_response(coming)) == 200
    assert not is_open(stopped)


def test_a_body_that_trickles_on_after_its_answer_is_cut_off(served: Served) -> None:
    sock = served.connect(b"POST /early HTTP/1.1\r\ncontent-length: 100000\r\n\r\n")
    assert status(read_response(sock)) == 200
    began = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < began + 3 and is_open(sock):
            sock.sendall(b"x")

    assert time.monotonic() - began < 0.7


def test_an_answer_that_nobody_reads_is_aborted(served: Served) -> None:
    sock = served.connect(b"GET /large HTTP/1.1\r\n\r\n")
    served.settled(1)

    served.settled(0)

    assert sock.recv(10) == b"HTTP/1.1 2"


def test_an_answer_that_is_read_slowly_arrives_whole(served: Served) -> None:
    sock = served.connect(b"GET /large HTTP/1.1\r\n\r\n")
    size, began = 0, time.monotonic()
    while size < 64 << 20:
        size += len(part := sock.recv(1 << 18))
        assert part
        time.sleep(0.01 if time.monotonic() < began + 0.8 else 0)

    assert time.monotonic() > began + 2 * LIMITS.write_s


def test_pipelined_requests_are_answered_in_order_up_to_a_bound(served: Served) -> None:
    sock = served.connect(REQUEST * 5)
    answers = b""
    while answers.count(b"hello") < 5:
        answers += sock.recv(65536)
    assert served.ask(sock) == b"hello"

    data, _ = until_closed(served.connect(REQUEST * 100))
    assert data.count(b"200 OK") < 100


def test_websockets_work_and_count_as_connections(served: Served) -> None:
    from websockets.sync.client import connect

    with connect(f"ws://127.0.0.1:{served.port}/") as websocket:
        wait_until(lambda: served.registry.count == 1)
        assert len(served.registry.open) == 0
        time.sleep(2 * LIMITS.header_s)
        websocket.send("hello")
        assert websocket.recv() == "hello"
    wait_until(lambda: served.registry.count == 0)


def test_at_the_cap_those_go_that_asked_nothing_the_oldest_first(patient: Served) -> None:
    asked = patient.connect()
    patient.ask(asked)
    waiting = patient.connect(b"GET /wait HTTP/1.1\r\n\r\n")
    silent = [patient.connect() for _ in range(18)]
    patient.settled(20)

    new = patient.connect()

    assert patient.ask(new) == b"hello"
    assert [is_open(sock) for sock in silent[:3]] == [False, True, True]
    assert patient.ask(asked) == b"hello"
    patient.release.set()
    assert status(read_response(waiting)) == 200


def test_at_the_cap_the_address_with_most_connections_gives_way(patient: Served) -> None:
    others = [patient.connect(host="127.0.0.2") for _ in range(4)]
    greedy = [patient.connect(host="127.0.0.3") for _ in range(40)]

    patient.settled(20)
    assert all(is_open(sock) for sock in others)
    assert sum(is_open(sock) for sock in greedy) == 16
    assert patient.ask() == b"hello"


def test_where_every_connection_is_being_answered_a_new_one_is_refused(patient: Served) -> None:
    socks = [patient.connect(b"GET /wait HTTP/1.1\r\n\r\n") for _ in range(20)]
    patient.settled(20)
    wait_until(lambda: all(one.is_answering for one in patient.registry.open))

    data, _ = until_closed(patient.connect())

    assert status(data) == 503
    patient.release.set()
    assert [status(read_response(sock)) for sock in socks] == [200] * 20


def test_honest_requests_are_answered_during_a_flood_of_silent_connections(
    patient: Served,
) -> None:
    for _ in range(200):
        patient.connect(b"GET / HTTP/1.1\r\nx: ")
        assert patient.ask() == b"hello"

    assert len(patient.registry.open) <= 20


class UnreadTransport:
    """A transport whose client reads nothing."""

    aborted = False

    def get_write_buffer_size(self) -> int:
        return 1000

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted


def test_a_websocket_that_nobody_reads_is_ended() -> None:
    registry, transport = OpenConnections(ConnectionLimits(write_s=10.0)), UnreadTransport()
    registry._websockets[transport] = UnreadBytes()
    for now in (0.0, 9.0):
        registry.now = now
        registry._sweep_websockets()
        assert not transport.aborted
    registry.now = 11.0
    registry._sweep_websockets()
    assert transport.aborted
    assert registry.count == 0


def test_the_soft_limit_of_files_becomes_the_hard_one() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        raise_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
