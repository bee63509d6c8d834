"""The tools over the Model Context Protocol, revisions 2026-07-28 and 2025-11-25.

This is the one module that knows the package `mcp`, with the command and the route that serve it.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import mcp_types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)

from runlore import __version__
from runlore.assistant.actions.documents import (
    ANSWER_SCHEMA,
    answer_document,
    error_text,
    input_schema,
)
from runlore.assistant.actions.tools import TOOLS, Tool, find_tool
from runlore.assistant.rules.figures import ToolAnswer
from runlore.assistant.rules.log_text import NOTICE

# Takes the HTTP request (None over stdio), the tool and its arguments.
RunTool = Callable[[Any, Tool, Mapping[str, Any]], Awaitable[ToolAnswer]]
INSTRUCTIONS = (
    f"Runlore knows past runs of jobs and predicts new ones. {NOTICE} Give each number with its"
    " interval, n and as_of; null is unknown. Pass on what `truncated` says."
)


def make_server(run_tool: RunTool, read_only: bool = False) -> Server[Any]:
    """run_tool: does the work, away from the event loop. read_only: lists no tool that records."""
    logging.getLogger("mcp").setLevel(logging.WARNING)  # it logs each request

    async def list_tools(
        context: ServerRequestContext[Any], params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return ListToolsResult(tools=listed_tools(read_only))

    async def call_tool(
        context: ServerRequestContext[Any], params: CallToolRequestParams
    ) -> CallToolResult:
        try:
            tool = find_tool(params.name)
            answer = await run_tool(context.request, tool, params.arguments or {})
        except Exception as error:  # noqa: BLE001  (the edge: the assistant gets every error)
            text = TextContent(type="text", text=error_text(error))
            return CallToolResult(content=[text], is_error=True)
        document = answer_document(answer)
        copy = TextContent(type="text", text=json.dumps(document, ensure_ascii=False))
        return CallToolResult(content=[copy], structured_content=document)

    return Server(
        "runlore",
        version=__version__,
        title="Runlore",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def listed_tools(read_only: bool = False) -> list[mcp_types.Tool]:
    return [
        mcp_types.Tool(
            name=tool.name,
            description=tool.description,
            input_schema=dict(input_schema(tool)),
            output_schema=ANSWER_SCHEMA,
            annotations=_annotations(tool),
        )
        for tool in TOOLS
        if not (read_only and tool.is_writing)
    ]


def _annotations(tool: Tool) -> ToolAnnotations:
    """A prediction is put on the ledger, and changes nothing that anybody recorded."""
    if not tool.is_writing:
        return ToolAnnotations(read_only_hint=True, open_world_hint=False)
    return ToolAnnotations(
        read_only_hint=False,
        destructive_hint=False,
        idempotent_hint=True,
        open_world_hint=False,
    )


async def serve_stdio(run_tool: RunTool, read_only: bool = False) -> None:
    """Serve one client until it closes standard input."""
    server = make_server(run_tool, read_only)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def http_manager(run_tool: RunTool, largest_body: int) -> StreamableHTTPSessionManager:
    """Each request stands alone, and is answered with JSON. largest_body: in bytes.

    Who may come in is for the caller to check: keys, host and origin.
    """
    return StreamableHTTPSessionManager(
        make_server(run_tool),
        json_response=True,
        stateless=True,
        max_request_body_size=largest_body,
    )
