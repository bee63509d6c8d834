"""The registry of agents, over HTTP."""

from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from bentos.api.agents_schema import (
    AgentBody,
    AgentChange,
    AgentList,
    CardReadAgain,
    RegisteredAgent,
    RemovedAgent,
    agent_body,
)
from bentos.api.store_access import model_response, read_store, write_store
from bentos.http.bodies import read_body
from bentos.http.identity import require_admin
from bentos.http.parameters import limit_of, read_uuid
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.threads import in_thread
from runlore.agents.actions import registering
from runlore.agents.actions.outside_cards import profile_by_card, read_card_again
from runlore.agents.delivery.outside import outside_limits
from runlore.agents.queries.registry import AgentFilter, AgentRow
from runlore.agents.rules.registration import AGENT_STATES, AGENT_TYPES
from runlore.store.engine import Store

MAX_PAGE = registering.MAX_PAGE


async def register(request: Request) -> Response:
    body = AgentBody.model_validate_json(await read_body(request))
    if body.token_variable is not None:
        require_admin(request)  # it lets an address have a secret
    limits = outside_limits(request.app.state.product.settings.agent_addresses)
    url, own = body.card_url, body.given()
    if url is None:
        profile = body.profile()
    else:
        profile = await in_thread(request, lambda: profile_by_card(url, own, limits))
    row = await write_store(request, lambda store: registering.register_agent(store, profile))
    return model_response(agent_body(row), 201)


async def read_card(request: Request) -> Response:
    agent_id = read_uuid(request, "agent_id")
    limits = outside_limits(request.app.state.product.settings.agent_addresses)
    read = await write_store(request, lambda store: read_card_again(store, agent_id, limits))
    return model_response(CardReadAgain(agent=agent_body(read.agent), changes=read.changes))


async def listing(request: Request) -> Response:
    wanted = _filter(request)
    page = await read_store(request, lambda store: registering.list_agents(store, wanted))
    bodies = [agent_body(row) for row in page.agents]
    return model_response(AgentList(agents=bodies, next_after=page.next_after))


async def read(request: Request) -> Response:
    agent_id = read_uuid(request, "agent_id")
    row = await read_store(request, lambda store: registering.find_agent(store, agent_id))
    return model_response(agent_body(row))


async def change(request: Request) -> Response:
    agent_id = read_uuid(request, "agent_id")
    body = AgentChange.model_validate_json(await read_body(request))
    if body.address is not None or body.token_variable is not None:
        require_admin(request)  # it lets an address have a secret
    row = await write_store(request, lambda store: _change(store, agent_id, body))
    return model_response(agent_body(row))


async def remove(request: Request) -> Response:
    agent_id = read_uuid(request, "agent_id")
    await write_store(request, lambda store: registering.remove_agent(store, agent_id))
    return model_response(RemovedAgent(id=agent_id, is_removed=True))


async def heartbeat(request: Request) -> Response:
    agent_id = read_uuid(request, "agent_id")
    row = await write_store(request, lambda store: registering.hear_of_agent(store, agent_id))
    return model_response(agent_body(row))


def _change(store: Store, agent_id: UUID, body: AgentChange) -> AgentRow:
    row = registering.find_agent(store, agent_id)
    if body.model_dump(exclude={"state", "reason"}, exclude_none=True):
        row = registering.change_agent(store, agent_id, body.apply(row))
    if body.state is not None:
        row = registering.set_agent_state(store, agent_id, body.state, body.reason)
    return row


def _filter(request: Request) -> AgentFilter:
    params = request.query_params
    words = params.get("capabilities", "")
    return AgentFilter(
        name=params.get("agent_name"),
        type=params.get("agent_type"),
        state=params.get("state"),
        capabilities=tuple(word for word in words[:10_000].split(",") if word),
        after=params.get("after"),
        limit=limit_of(request, MAX_PAGE),
    )


AGENT_ID = in_path("agent_id", "Id of the agent", {"type": "string", "format": "uuid"})
TEXT: dict[str, Any] = {"type": "string"}
LIMIT: dict[str, Any] = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 100}
FILTERS = [
    in_query("agent_name", "With this name", TEXT),
    in_query("agent_type", "Of this type", {"enum": list(AGENT_TYPES)}),
    in_query("state", "In this state", {"enum": list(AGENT_STATES)}),
    in_query("capabilities", "That have all of these, with commas between", TEXT),
    in_query("after", "The `next_after` of the page before", TEXT),
    in_query("limit", "How many", LIMIT),
]
AGENT = ("The agent", RegisteredAgent)
ENDPOINTS = (
    Endpoint(
        "POST",
        "/agents",
        register,
        "record",
        "Register an agent",
        {201: AGENT},
        (400, 409, 413, 422, 503),
        AgentBody,
        tag=Tag.AGENTS,
        name="register_agent",
    ),
    Endpoint(
        "GET",
        "/agents",
        listing,
        "read",
        "List agents",
        {200: ("A page of them", AgentList)},
        (422, 503),
        parameters=FILTERS,
        tag=Tag.AGENTS,
        name="list_agents",
    ),
    Endpoint(
        "GET",
        "/agents/{agent_id}",
        read,
        "read",
        "Read an agent",
        {200: AGENT},
        (404, 422, 503),
        parameters=[AGENT_ID],
        tag=Tag.AGENTS,
        name="read_agent",
    ),
    Endpoint(
        "PATCH",
        "/agents/{agent_id}",
        change,
        "record",
        "Change an agent, drain it, or take it into maintenance",
        {200: AGENT},
        (400, 404, 409, 413, 422, 503),
        AgentChange,
        [AGENT_ID],
        tag=Tag.AGENTS,
        name="change_agent",
    ),
    Endpoint(
        "DELETE",
        "/agents/{agent_id}",
        remove,
        "record",
        "Remove an agent; its tasks go back to the queue when their leases end",
        {200: ("It is gone", RemovedAgent)},
        (404, 422, 503),
        parameters=[AGENT_ID],
        tag=Tag.AGENTS,
        name="remove_agent",
    ),
    Endpoint(
        "POST",
        "/agents/{agent_id}/heartbeat",
        heartbeat,
        "record",
        "Say that an agent lives",
        {200: AGENT},
        (404, 422, 503),
        parameters=[AGENT_ID],
        tag=Tag.AGENTS,
        name="agent_heartbeat",
    ),
    Endpoint(
        "POST",
        "/agents/{agent_id}/card",
        read_card,
        "record",
        "Read the card of an agent of others again",
        {200: ("The agent, and what changed", CardReadAgain)},
        (404, 409, 422, 503),
        parameters=[AGENT_ID],
        tag=Tag.AGENTS,
        name="read_card_again",
    ),
)
