"""What changes something must be JSON: forms and plain text are what other pages may send."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from runlore.web.json_only import CHANGING, JsonOnly


async def _done(_request: object) -> PlainTextResponse:
    return PlainTextResponse("done")


def status(method: str, path: str, headers: dict[str, str], body: bytes | None) -> int:
    every = Route("/{rest:path}", _done, methods=["GET", *CHANGING])
    app = JsonOnly(Starlette(routes=[Mount("/", routes=[every])]), below="/api/")
    transport = httpx.ASGITransport(app=app)

    async def ask() -> int:
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.request(method, path, headers=headers, content=body)
            return answer.status_code

    return asyncio.run(ask())


@pytest.mark.parametrize("method", CHANGING)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": ""},
        {"content-type": "text/plain"},
        {"content-type": "text/plain; application/json"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
    ],
)
def test_what_is_not_json_is_refused(method: str, headers: dict[str, str]) -> None:
    assert status(method, "/api/flows/", headers, b"{}") == 415


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_may_pass(kind: str) -> None:
    assert status("POST", "/api/flows/", {"content-type": kind}, b"{}") == 200


def test_a_request_without_a_body_or_elsewhere_may_pass() -> None:
    assert status("DELETE", "/api/flows/1", {}, None) == 200
    assert status("GET", "/api/flows/1", {"content-type": "text/plain"}, None) == 200
    assert status("POST", "/elsewhere", {"content-type": "text/plain"}, b"x") == 200
