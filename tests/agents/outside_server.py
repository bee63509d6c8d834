"""Agents of others: an A2A server made with the official SDK, and an MCP server beside it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCard, Part, Task, TaskState, TaskStatus
from google.protobuf.json_format import MessageToDict, ParseDict
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from starlette.applications import Starlette

from runlore.agents.rules.a2a.task_shape import TASK_URI
from tests.bentos.conftest import QuickServer


@dataclass
class OutsideWorld:
    """base: its address. tokens: fencing tokens that came with messages and calls."""

    base: str = ""
    skills: list[str] = field(default_factory=lambda: ["text"])
    tokens: list[int] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def card(self) -> dict[str, Any]:
        return {
            "name": "Outside Writer",
            "description": "Writes",
            "version": "2.1.0",
            "supportedInterfaces": [
                {"url": f"{self.base}/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
            ],
            "capabilities": {"streaming": False},
            "defaultInputModes": ["text/plain"],
            "defaultOutputModes": ["text/plain"],
            "skills": [
                {"id": one, "name": one, "description": one, "tags": [one]} for one in self.skills
            ],
        }


class Writer(AgentExecutor):
    """Does what the text of a message says: write, fail, ask or hang."""

    def __init__(self, world: OutsideWorld) -> None:
        self.world = world

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        text = context.get_user_input()
        given = MessageToDict(context.message.metadata)[TASK_URI]
        self.world.tokens.append(int(given["fencing_token"]))
        submitted = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED)
        task = Task(id=context.task_id, context_id=context.context_id, status=submitted)
        await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        await updater.start_work()
        await asyncio.sleep(30.0 if text == "hang" else 0.3)
        if text == "fail":
            await updater.failed(updater.new_agent_message([Part(text="no ink")]))
        elif text == "ask":
            await updater.requires_input(updater.new_agent_message([Part(text="which tea?")]))
        else:
            await updater.add_artifact([Part(text=f"{text} done")])
            await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        self.world.cancelled.append(context.task_id)
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


@contextmanager
def outside_world() -> Iterator[OutsideWorld]:
    """Until the end of the block it answers on a port of this machine."""
    world = OutsideWorld()
    tools = MCPServer("tools")

    @tools.tool()
    def count_words(text: str) -> dict[str, int]:
        if text == "fail":
            raise ToolError("no words")
        return {"words": len(text.split())}

    mcp = tools.streamable_http_app(
        streamable_http_path="/mcp", json_response=True, stateless_http=True
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with tools.session_manager.run():
            yield

    known = ParseDict(world.card(), AgentCard())
    handler = DefaultRequestHandler(Writer(world), InMemoryTaskStore(), known)

    async def fresh(_: AgentCard) -> AgentCard:
        return ParseDict(world.card(), AgentCard())

    app = Starlette(
        routes=[
            *create_agent_card_routes(known, card_modifier=fresh),
            *create_jsonrpc_routes(handler, "/rpc"),
            *mcp.routes,
        ],
        lifespan=lifespan,
    )
    server = QuickServer(uvicorn.Config(app, port=0, log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert server.has_started.wait(60)
        world.base = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield world
    finally:
        server.should_exit = True
        thread.join()
