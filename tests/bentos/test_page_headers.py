"""Browsers are told to run nothing of an answer, to frame no page, and to guess no type."""

import asyncio
import base64
import hashlib
import re

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from bentos.http import page_headers
from bentos.http.page_headers import LINES
from bentos.predict.shortcut import Fork

ANN = {"actor": "ann", "kind": "build", "scope": "web", "inputs": {"nodes": 4}}
PATHS = ["/docs", "/docs.json", "/metrics", "/nowhere", "/executions/x", "/alerts"]
FILES = ["/static_content/swagger-ui.css", "/static_content/nothing"]


@pytest.mark.parametrize("path", [*PATHS, *FILES, "/executions/%0a"])
def test_every_answer_has_the_headers_once(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert headers.get_list("x-frame-options") == ["DENY"]
    assert headers.get_list("referrer-policy") == ["no-referrer"]
    [policy] = headers.get_list("content-security-policy")
    assert policy.startswith("default-src 'none'; ")
    assert policy.endswith("frame-ancestors 'none'")


def test_the_page_allows_its_own_script_and_no_other(client: httpx.Client) -> None:
    page = client.get("/docs")
    policy = page.headers["content-security-policy"]
    [script] = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}'; " in policy
    assert "unsafe-eval" not in policy
    assert policy.count("unsafe-inline") == 1
    assert "style-src 'self' 'unsafe-inline'; " in policy


def test_the_short_way_to_predictions_has_them_too(client: httpx.Client) -> None:
    """`Fork` calls the endpoints and no middleware."""

    async def endpoint(_: Request) -> Response:
        return Response(b"{}")

    sent: list[dict] = []

    async def send(message: dict) -> None:
        sent.append(message)

    fork = Fork.__new__(Fork)
    fork.ours, fork.one = None, endpoint
    scope = {"type": "http", "path": "/predict/x", "method": "POST", "headers": []}
    asyncio.run(fork(scope, None, send))
    assert set(LINES) <= set(sent[0]["headers"])
    assert client.post("/predict/duration", json=ANN).headers["x-frame-options"] == "DENY"


def test_a_page_brings_its_own_policy() -> None:
    assert list(page_headers.of_page("x")) == ["Content-Security-Policy"]
