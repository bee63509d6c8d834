"""Clients that hold connections open, in one process that uses little of a processor.

headers: 8 connections send a header without end. flood: the same, and connect again when closed.
trickle: 1,000 connections send one byte of a header per second. idle: 1,000 connections send
nothing. rested: 1,000 connections ask once and then send nothing.
"""

import selectors
import socket
import time
from collections import Counter

CONNECTIONS = {"headers": 8, "flood": 8, "trickle": 1000, "idle": 1000, "rested": 1000}
BEGINNING = b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n"
ONE_VALUE, MANY_LINES = b"a" * 65_536, b"a: a\r\n" * 10_000
SLICES = 10  # of a second: so many parts of the connections send their byte one after the other


class Attack:
    """Connections of one kind, in one process."""

    def __init__(self, kind: str, port: int) -> None:
        self.kind, self.port = kind, port
        self.selector = selectors.DefaultSelector()
        self.open: dict[socket.socket, int] = {}
        self.began = time.monotonic()
        self.answers: Counter[str] = Counter()
        self.opened = self.sent_bytes = 0

    def run(self, seconds: float) -> dict[str, object]:
        for number in range(CONNECTIONS[self.kind]):
            self._connect(number)
        gone_s, turn = None, 0
        while (now := time.monotonic() - self.began) < seconds:
            for key, events in self.selector.select(0.02):
                self._handle(key.fileobj, events)  # type: ignore[arg-type]
            while self.kind == "trickle" and turn < now * SLICES:
                turn += 1
                for sock in [s for s, n in self.open.items() if n % SLICES == turn % SLICES]:
                    self._send(sock, b"a")
            if not self.open:
                gone_s = round(now, 1)
                break
        left = len(self.open)
        for sock in list(self.open):
            self._close(sock)
        mb = round(self.sent_bytes / 2**20, 1)
        return {"opened": self.opened, "left": left, "gone_s": gone_s, "sent_mb": mb} | {
            "answers": dict(self.answers)
        }

    def _connect(self, number: int) -> None:
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", self.port))
        self.open[sock] = number
        self.opened += 1
        self.selector.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def _handle(self, sock: socket.socket, events: int) -> None:
        if events & selectors.EVENT_READ:
            self._read(sock)
        if events & selectors.EVENT_WRITE and sock in self.open:
            number = self.open[sock]
            if self.kind in ("headers", "flood"):
                is_new = self.selector.get_key(sock).data is None
                start = BEGINNING + b"x: " * (number % 2)
                self._send(sock, start if is_new else ONE_VALUE if number % 2 else MANY_LINES)
                if sock in self.open:
                    self.selector.modify(
                        sock, selectors.EVENT_READ | selectors.EVENT_WRITE, "begun"
                    )
                return
            self.selector.modify(sock, selectors.EVENT_READ)
            if self.kind != "idle":
                self._send(sock, BEGINNING + (b"\r\n" if self.kind == "rested" else b"x: "))

    def _read(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(65_536)
        except OSError as error:
            self.answers[type(error).__name__] += 1
            data = b""
        if data.startswith(b"HTTP/1.1 "):
            self.answers[data[9:12].decode()] += 1
        if not data:
            self._close(sock)

    def _send(self, sock: socket.socket, data: bytes) -> None:
        try:
            self.sent_bytes += sock.send(data)
        except BlockingIOError:
            return
        except OSError as error:
            self.answers[type(error).__name__] += 1
            self._close(sock)

    def _close(self, sock: socket.socket) -> None:
        self.selector.unregister(sock)
        number = self.open.pop(sock)
        sock.close()
        if self.kind == "flood":
            self._connect(number)


def attack(kind: str, port: int, seconds: float) -> dict[str, object]:
    return Attack(kind, port).run(seconds)
