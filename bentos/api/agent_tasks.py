"""Tasks of agents, over HTTP: create, assign, lease, and end them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.agents import AGENT_ID
from bentos.api.agents_schema import (
    AgentTask,
    AgentTaskBody,
    AgentTaskList,
    LeasedTasks,
    Text,
    task_body,
)
from bentos.api.store_access import model_response, read_store, write_store
from bentos.api.task_waiting import TaskWaiting
from bentos.http.bodies import read_body
from bentos.http.parameters import limit_of, parse_uuid, read_uuid
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from runlore.agents.actions import splitting, task_steps
from runlore.agents.actions.splitting import MAX_PARTS
from runlore.agents.actions.task_steps import MAX_LEASED, MAX_PAGE
from runlore.agents.queries.task_rows import TaskFilter, TaskRow
from runlore.agents.rules.task import TASK_STATUSES
from runlore.kernel import instants
from runlore.kernel.deadlines import ANSWER_S

LONGEST_WAIT_S = ANSWER_S - 1  # then the answer is still in time
Token = Annotated[int, Field(ge=1, le=2**62, description="the fencing token of the lease")]


class LeaseBody(Closed):
    """wait_s: how long to wait for a task when there is none."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"most": 1, "wait_s": 0}]})

    most: Annotated[int, Field(ge=1, le=MAX_LEASED)] = 1
    wait_s: Annotated[float, Field(ge=0, le=LONGEST_WAIT_S)] = 0.0


class AssignBody(Closed):
    agent_id: UUID


class RenewBody(Closed):
    fencing_token: Token


class CompleteBody(Closed):
    fencing_token: Token
    output_data: Any = None


class FailBody(Closed):
    fencing_token: Token
    failure: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]
    may_retry: bool = True


class SplitBody(Closed):
    """tasks: the parts. The task comes back to the queue when all have ended."""

    fencing_token: Token
    tasks: Annotated[list[AgentTaskBody], Field(min_length=1, max_length=MAX_PARTS)]


class CancelBody(Closed):
    reason: Text = ""


class TaskEventBody(Closed):
    at: datetime
    event: str
    agent_id: UUID | None
    fencing_token: int | None
    detail: str


class TaskRouting(Closed):
    """propensity: how probable the policy made this choice. candidates: the best, with scores."""

    at: datetime
    policy: str
    agent_id: UUID | None
    propensity: float | None
    candidates: list[dict[str, Any]]
    reason: str


class AgentTaskStory(AgentTask):
    """A task, what happened to it, and why it went where it went."""

    events: list[TaskEventBody]
    routings: list[TaskRouting]


async def create(request: Request) -> Response:
    body, now = AgentTaskBody.model_validate_json(await read_body(request)), instants.now()
    task, by = body.task(), body.assign_by(request.app.state.product.settings.routing_policy)
    created = await write_store(
        request,
        lambda store: task_steps.create_task(store, task, now, assign_by=by),
    )
    return model_response(task_body(created.task), 201 if created.is_new else 200)


async def listing(request: Request) -> Response:
    wanted = _filter(request)
    rows = await read_store(request, lambda store: task_steps.list_tasks(store, wanted))
    return model_response(AgentTaskList(tasks=[task_body(row) for row in rows]))


async def read(request: Request) -> Response:
    task_id = read_uuid(request, "task_id")
    story = await read_store(request, lambda store: task_steps.tell_task(store, task_id))
    events = [
        TaskEventBody(
            at=one.at,
            event=one.event,
            agent_id=one.agent_id,
            fencing_token=one.token,
            detail=one.detail,
        )
        for one in story.events
    ]
    routings = [TaskRouting(**vars(one)) for one in story.routings]
    values = task_body(story.task).model_dump()
    return model_response(AgentTaskStory(**values, events=events, routings=routings))


async def lease(request: Request) -> Response:
    agent_id = read_uuid(request, "agent_id")
    body = LeaseBody.model_validate_json(await read_body(request))
    waiting: TaskWaiting = request.app.state.task_waiting

    async def look() -> list[TaskRow]:
        return await write_store(
            request, lambda store: task_steps.lease_tasks(store, agent_id, body.most)
        )

    rows = await waiting.first(look, body.wait_s)
    return model_response(LeasedTasks(tasks=[task_body(row) for row in rows]))


async def assign(request: Request) -> Response:
    task_id = read_uuid(request, "task_id")
    body = AssignBody.model_validate_json(await read_body(request))
    row = await write_store(
        request, lambda store: task_steps.assign_task(store, task_id, body.agent_id)
    )
    return model_response(task_body(row))


async def renew(request: Request) -> Response:
    task_id = read_uuid(request, "task_id")
    token = RenewBody.model_validate_json(await read_body(request)).fencing_token
    row = await write_store(request, lambda store: task_steps.renew_lease(store, task_id, token))
    return model_response(task_body(row))


