"""`/api/v1/multi-agent`: agents and tasks, in the words of "ACD Phase 4".

The bodies are those of Runlore's own routes, which have this spec's names of fields.
"""

from typing import Annotated, Any

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api import agent_routing, agent_tasks, agents
from bentos.api.agent_routing import AgentWorkload, RoutingAnswer, RoutingBody
from bentos.api.agents import AGENT_ID
from bentos.api.agents_schema import (
    AgentBody,
    AgentChange,
    AgentList,
    AgentTask,
    AgentTaskBody,
    RegisteredAgent,
    task_body,
)
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


TASK_ID = agent_tasks.TASK_ID
AGENT = ("The agent", RegisteredAgent)
TASK = ("The task", AgentTask)
ENDPOINTS = (
    Endpoint(
        "POST",
        f"{PREFIX}/agents/",
        agents.register,
        "record",
        "Register an agent",
        {201: AGENT},
        (400, 409, 413, 422, 503),
        AgentBody,
        tag=Tag.MULTI_AGENT,
    ),
    Endpoint(
        "GET",
        f"{PREFIX}/agents/",
        agents.listing,
        "read",
        "List agents",
        {200: ("A page of them", AgentList)},
        (422, 503),
        parameters=agents.FILTERS,
        tag=Tag.MULTI_AGENT,
    ),
    Endpoint(
        "GET",
        f"{PREFIX}/agents/{{agent_id}}",
        agents.read,
        "read",
        "Read an agent",
        {200: AGENT},
        (404, 422, 503),
        parameters=[AGENT_ID],
        tag=Tag.MULTI_AGENT,
    ),
    Endpoint(
        "PUT",
        f"{PREFIX}/agents/{{agent_id}}",
        agents.change,
        "record",
        "Change an agent; fields that are left out stay",
        {200: AGENT},
        (400, 404, 409, 413, 422, 503),
        AgentChange,
        [AGENT_ID],
        tag=Tag.MULTI_AGENT,
    ),
    Endpoint(
        "POST",
        f"{PREFIX}/routing/",
        agent_routing.route,
        "read",
        "Ask which agent a task would get now",
        {200: ("The choice, its alternatives and the reason", RoutingAnswer)},
        (400, 413, 422, 503),
        RoutingBody,
        tag=Tag.MULTI_AGENT,
    ),
    Endpoint(
        "POST",
        f"{PREFIX}/tasks/",
        agent_tasks.create,
        "record",
        "Create a task",
        {201: TASK, 200: ("A task with this idempotency key exists: it", AgentTask)},
        (400, 409, 413, 422, 503),
        AgentTaskBody,
        tag=Tag.MULTI_AGENT,
    ),
    Endpoint(
        "POST",
        f"{PREFIX}/tasks/{{task_id}}/assign/{{agent_id}}",
        assign,
        "record",
        "Assign a task to an agent",
        {200: TASK},
        (404, 409, 422, 503),
        parameters=[TASK_ID, AGENT_ID],
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
    Endpoint(
        "GET",
        f"{PREFIX}/workload/",
        agent_routing.load,
        "read",
        "Read how busy agents are",
        {200: ("The workload", AgentWorkload)},
        (422, 503),
        parameters=[agent_routing.WINDOW],
        tag=Tag.MULTI_AGENT,
    ),
)
