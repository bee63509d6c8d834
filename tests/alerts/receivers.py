"""Receivers on this machine: an HTTP server and an SMTP server that keep what they are sent."""

import contextlib
import json
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: Any
    at: float


@dataclass
class Web:
    """status: what it answers; hangs: it answers nothing until that is unset."""

    port: int = 0
    status: int = 200
    answer: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    taken: list[Received] = field(default_factory=list)
    refused: list[Received] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)
    server: Any = None
    thread: Any = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def await_taken(self, count: int, patience_s: float = 60.0) -> list[Received]:
        with self.news:
            assert self.news.wait_for(lambda: len(self.taken) >= count, patience_s), self
        return self.taken


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        web: Web = self.server.web  # type: ignore[attr-defined]
        size = int(self.headers.get("content-length", 0))
        content = self.rfile.read(size)
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.path, headers, json.loads(content), time.time())
        if web.hangs:
            while web.hangs:
                time.sleep(0.02)
            self.close_connection = True
            return
        with web.news:
            is_taken = 200 <= web.status < 300
            (web.taken if is_taken else web.refused).append(received)
            web.news.notify_all()
        self.send_response(web.status)
        for name, value in web.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(web.answer)))
        self.end_headers()
        self.wfile.write(web.answer)

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_arguments: object) -> None:
        """A client that went away."""


@contextmanager
def http_server(web: Web, context: ssl.SSLContext | None = None) -> Iterator[Web]:
    """port: 0 takes a free one, which stays the same when it is served again."""
    start(web, context)
    try:
        yield web
    finally:
        stop(web)


def start(web: Web, context: ssl.SSLContext | None = None) -> None:
    web.server = _HttpServer(("127.0.0.1", web.port), _Handler)
    if context is not None:
        web.server.socket = context.wrap_socket(web.server.socket, server_side=True)
    web.server.web = web
    web.port = web.server.server_address[1]
    web.thread = threading.Thread(target=web.server.serve_forever, args=(0.02,))
    web.thread.start()


def stop(web: Web) -> None:
    web.hangs = False
    web.server.shutdown()
    web.thread.join()
    web.server.server_close()


@dataclass
class Post:
    """An SMTP server of RFC 5321, as far as a submission needs it."""

    port: int = 0
    refuses: bool = False
    drips: bool = False
    context: ssl.SSLContext | None = None
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    at: list[float] = field(default_factory=list)


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        post: Post = self.server.post  # type: ignore[attr-defined]
        self.say("220 here ESMTP")
        to: list[str] = []
        while line := self.rfile.readline():
            word = line.decode().strip()
            verb = word[:4].upper()
            if post.drips:
                while post.drips:
                    self.wfile.write(b"2")
                    time.sleep(0.2)
                return
            if verb == "EHLO":
                self.say("250-here")
                self.say("250-STARTTLS" if post.context else "250-SIZE 1000000")
                self.say("250 AUTH PLAIN")
            elif verb == "STAR":
                self.say("220 go on")
                self.start_tls(post)
            elif verb == "AUTH":
                post.logins.append(word.split()[-1])
                self.say("235 welcome")
            elif verb == "RCPT":
                to.append(word.partition("<")[2].partition(">")[0])
                self.say("550 no such person" if post.refuses else "250 ok")
            elif verb == "DATA":
                self.take(post, to)
                to = []
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        self.connection.close()

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def start_tls(self, post: Post) -> None:
        assert post.context is not None
        self.connection = post.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = socketserver._SocketWriter(self.connection)  # type: ignore[attr-defined]

    def take(self, post: Post, to: list[str]) -> None:
        self.say("354 go ahead")
        content = b""
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            content += line[1:] if line.startswith(b"..") else line
        post.mails.append(message_from_bytes(content, policy=default))  # type: ignore[arg-type]
        post.recipients.append(to)
        post.at.append(time.time())
        self.say("250 taken")


class _SmtpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, *_arguments: object) -> None:
        """A client that went away."""


@contextmanager
def smtp_server(post: Post) -> Iterator[Post]:
    server = _SmtpServer(("127.0.0.1", post.port), _Session)
    server.post = post  # type: ignore[attr-defined]
    post.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield post
    finally:
        post.drips = False
        server.shutdown()
        thread.join()
        server.server_close()
