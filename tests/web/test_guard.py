"""Pages of other sites, names of other sites and strangers are refused before the application."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from runlore.web.guard import PAGE_HEADERS, Guard
from runlore.web.login import Login

LOGIN = Login("runlore", "secret")


async def page(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("in", headers={"X-Frame-Options": "DENY"})


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("in")
    await websocket.close()


def guarded(**options: Any) -> Guard:
    routes = [
        Route("/", page, methods=["GET", "POST"]),
        Route("/health", page),
        WebSocketRoute("/socket", socket),
    ]
    return Guard(Starlette(routes=routes), **options)


def ask(app: Guard, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:4200") as one:
            return await one.request(method, path, headers=headers)

    return asyncio.run(asked())


def connect(app: Guard, origin: str) -> list[dict[str, Any]]:
    """What a websocket's handshake is answered with."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost:4200"), (b"origin", origin.encode())]
    scope = {"type": "websocket", "path": "/socket", "headers": headers, "subprotocols": []}
    asyncio.run(app(scope, receive, send))
    return sent


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "localhost.evil.example:4200"},
        {"host": "127.0.0.1.evil.xyz"},
        {"host": "["},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:8000"},
        {"origin": "http://127.0.0.1:4200"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_foreign_page_or_name_is_refused(method: str, headers: dict[str, str]) -> None:
    response = ask(guarded(), method, "/", headers)
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("host", ["localhost:4200", "127.0.0.1", "[::1]:4200", "prefect:4200"])
def test_own_names_and_the_pages_under_them_come_in(host: str) -> None:
    headers = {"host": host, "origin": f"http://{host}"}
    assert ask(guarded(), "POST", "/", headers).text == "in"


def test_a_named_host_comes_in() -> None:
    headers = {"host": "Runlore.Example.com:443", "origin": "https://runlore.example.com:443"}
    assert ask(guarded(), "GET", "/", headers).status_code == 403
    named = guarded(hosts=["runlore.example.com"])
    assert ask(named, "GET", "/", headers).text == "in"


def test_a_stranger_is_asked_to_log_in_but_not_for_the_health_check() -> None:
    app = guarded(login=LOGIN, open_paths={"/health"})
    response = ask(app, "GET", "/", {})
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Basic ")
    assert ask(app, "GET", "/", {"authorization": "Basic d3Jvbmc6"}).status_code == 401
    assert ask(app, "GET", "/health", {}).text == "in"
    assert ask(app, "GET", "/", {"authorization": LOGIN.header}).text == "in"


def test_a_foreign_page_does_not_come_in_with_a_login_that_the_browser_remembers() -> None:
    headers = {"authorization": LOGIN.header, "origin": "http://evil.example"}
    assert ask(guarded(login=LOGIN), "POST", "/", headers).status_code == 403


def test_a_websocket_of_a_foreign_page_is_refused() -> None:
    ours = [message["type"] for message in connect(guarded(), "http://localhost:4200")]
    assert ours == ["websocket.accept", "websocket.send", "websocket.close"]
    foreign = [message["type"] for message in connect(guarded(), "http://evil.example")]
    assert foreign == ["websocket.close"]


def test_each_answer_has_the_security_headers_and_an_applications_own_stay() -> None:
    headers = ask(guarded(), "GET", "/", {}).headers
    assert headers["x-frame-options"] == "DENY"
    assert headers.get_list("x-frame-options") == ["DENY"]
    assert headers["x-content-type-options"] == PAGE_HEADERS["x-content-type-options"]
    assert "frame-ancestors" in headers["content-security-policy"]


def test_a_page_may_send_nothing_to_other_sites() -> None:
    policy = ask(guarded(), "GET", "/", {}).headers["content-security-policy"]
    assert "connect-src 'self' data: blob:" in policy.split("; ")