async def complete(request: Request) -> Response:
    task_id = read_uuid(request, "task_id")
    body = CompleteBody.model_validate_json(await read_body(request))
    row = await write_store(
        request,
        lambda store: task_steps.complete_task(
            store, task_id, body.fencing_token, body.output_data
        ),
    )
    return model_response(task_body(row))


async def fail(request: Request) -> Response:
    task_id = read_uuid(request, "task_id")
    body = FailBody.model_validate_json(await read_body(request))
    row = await write_store(
        request,
        lambda store: task_steps.fail_task(
            store, task_id, body.fencing_token, body.failure, may_retry=body.may_retry
        ),
    )
    return model_response(task_body(row))


async def split(request: Request) -> Response:
    task_id = read_uuid(request, "task_id")
    body, now = SplitBody.model_validate_json(await read_body(request)), instants.now()
    parts = [one.task() for one in body.tasks]
    done = await write_store(
        request,
        lambda store: splitting.split_task(store, task_id, body.fencing_token, parts, now),
    )
    return model_response(task_body(done.task))


async def cancel(request: Request) -> Response:
    task_id = read_uuid(request, "task_id")
    reason = CancelBody.model_validate_json(await read_body(request)).reason
    row = await write_store(request, lambda store: task_steps.cancel_task(store, task_id, reason))
    return model_response(task_body(row))


def _filter(request: Request) -> TaskFilter:
    params = request.query_params
    before = params.get("before")
    return TaskFilter(
        status=params.get("status"),
        type=params.get("task_type"),
        agent_id=_optional(params.get("agent_id"), "agent_id"),
        parent_id=_optional(params.get("parent_id"), "parent_id"),
        before=None if before is None else instants.parse(before[:80], "before"),
        limit=limit_of(request, MAX_PAGE),
    )


def _optional(text: str | None, name: str) -> UUID | None:
    return None if text is None else parse_uuid(text, name)


UUID_TEXT: dict[str, Any] = {"type": "string", "format": "uuid"}
LIMIT: dict[str, Any] = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 100}
TASK_ID = in_path("task_id", "Id of the task", UUID_TEXT)
TASK = ("The task", AgentTask)
FILTERS = [
    in_query("status", "Of this status", {"enum": list(TASK_STATUSES)}),
    in_query("task_type", "Of this type", {"type": "string"}),
    in_query("agent_id", "That this agent has or had", UUID_TEXT),
    in_query("parent_id", "Parts of this task", UUID_TEXT),
    in_query("before", "Created before this instant", {"type": "string"}),
    in_query("limit", "How many", LIMIT),
]


def _step(name: str, handler: Any, summary: str, body: type[Closed]) -> Endpoint:  # noqa: ANN401
    return Endpoint(
        "POST",
        f"/agent-tasks/{{task_id}}/{name}",
        handler,
        "record",
        summary,
        {200: TASK},
        (400, 404, 409, 413, 422, 503),
        body,
        [TASK_ID],
        tag=Tag.AGENTS,
        name=f"{name}_agent_task",
    )


ENDPOINTS = (
    Endpoint(
        "POST",
        "/agent-tasks",
        create,
        "record",
        "Create a task",
        {201: TASK, 200: ("A task with this idempotency key exists: it", AgentTask)},
        (400, 409, 413, 422, 503),
        AgentTaskBody,
        tag=Tag.AGENTS,
        name="create_agent_task",
    ),
    Endpoint(
        "GET",
        "/agent-tasks",
        listing,
        "read",
        "List tasks, the newest first",
        {200: ("Tasks", AgentTaskList)},
        (422, 503),
        parameters=FILTERS,
        tag=Tag.AGENTS,
        name="list_agent_tasks",
    ),
    Endpoint(
        "GET",
        "/agent-tasks/{task_id}",
        read,
        "read",
        "Read a task, and what happened to it",
        {200: ("The task", AgentTaskStory)},
        (404, 422, 503),
        parameters=[TASK_ID],
        tag=Tag.AGENTS,
        name="read_agent_task",
    ),
    Endpoint(
        "POST",
        "/agents/{agent_id}/lease",
        lease,
        "record",
        "Take tasks to work on",
        {200: ("Tasks, each with a fencing token", LeasedTasks)},
        (400, 404, 413, 422, 503),
        LeaseBody,
        [AGENT_ID],
        tag=Tag.AGENTS,
        name="lease_agent_tasks",
    ),
    _step("assign", assign, "Assign a task to an agent", AssignBody),
    _step("heartbeat", renew, "Renew the lease of a task", RenewBody),
    _step("complete", complete, "Complete a task", CompleteBody),
    _step("fail", fail, "Say that an attempt failed", FailBody),
    _step("split", split, "Split a task into parts, and give its slot free", SplitBody),
    _step("cancel", cancel, "Cancel a task", CancelBody),
)
