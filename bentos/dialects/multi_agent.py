"""`/api/v1/multi-agent`: agents and tasks, in the words of "ACD Phase 4".

The bodies are those of Runlore's own routes, which have this spec's names of fields.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api import agent_routing, agent_tasks, agents
from bentos.api.agents_schema import task_body
from bentos.api.store_access import model_response, write_store
from bentos.http.bodies import read_body
from bentos.http.parameters import read_uuid
from bentos.http.routing import Endpoint, Tag
from bentos.http.schemas import Closed
from runlore.agents.actions import task_steps

PREFIX = "/api/v1/multi-agent"


class TaskResult(Closed):
    """fencing_token: of the lease; needed once a task has been leased a second time."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"output_data": {"text": "Hi"}}]})

    output_data: Any = None
    success: bool = True
    error_message: Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")] = ""
    fencing_token: Annotated[int, Field(ge=1, le=2**62)] | None = None


async def assign(request: Request) -> Response:
    task_id, agent_id = read_uuid(request, "task_id"), read_uuid(request, "agent_id")
    row = await write_store(request, lambda store: task_steps.assign_task(store, task_id, agent_id))
    return model_response(task_body(row))


async def complete(request: Request) -> Response:
    task_id = read_uuid(request, "task_id")
    body = TaskResult.model_validate_json(await read_body(request))
    result = task_steps.TaskOutcome(
        output=body.output_data,
        failure=None if body.success else body.error_message or "failed",
        token=body.fencing_token,
    )
    row = await write_store(request, lambda store: task_steps.end_task(store, task_id, result))
    return model_response(task_body(row))


def _in_its_words(endpoint: Endpoint, path: str, method: Literal["PUT"] | None = None) -> Endpoint:
    """One of Runlore's own endpoints at the spec's address."""
    return replace(
        endpoint,
        path=f"{PREFIX}{path}",
        method=method or endpoint.method,
        tag=Tag.MULTI_AGENT,
        name="",
    )


def _own(endpoints: Sequence[Endpoint]) -> dict[str, Endpoint]:
    return {one.name: one for one in endpoints}


OWN = _own([*agents.ENDPOINTS, *agent_tasks.ENDPOINTS, *agent_routing.ENDPOINTS])
TASK_ID, TASK = agent_tasks.TASK_ID, agent_tasks.TASK
ENDPOINTS = (
    _in_its_words(OWN["register_agent"], "/agents/"),
    _in_its_words(OWN["list_agents"], "/agents/"),
    _in_its_words(OWN["read_agent"], "/agents/{agent_id}"),
    _in_its_words(OWN["change_agent"], "/agents/{agent_id}", "PUT"),
    _in_its_words(OWN["route_agent_task"], "/routing/"),
    _in_its_words(OWN["create_agent_task"], "/tasks/"),
    Endpoint(
        "POST",
        f"{PREFIX}/tasks/{{task_id}}/assign/{{agent_id}}",
        assign,
        "record",
        "Assign a task to an agent",
        {200: TASK},
        (404, 409, 422, 503),
        parameters=[TASK_ID, agents.AGENT_ID],
        tag=Tag.MULTI_AGENT,
    ),
    Endpoint(
        "POST",
        f"{PREFIX}/tasks/{{task_id}}/complete",
        complete,
        "record",
        "Say how a task ended",
        {200: TASK},
        (400, 404, 409, 413, 422, 503),
        TaskResult,
        [TASK_ID],
        tag=Tag.MULTI_AGENT,
    ),
    _in_its_words(OWN["read_agent_workload"], "/workload/"),
)
