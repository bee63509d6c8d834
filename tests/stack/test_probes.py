"""A service without a port is well while it touches its file; Prefect wants a login and a token."""

import json
import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from runlore.kernel import instants
from runlore.stack.probes import HeartbeatProbe
from runlore.web.login import read_login
from runlore.web.prefect_api import NoAnswer, PrefectApi


def test_a_file_that_is_not_there_or_is_old_is_no_answer(tmp_path: Path) -> None:
    file = tmp_path / "beat"
    probe = HeartbeatProbe(file)
    with pytest.raises(NoAnswer, match="not there yet"):
        probe.check(instants.EPOCH)
    file.touch()
    probe.check(instants.EPOCH)
    with pytest.raises(NoAnswer, match="not touched since"):
        probe.check(instants.now() + timedelta(hours=1))
    before = (instants.now() - timedelta(minutes=1)).timestamp()
    os.utime(file, (before, before))
    with pytest.raises(NoAnswer, match="not touched since"):
        probe.check(instants.EPOCH)


class Asked(BaseHTTPRequestHandler):
    """A Prefect server as `PrefectApi` sees one: it hands out tokens, or it does not."""

    tokens = True
    seen: ClassVar[list[tuple[str, str, dict[str, str]]]] = []

    def do_GET(self) -> None:
        self.seen.append(("GET", self.path, dict(self.headers)))
        self._answer(200 if self.tokens else 422, {"token": "of the client"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append(("POST", self.path, dict(self.headers)))
        self._answer(200, ["one"])

    def _answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def prefect() -> Iterator[tuple[str, type[Asked]]]:
    handler = type("Handler", (Asked,), {"seen": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api", handler
        server.shutdown()


def test_a_post_to_prefect_brings_the_login_of_the_home_and_a_token(
    tmp_path: Path, prefect: tuple[str, type[Asked]]
) -> None:
    url, handler = prefect
    assert PrefectApi(url, tmp_path).post("/flows/filter", {}) == ["one"]
    (_, asked, first), (_, path, second) = handler.seen
    client = asked.removeprefix("/api/csrf-token?client=")
    assert path == "/api/flows/filter"
    assert first["Authorization"] == second["Authorization"] == read_login(tmp_path).header
    assert second["Prefect-Csrf-Token"] == "of the client"
    assert second["Prefect-Csrf-Client"] == client


def test_a_server_of_the_user_gets_the_users_login_and_no_token_where_there_is_none(
    prefect: tuple[str, type[Asked]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, handler = prefect
    handler.tokens = False
    monkeypatch.delenv("PREFECT_API_AUTH_STRING", raising=False)
    monkeypatch.setenv("PREFECT_API_KEY", "of the cloud")
    assert PrefectApi(url, None).post("/flows/filter", {}) == ["one"]
    headers = handler.seen[-1][2]
    assert headers["Authorization"] == "Bearer of the cloud"
    assert "Prefect-Csrf-Token" not in headers
