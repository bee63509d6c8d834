"""Agent cards over HTTP, as A2A clients look for them."""

import json
from typing import Any

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.access.chain import AccessChain
from bentos.api.agents import AGENT_ID
from bentos.api.store_access import read_store
from bentos.http.bodies import json_response
from bentos.http.parameters import read_uuid
from bentos.http.routing import Endpoint, Tag
from bentos.http.schemas import Closed
from runlore.agents.actions import cards
from runlore.agents.rules.a2a.agent_card import CardAddress
from runlore.kernel import instants

WELL_KNOWN = "/.well-known/agent-card.json"


class A2aAgentCard(Closed):
    """An AgentCard of A2A 1.0."""

    model_config = ConfigDict(extra="allow")

    name: str
    description: str
    version: str
    supportedInterfaces: list[dict[str, Any]]  # noqa: N815  (A2A's names)
    capabilities: dict[str, Any]
    defaultInputModes: list[str]  # noqa: N815
    defaultOutputModes: list[str]  # noqa: N815
    skills: list[dict[str, Any]] = Field(min_length=1)
    securitySchemes: dict[str, Any] | None = None  # noqa: N815
    securityRequirements: list[dict[str, Any]] | None = None  # noqa: N815


def card_address(request: Request) -> CardAddress:
    """The service as the caller reaches it."""
    access: AccessChain = request.app.state.access
    return CardAddress(str(request.base_url), "record" in access.scopes_with_key(request))


async def whole(request: Request) -> Response:
    response = json_response(json.dumps(cards.open_card(card_address(request))))
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


async def one(request: Request) -> Response:
    agent_id, address = read_uuid(request, "agent_id"), card_address(request)
    now = instants.now()
    card = await read_store(
        request, lambda store: cards.read_agent_card(store, agent_id, address, now)
    )
    return json_response(json.dumps(card))


ENDPOINTS = (
    Endpoint(
        "GET",
        WELL_KNOWN,
        whole,
        None,
        "Read the agent card of this service",
        {200: ("The card", A2aAgentCard)},
        tag=Tag.AGENTS,
        name="agent_card",
        needs_database=False,
    ),
    Endpoint(
        "GET",
        "/agents/{agent_id}/agent-card.json",
        one,
        "read",
        "Read the card of an agent, with what it has shown",
        {200: ("The card", A2aAgentCard)},
        (404, 422, 503),
        parameters=[AGENT_ID],
        tag=Tag.AGENTS,
        name="card_of_agent",
    ),
)
