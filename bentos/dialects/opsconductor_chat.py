"""`POST /ai/chat`: a question in words, answered by the tools of the assistant."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import httpx
from pydantic import ConfigDict, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.assistant import run_tool
from bentos.api.store_access import model_response
from bentos.http.bodies import read_body
from bentos.http.identity import actor_of, key_of
from bentos.http.routing import Endpoint, Tag
from bentos.http.schemas import Closed
from runlore.assistant.actions.chat import ChatQuestion, ChatReply, ChatTurn, ask
from runlore.assistant.actions.tools import Tool
from runlore.assistant.rules.figures import ToolAnswer
from runlore.assistant.rules.intents import LONGEST_MESSAGE
from runlore.kernel import instants
from runlore.kernel.deadlines import CHAT_S
from runlore.language_model import chat_endpoint
from runlore.serving.actions.api_keys import allows

MODEL_S = CHAT_S - 5  # for a model with its tools; templates answer in the rest
MOST_TURNS = 20
EXAMPLE: dict[str, Any] = {"message": "What failed by ann?", "user": "ann"}
Message = Annotated[
    str, StringConstraints(min_length=1, max_length=LONGEST_MESSAGE, pattern=r"^[^\x00]*$")
]


class ChatTurnBody(Closed):
    role: Literal["user", "assistant"]
    content: Message


class ChatBody(Closed):
    """user: who asks; with a key, its owner. conversation: the turns before, the oldest first.

    allow_record: whether outcomes may be recorded; that also needs a key with the scope `record`.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    message: Message
    user: Annotated[str, StringConstraints(max_length=200)] = ""
    conversation: Annotated[tuple[ChatTurnBody, ...], Field(max_length=MOST_TURNS)] = ()
    allow_record: bool = False


class ToolCallBody(Closed):
    """result: null: it failed, as `error` says."""

    tool: str
    arguments: dict[str, Any]
    result: dict[str, Any] | None
    error: str | None


class ChatReplyBody(Closed):
    """intent: of the template that answered; null: a language model did, or nothing fits."""

    as_of: datetime
    answer: str
    model: str | None = Field(description="the language model; null: a template answered")
    intent: str | None
    note: str
    truncated: list[str]
    calls: list[ToolCallBody] = Field(description="of tools, with their figures")


async def chat(request: Request) -> Response:
    body = ChatBody.model_validate_json(await read_body(request))
    key, at = key_of(request), instants.now()
    question = ChatQuestion(
        body.message,
        at,
        actor_of(request, body.user),
        [ChatTurn(one.role, one.content) for one in body.conversation],
        may_record=body.allow_record and key is not None and allows(key, "record"),
    )
    endpoint = chat_endpoint(request.app.state.product.settings)

    async def run(tool: Tool, arguments: Mapping[str, Any]) -> ToolAnswer:
        return await run_tool(request, tool, arguments)

    if endpoint is None:
        reply = await ask(question, run, None, None)
    else:
        request.state.limit.reschedule(asyncio.get_running_loop().time() + CHAT_S)
        timeout = httpx.Timeout(MODEL_S, connect=5.0)
        async with httpx.AsyncClient(timeout=timeout, follow_redirects=False) as client:
            reply = await ask(question, run, endpoint, client, MODEL_S)
    return model_response(_body(reply, at))


def _body(reply: ChatReply, at: datetime) -> ChatReplyBody:
    return ChatReplyBody(
        as_of=at,
        answer=reply.answer,
        model=reply.model,
        intent=reply.intent,
        note=reply.note,
        truncated=list(reply.truncated),
        calls=[
            ToolCallBody(
                tool=one.tool,
                arguments=dict(one.arguments),
                result=None if one.result is None else dict(one.result),
                error=one.error,
            )
            for one in reply.calls
        ],
    )


ENDPOINTS = (
    Endpoint(
        "POST",
        "/ai/chat",
        chat,
        "read",
        "Ask in words; the tools of the assistant answer",
        {200: ("The answer, and the calls of tools that it stands on", ChatReplyBody)},
        (400, 413, 422, 503),
        ChatBody,
        tag=Tag.OPSCONDUCTOR,
        name="chat",
    ),
)
