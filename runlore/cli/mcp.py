"""`runlore mcp`: the tools of the assistant over standard input and output."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.output import Json, echo, emit_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runlore.app import App
    from runlore.assistant.actions.tools import Tool
    from runlore.assistant.mcp_server import RunTool
    from runlore.assistant.rules.figures import ToolAnswer

ReadOnly = Annotated[
    bool, typer.Option("--read-only", help="Offer no tool that records, and refuse its calls.")
]
ListTools = Annotated[bool, typer.Option("--list", help="List the tools and end.")]


def mcp(read_only: ReadOnly = False, list_tools: ListTools = False, json: Json = False) -> None:
    """Serve the tools to an assistant over standard input and output (MCP).

    An assistant starts this command by itself. It works on the home of RUNLORE_HOME. The running
    service has the same tools at /mcp, with keys.

    Example: {"mcpServers": {"runlore": {"command": "runlore", "args": ["mcp"]}}}
    """
    if list_tools or json:
        _list(json)
        return
    import anyio

    from runlore.app import open_app
    from runlore.assistant.mcp_server import serve_stdio

    with open_app() as app:
        anyio.run(serve_stdio, _running(app, read_only), read_only)


def _running(app: "App", read_only: bool) -> "RunTool":
    """A call at a time: one assistant is at the other end."""
    import anyio
    import anyio.to_thread

    from runlore.assistant.actions.context import ToolContext
    from runlore.assistant.actions.tools import call_tool
    from runlore.assistant.home_champions import HomeChampions
    from runlore.kernel import instants
    from runlore.kernel.errors import Refused
    from runlore.serving.actions.recording_bounds import RecordingBounds

    settings = app.settings
    champions = HomeChampions(
        app.store,
        frozenset(spec.name for spec in app.specs),
        settings.home / "serving",
        lambda: app.registry,
        has_tables=settings.mlflow_tracking_uri is None,
    )
    bounds, limiter = RecordingBounds.of(settings), anyio.CapacityLimiter(1)

    async def run_tool(_: object, tool: "Tool", arguments: "Mapping[str, Any]") -> "ToolAnswer":
        if read_only and tool.is_writing:
            raise Refused(f"{tool.name}: this assistant may only read (--read-only)")
        context = ToolContext(
            app.store,
            champions,
            instants.now(),
            app.series_specs,
            bounds,
            settings.ledger == "on",
        )
        return await anyio.to_thread.run_sync(
            lambda: call_tool(context, tool, arguments), limiter=limiter
        )

    return run_tool


def _list(json: bool) -> None:
    from runlore.assistant.actions.documents import input_schema
    from runlore.assistant.actions.tools import TOOLS

    if json:
        tools = [
            {"name": one.name, "description": one.description, "input": input_schema(one)}
            for one in TOOLS
        ]
        emit_json({"tools": tools})
        return
    for one in TOOLS:
        echo(f"{one.name}: {one.description}")
