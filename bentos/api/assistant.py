"""The tools of the assistant over HTTP: `POST /mcp`, with the keys and checks of every route."""

import asyncio
from collections.abc import AsyncIterator, Mapping, MutableMapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.access.chain import AccessChain
from bentos.http.bodies import read_body
from bentos.http.errors import Forbidden, Unauthenticated
from bentos.http.identity import key_id_of, key_of
from bentos.http.routing import Endpoint, Scope, Tag
from bentos.http.schemas import Closed
from bentos.http.threads import in_thread
from bentos.predict.live_versions import Serving
from runlore.assistant.actions.context import ToolContext
from runlore.assistant.actions.tools import Tool, call_tool
from runlore.assistant.rules.figures import ToolAnswer
from runlore.kernel import instants
from runlore.serving.actions.api_keys import allows
from runlore.serving.actions.prediction import Predictor

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

LARGEST_BODY = 1 << 30  # `read_body` has the limit of the settings
EXAMPLE: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "look_up_runs", "arguments": {"status": "failed", "limit": 1}},
}


class McpRequest(Closed):
    """A message of the Model Context Protocol; the answer to a notification is empty."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    jsonrpc: Literal["2.0"]
    id: int | str | None = None
    method: str
    params: dict[str, Any] | None = None


class McpResponse(Closed):
    """One of `result` and `error`."""

    jsonrpc: Literal["2.0"]
    id: int | str | None
    result: dict[str, Any] | None = Field(default=None)
    error: dict[str, Any] | None = Field(default=None)


class McpHost:
    """Starts the protocol's server at the first request: the package takes a second to import."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._manager: StreamableHTTPSessionManager | None = None
        self._end = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def manager(self) -> "StreamableHTTPSessionManager":
        async with self._lock:
            if self._manager is None:
                made = await asyncio.to_thread(_make_manager)
                ready = asyncio.Event()
                self._task = asyncio.create_task(self._run(made, ready), name="serve MCP")
                await ready.wait()
                self._manager = made
            return self._manager

    async def close(self) -> None:
        self._end.set()
        if self._task is not None:
            await self._task

    async def _run(self, made: "StreamableHTTPSessionManager", ready: asyncio.Event) -> None:
        async with made.run():
            ready.set()
            await self._end.wait()


@asynccontextmanager
async def mcp_host() -> AsyncIterator[McpHost]:
    host = McpHost()
    try:
        yield host
    finally:
        await host.close()


class ServedChampions:
    """The versions that answer now."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def predictor(self, spec: str) -> Predictor:
        return self._serving.champion(spec).predictor


async def run_tool(request: Request, tool: Tool, arguments: Mapping[str, Any]) -> ToolAnswer:
    """Raises Unauthenticated and Forbidden where the tool's route would."""
    check_scope(request, tool.scope)
    serving: Serving = request.app.state.serving
    context = ToolContext(
        serving.database(),
        ServedChampions(serving),
        instants.now(),
        request.app.state.product.series_specs,
        request.app.state.bounds,
        serving.has_ledger,
        key_id_of(request),
    )
    return await in_thread(
        request, lambda: call_tool(context, tool, arguments), is_recording=tool.is_writing
    )


def check_scope(request: Request, scope: Scope) -> None:
    """A key must allow the tool; without one, as the routes of the scope need none from here."""
    key, access = key_of(request), request.app.state.access
    if key is not None and not allows(key, scope):
        raise Forbidden(
            f"key {key.id} lacks the scope {scope!r}; it has: {', '.join(key.scopes)}", {}
        )
    if key is None and _needs_key(access, request, scope):
        raise Unauthenticated(f"this needs a key with the scope {scope!r}", {})


def _needs_key(access: AccessChain, request: Request, scope: Scope) -> bool:
    return scope in access.scopes_with_key(request)


def _make_manager() -> "StreamableHTTPSessionManager":
    from runlore.assistant.mcp_server import http_manager

    return http_manager(run_tool, LARGEST_BODY)


async def mcp(request: Request) -> Response:
    request.app.state.serving.database()  # raises where there is none
    body = await read_body(request)
    host: McpHost = request.app.state.mcp
    return await _forwarded(await host.manager(), request, body)


async def _forwarded(
    manager: "StreamableHTTPSessionManager", request: Request, body: bytes
) -> Response:
    """The answer of an ASGI application, as a whole: with JSON there is one part."""
    parts = [body]
    response = Response(status_code=500)
    content = bytearray()

    async def receive() -> MutableMapping[str, Any]:
        if parts:
            return {"type": "http.request", "body": parts.pop(), "more_body": False}
        return await request.receive()

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            response.status_code = message["status"]
            response.raw_headers = [
                (name, value)
                for name, value in message.get("headers", ())
                if name.lower() != b"content-length"
            ]
        else:
            content.extend(message.get("body", b""))

    await manager.handle_request(request.scope, receive, send)
    response.body = bytes(content)
    response.raw_headers.append((b"content-length", str(len(content)).encode()))
    return response


ENDPOINTS = (
    Endpoint(
        "POST",
        "/mcp",
        mcp,
        "read",
        "Give an assistant the tools, by the Model Context Protocol",
        {200: ("The answer of the tool", McpResponse)},
        (400, 404, 413, 503),
        McpRequest,
        tag=Tag.ASSISTANT,
        name="mcp",
    ),
)
