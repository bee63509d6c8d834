"""Probes of agents and their health, over HTTP."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.agents import AGENT_ID
from bentos.api.agents_schema import Line, Words
from bentos.api.store_access import model_response, read_store, write_store
from bentos.http.bodies import read_body
from bentos.http.parameters import read_as_of, read_uuid
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from runlore.agents.actions import probing
from runlore.agents.queries.probes import ProbeRow
from runlore.agents.rules.probe import (
    LONGEST_ANSWER_S,
    LONGEST_PAUSE_S,
    SHORTEST_S,
    NewProbe,
)

EXAMPLE: dict[str, Any] = {
    "probe_name": "adds",
    "task_type": "sum",
    "required_capabilities": ["math"],
    "input_data": {"of": [2, 2]},
    "rule": {"includes": {"sum": 4}},
    "max_s": 10,
    "every_s": 60,
}


class AgentProbeBody(Closed):
    """rule: `equals`, `includes`, `fields` and `contains`, one or more of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    probe_name: Line
    task_type: Line
    rule: dict[str, Any]
    required_capabilities: Words = Field(default_factory=list)
    input_data: dict[str, Any] = Field(default_factory=dict)
    max_s: Annotated[float, Field(ge=SHORTEST_S, le=LONGEST_ANSWER_S)] = 10.0
    every_s: Annotated[float, Field(ge=SHORTEST_S, le=LONGEST_PAUSE_S)] = 60.0

    def probe(self) -> NewProbe:
        return NewProbe(
            self.probe_name,
            self.task_type,
            self.rule,
            self.required_capabilities,
            self.input_data,
            self.max_s,
            self.every_s,
        )


class DeclaredProbe(Closed):
    id: UUID
    probe_name: str
    task_type: str
    rule: dict[str, Any]
    required_capabilities: list[str]
    input_data: dict[str, Any]
    max_s: float
    every_s: float
    created_at: datetime


class DeclaredProbes(Closed):
    probes: list[DeclaredProbe]


class RemovedProbe(Closed):
    id: UUID
    is_removed: bool


class AgentEvidenceBody(Closed):
    """weight: log likelihood ratio; above 0: it speaks against the agent. score: after it."""

    at: datetime
    kind: str
    task_id: UUID | None
    weight: float
    score: float
    detail: str


class AgentHealthBody(Closed):
    """since, reason: of the last quarantine or return. evidence: the newest first."""

    agent_id: UUID
    agent_name: str
    is_quarantined: bool
    since: datetime | None
    reason: str | None
    score: float
    evidence: list[AgentEvidenceBody]


async def create(request: Request) -> Response:
    probe = AgentProbeBody.model_validate_json(await read_body(request)).probe()
    row = await write_store(request, lambda store: probing.add_probe(store, probe))
    return model_response(_body(row), 201)


async def listing(request: Request) -> Response:
    rows = await read_store(request, probing.list_probes)
    return model_response(DeclaredProbes(probes=[_body(row) for row in rows]))


async def remove(request: Request) -> Response:
    probe_id = read_uuid(request, "probe_id")
    await write_store(request, lambda store: probing.remove_probe(store, probe_id))
    return model_response(RemovedProbe(id=probe_id, is_removed=True))


async def health(request: Request) -> Response:
    agent_id, as_of = read_uuid(request, "agent_id"), read_as_of(request)
    found = await read_store(request, lambda store: probing.read_health(store, agent_id, as_of))
    return model_response(
        AgentHealthBody(
            agent_id=found.agent_id,
            agent_name=found.name,
            is_quarantined=found.is_quarantined,
            since=found.since,
            reason=found.reason,
            score=found.score,
            evidence=[AgentEvidenceBody(**vars(one)) for one in found.evidence],
        )
    )


def _body(row: ProbeRow) -> DeclaredProbe:
    values = dict(vars(row))
    values["probe_name"], values["input_data"] = values.pop("name"), values.pop("input")
    return DeclaredProbe(**values)


UUID_TEXT: dict[str, Any] = {"type": "string", "format": "uuid"}
AS_OF = in_query("as_of", "Use only what was known then", {"type": "string"})
ENDPOINTS = (
    Endpoint(
        "POST",
        "/agent-probes",
        create,
        "record",
        "Declare a probe: a task with a known answer",
        {201: ("The probe", DeclaredProbe)},
        (400, 409, 413, 422, 503),
        AgentProbeBody,
        tag=Tag.AGENTS,
        name="create_agent_probe",
    ),
    Endpoint(
        "GET",
        "/agent-probes",
        listing,
        "read",
        "List probes",
        {200: ("All of them", DeclaredProbes)},
        (503,),
        tag=Tag.AGENTS,
        name="list_agent_probes",
    ),
    Endpoint(
        "DELETE",
        "/agent-probes/{probe_id}",
        remove,
        "record",
        "Remove a probe",
        {200: ("It is gone", RemovedProbe)},
        (404, 422, 503),
        parameters=[in_path("probe_id", "Id of the probe", UUID_TEXT)],
        tag=Tag.AGENTS,
        name="remove_agent_probe",
    ),
    Endpoint(
        "GET",
        "/agents/{agent_id}/health",
        health,
        "read",
        "Say whether an agent works, with the evidence",
        {200: ("Its health", AgentHealthBody)},
        (404, 422, 503),
        parameters=[AGENT_ID, AS_OF],
        tag=Tag.AGENTS,
        name="read_agent_health",
    ),
)
