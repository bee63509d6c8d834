"""Messages between agents, and how busy agents are, over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.agents import AGENT_ID, LIMIT
from bentos.api.agents_schema import AgentMessage, Line, message_body
from bentos.api.store_access import model_response, write_store
from bentos.http.bodies import read_body
from bentos.http.parameters import limit_of, read_uuid
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from runlore.agents.actions import messaging
from runlore.agents.queries.messages import NewMessage
from runlore.kernel.errors import BadInput

EXAMPLE: dict[str, Any] = {
    "from_agent_id": "00000000-0000-4000-8000-000000000001",
    "to_agent_id": "00000000-0000-4000-8000-000000000002",
    "message_type": "question",
    "subject": "Which tone?",
    "message_body": {"text": "Formal or casual?"},
}


class MessageBody(Closed):
    """A message. idempotency_key: a second one of the sender with the same key is the first one."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    from_agent_id: UUID
    to_agent_id: UUID
    message_type: Line
    subject: Line
    message_body: dict[str, Any] = Field(default_factory=dict)
    task_id: UUID | None = None
    reply_to: UUID | None = Field(default=None, description="the message that it answers")
    idempotency_key: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class MessageList(Closed):
    messages: list[AgentMessage] = Field(description="in the order in which they were sent")


async def send(request: Request) -> Response:
    body = MessageBody.model_validate_json(await read_body(request))
    values = body.model_dump(exclude={"message_type", "message_body"})
    message = NewMessage(type=body.message_type, body=body.message_body, **values)
    sent = await write_store(request, lambda store: messaging.send_message(store, message))
    assert sent.message is not None  # noqa: S101  (`send_message` raises else)
    return model_response(message_body(sent.message), 201 if sent.is_new else 200)


async def receive(request: Request) -> Response:
    agent_id = read_uuid(request, "agent_id")
    after = _after(request)
    limit = limit_of(request, messaging.MAX_PAGE)
    rows = await write_store(
        request, lambda store: messaging.receive_messages(store, agent_id, after, limit)
    )
    return model_response(MessageList(messages=[message_body(row) for row in rows]))


async def mark_read(request: Request) -> Response:
    agent_id, message_id = read_uuid(request, "agent_id"), read_uuid(request, "message_id")
    row = await write_store(
        request, lambda store: messaging.read_message(store, agent_id, message_id)
    )
    return model_response(message_body(row))


def _after(request: Request) -> int:
    text = request.query_params.get("after", "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise BadInput(f"after: {text[:40]!r} is no number from 0 on", "after")
    return int(text)


NUMBER: dict[str, Any] = {"type": "integer", "minimum": 0}
MESSAGE_ID = in_path("message_id", "Id of the message", {"type": "string", "format": "uuid"})
MESSAGE = ("The message", AgentMessage)
ENDPOINTS = (
    Endpoint(
        "POST",
        "/agent-messages",
        send,
        "record",
        "Write to another agent",
        {201: MESSAGE, 200: ("A message with this key was sent before: it", AgentMessage)},
        (400, 404, 409, 413, 422, 503),
        MessageBody,
        tag=Tag.AGENTS,
        name="send_agent_message",
    ),
    Endpoint(
        "GET",
        "/agents/{agent_id}/messages",
        receive,
        "record",
        "Receive unread messages, in order",
        {200: ("Messages", MessageList)},
        (422, 503),
        parameters=[
            AGENT_ID,
            in_query("after", "Those with a higher number only", NUMBER),
            in_query("limit", "How many", LIMIT),
        ],
        tag=Tag.AGENTS,
        name="receive_agent_messages",
    ),
    Endpoint(
        "POST",
        "/agents/{agent_id}/messages/{message_id}/read",
        mark_read,
        "record",
        "Say that an agent has read a message",
        {200: MESSAGE},
        (404, 422, 503),
        parameters=[AGENT_ID, MESSAGE_ID],
        tag=Tag.AGENTS,
        name="read_agent_message",
    ),
)
