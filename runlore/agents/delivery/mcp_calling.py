"""Let a tool of an MCP server do tasks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from runlore.agents.delivery.attempt import AttemptFailed, OutsideAgent, SentTask
from runlore.agents.delivery.outside import (
    OutsideLimits,
    headers_with,
    limited,
    pin,
    refuse_encoded,
)

if TYPE_CHECKING:
    from mcp_types import CallToolResult

RENEWALS_PER_LEASE = 3.0
META = "runlore/task"


class _LimitedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: Any, max_bytes: int) -> None:  # noqa: ANN401
        self._stream, self._max_bytes = stream, max_bytes

    def __aiter__(self) -> AsyncIterator[bytes]:
        return limited(self._stream, self._max_bytes, httpx2.ReadError)

    async def aclose(self) -> None:
        await self._stream.aclose()


@asynccontextmanager
async def opened(agent: OutsideAgent, limits: OutsideLimits) -> AsyncIterator[Client]:
    """A client of an agent's MCP server."""

    async def check(request: httpx2.Request) -> None:
        await pin(request, limits)

    async def bound(response: httpx2.Response) -> None:
        refuse_encoded(response)
        response.stream = _LimitedStream(response.stream, limits.max_bytes)

    async with httpx2.AsyncClient(
        headers=headers_with(agent.token),
        timeout=httpx2.Timeout(limits.request_s, read=None),  # a tool may take long
        trust_env=False,
        event_hooks={"request": [check], "response": [bound]},
    ) as http:
        transport = streamable_http_client(agent.address, http_client=http)
        async with Client(transport) as client:
            yield client


async def call_by_mcp(agent: OutsideAgent, task: SentTask, limits: OutsideLimits) -> object:
    """The output of the task. Raises AttemptFailed and LeaseLost, and what the library raises."""
    async with opened(agent, limits) as client:
        meta: Any = {META: task.metadata}
        called = asyncio.create_task(
            client.call_tool(agent.tool or "", dict(task.input), meta=meta)
        )
        try:
            while not called.done():
                await asyncio.wait({called}, timeout=task.lease_s / RENEWALS_PER_LEASE)
                if not called.done():
                    await task.renew()
        finally:
            called.cancel()
        return _output(called.result())


async def has_tool(agent: OutsideAgent, limits: OutsideLimits) -> bool:
    """Whether the server answers and has the agent's tool."""
    async with opened(agent, limits) as client:
        listed = await client.list_tools()
    return any(tool.name == agent.tool for tool in listed.tools)


def _output(result: "CallToolResult") -> object:
    texts = [part.text for part in result.content if part.type == "text"]
    if result.is_error:
        raise AttemptFailed("the tool failed: " + (" ".join(texts) or "no reason given"))
    if result.structured_content is not None:
        return result.structured_content
    return {"text": "\n".join(texts)}
