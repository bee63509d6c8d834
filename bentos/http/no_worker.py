"""Answers 503 on the listening socket while no worker can: at once, instead of never.

A connection that nobody accepts waits in the kernel's queue until a worker is there again, and its
client cannot know why. The supervisor of the workers uses this in its own loop; it needs no thread.
"""

import json
import socket
from contextlib import suppress
from dataclasses import dataclass

from bentos.http.errors import MEDIA_TYPE, Problem

RETRY_AFTER_S = 5  # a worker needs about this long to start
MAX_CONNECTIONS = 256  # the others wait in the queue, for milliseconds
LINGER_S = 2.0  # for a client to send the rest of its request and to close
CHUNK_BYTES = 65_536
BROWSER = b"text/html"  # what a browser says that it takes
PAGE = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="{RETRY_AFTER_S}">
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<title>Starting · Runlore</title></head>
<body style="font: 16px system-ui, sans-serif; margin: 2rem"><h1>Runlore is starting</h1>
<p>This page loads itself again in a few seconds.</p></body></html>
"""
DETAIL = "no worker process is ready; one is being started; try again in a few seconds"


@dataclass
class _Visitor:
    connection: socket.socket
    until: float
    has_answer: bool = False


class NoWorkerResponder:
    """Accepts connections from `listener`, which does not block, and answers each with 503.

    An answer comes after the first bytes of a request; the rest of the request is read and thrown
    away, because a connection closed with unread bytes would take the answer along.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._visitors: dict[int, _Visitor] = {}
        self._answer, self._page = _answer(), _page()

    def sources(self, *, accepts: bool) -> list[socket.socket]:
        """What to wait for. accepts: whether there is no worker now."""
        if self._listener.fileno() < 0:
            return []
        connections = [visitor.connection for visitor in self._visitors.values()]
        return [self._listener, *connections] if accepts and self._has_room() else connections

    def handle(self, readable: list[socket.socket], now: float) -> None:
        """Answer what is readable, and close what is done or too slow."""
        if self._listener in readable:
            self._accept(now)
        for number, visitor in list(self._visitors.items()):
            is_over = now > visitor.until
            if visitor.connection in readable:
                is_over = self._read(visitor) or is_over
            if is_over:
                self._respond(visitor)
                visitor.connection.close()
                del self._visitors[number]

    def close(self) -> None:
        for visitor in self._visitors.values():
            visitor.connection.close()
        self._visitors.clear()

    def _has_room(self) -> bool:
        return len(self._visitors) < MAX_CONNECTIONS

    def _accept(self, now: float) -> None:
        with suppress(OSError):
            while self._has_room():
                connection, _ = self._listener.accept()
                connection.setblocking(False)
                self._visitors[connection.fileno()] = _Visitor(connection, now + LINGER_S)

    def _read(self, visitor: _Visitor) -> bool:
        """Whether the client has closed its side."""
        try:
            received = visitor.connection.recv(CHUNK_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            return True
        self._respond(visitor, is_browser=BROWSER in received)
        return not received

    def _respond(self, visitor: _Visitor, *, is_browser: bool = False) -> None:
        if visitor.has_answer:
            return
        visitor.has_answer = True
        with suppress(OSError):  # the client has gone
            visitor.connection.send(self._page if is_browser else self._answer)
            visitor.connection.shutdown(socket.SHUT_WR)


def _answer() -> bytes:
    return _response(MEDIA_TYPE, json.dumps(Problem(503, DETAIL).body()).encode())


def _page() -> bytes:
    """For a browser, which loads it again until a worker answers."""
    return _response("text/html; charset=utf-8", PAGE.encode())


def _response(media_type: str, body: bytes) -> bytes:
    head = (
        "HTTP/1.1 503 Service Unavailable",
        f"Content-Type: {media_type}",
        f"Content-Length: {len(body)}",
        f"Retry-After: {RETRY_AFTER_S}",
        "Cache-Control: no-store",
        "Connection: close",
        "\r\n",
    )
    return "\r\n".join(head).encode() + body
