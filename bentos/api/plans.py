"""Which task runs where and when, over HTTP."""

from datetime import datetime
from threading import Lock
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.estimates import estimators_of
from bentos.api.pools import PoolBody, to_pool
from bentos.api.store_access import model_response, read_store, write_store
from bentos.http.bodies import read_body
from bentos.http.errors import Overloaded
from bentos.http.fields import Id, Instant, Name, Values
from bentos.http.identity import actor_of
from bentos.http.parameters import read_as_of
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.planning.actions.allocation import AllocationRequest, allocate
from runlore.planning.actions.plans import find_plan, keep_plan, list_plans
from runlore.planning.allocation_views import plan_as_json, plan_from_json, show_plan
from runlore.planning.plan_exports import MEDIA_TYPES, check_format, export_plan
from runlore.planning.queries.plans import PlanRow
from runlore.planning.rules.allocation.problem import Weights
from runlore.planning.rules.allocation.task_to_place import (
    LARGEST_PRIORITY,
    LONGEST_S,
    MOST_AFTER,
    MOST_TASKS,
    TaskToPlace,
)
from runlore.planning.rules.pools.pool import MOST_NAMES
from runlore.store.engine import Store

MOST_POOLS = 500
LIMIT_S = 2.0
LONGEST_LIMIT_S = 4.0  # a request ends after 10 s; the command searches longer
MOST_PLANS = 100
EXAMPLE: dict[str, Any] = {
    "tasks": [
        {"id": "T1", "duration_s": 7200, "deadline": "2026-03-02T12:00:00Z"},
        {"id": "T2", "duration_s": 3600, "after": ["T1"], "priority": 2},
        {"id": "T3", "duration_s": 1800, "due": "2026-03-02T09:00:00Z"},
    ],
    "pools": [{"name": "gpu", "size": 1, "cost_per_hour": 2.5}],
    "as_of": "2026-03-02T08:00:00Z",
}
Weight = Annotated[float, Field(ge=0, le=1e6, strict=True)]
Ids = Annotated[list[Id], Field(max_length=MOST_AFTER)]


class TaskToPlaceBody(Closed):
    """A task that is to be planned. running: it has begun, at `start` in `pool`."""

    id: Annotated[Id, Field(max_length=200)]
    kind: Name = ""
    actor: Name | None = None
    scope: Name | None = None
    inputs: Values = Field(default_factory=dict)
    duration_s: Annotated[float, Field(gt=0, le=LONGEST_S)] | None = Field(
        default=None, description="null: estimated from finished tasks of the kind"
    )
    after: Ids = Field(default_factory=list, description="tasks that must end first")
    release: Instant | None = Field(default=None, description="it may not start before")
    due: Instant | None = Field(default=None, description="wanted by then; being late costs")
    deadline: Instant | None = Field(default=None, description="it must end by then")
    priority: Annotated[float, Field(gt=0, le=LARGEST_PRIORITY)] = 1.0
    skills: Annotated[list[Id], Field(max_length=MOST_NAMES)] = Field(default_factory=list)
    slots: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] | None = None
    pool: Annotated[Id, Field(max_length=200)] | None = None
    start: Instant | None = None
    status: Literal["planned", "running"] = "planned"


class PoolToUse(PoolBody):
    name: Annotated[Id, Field(max_length=200)]


class WeightsBody(Closed):
    """What counts in the objective: an hour late, an hour until a task's end (both × priority),
    an hour until all is done, a unit of cost."""

    late: Weight = 10.0
    wait: Weight = 1.0
    finish: Weight = 0.0
    cost: Weight = 1.0


class PlanBody(Closed):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    tasks: Annotated[list[TaskToPlaceBody], Field(min_length=1, max_length=MOST_TASKS)]
    pools: Annotated[list[PoolToUse], Field(min_length=1, max_length=MOST_POOLS)] | None = Field(
        default=None, description="null: those that are declared"
    )
    weights: WeightsBody = WeightsBody()
    limit_s: Annotated[float, Field(gt=0, le=LONGEST_LIMIT_S)] = LIMIT_S
    quantile: Annotated[float, Field(ge=0.05, le=0.95)] = Field(
        default=0.5, description="of estimates, that is planned with"
    )
    actor: Annotated[Name, Field(min_length=1, max_length=100)] = "api"
    as_of: Instant | None = Field(default=None, description="plan from then on")


class PlacedTaskBody(Closed):
    id: str
    kind: str
    pool: str
    start: datetime
    end: datetime
    end_80: datetime = Field(description="by when it ends with 80 %")
    duration_s: float
    slots: int
    is_estimated: bool
    is_running: bool
    wanted: datetime | None = Field(description="the earlier of due date and deadline")
    late_s: int
    chance: float = Field(description="to end in time")
    is_promised: bool | None = Field(description="in time with 80 % or more; null: none wanted")
    cost: float
    after: list[str]


class PlanFiguresBody(Closed):
    objective: float
    late_h: float
    late_tasks: int
    mean_wait_h: float = Field(description="from release to end")
    finish: datetime
    cost: float


class PlanGainBody(Closed):
    """low, high: the 90 % range of the share over worlds with drawn durations."""

    over: str
    share: float = Field(description="of the other's objective that the plan saves")
    low: float
    high: float
    worlds: int


class ObstacleBody(Closed):
    task: str
    reason: str
    remedy: str


class PlanSummaryBody(Closed):
    id: int
    actor: str
    made_at: datetime
    status: Literal["optimal", "feasible", "infeasible"]
    summary: str
    objective: float
    bound: float = Field(description="no plan has a smaller objective")
    gap: float = Field(description="the share by which the best plan may be better at most")
    seconds: float
    was_stopped: bool
    weights: dict[str, float]
    figures: dict[str, PlanFiguresBody] = Field(description="of this plan and of the others")
    gains: list[PlanGainBody]
    obstacles: list[ObstacleBody]
    advice: str


class MadePlanBody(PlanSummaryBody):
    tasks: list[PlacedTaskBody]


class PlanPage(Closed):
    plans: list[PlanSummaryBody] = Field(description="the newest first")


async def make(request: Request) -> Response:
    body = PlanBody.model_validate_json(await read_body(request))
    return model_response(await made_plan(request, body))


async def made_plan(request: Request, body: PlanBody) -> MadePlanBody:
    """Plan, and keep it. Raises Overloaded while another is made in this process."""
    state, at = request.app.state, body.as_of or instants.now()
    if not hasattr(state, "planning_lock"):
        state.planning_lock = Lock()
    lock, cache = state.planning_lock, estimators_of(state) if body.as_of is None else None
    wanted, actor = to_request(body), actor_of(request, body.actor)

    def work(store: Store) -> PlanRow:
        if not lock.acquire(blocking=False):
            raise Overloaded("another plan is being made; try again in some seconds")
        try:
            plan = plan_as_json(show_plan(allocate(store, wanted, at, cache)))
        finally:
            lock.release()
        now = instants.now()
        return PlanRow(keep_plan(store, plan, actor, now), now, actor, plan)

    return _body(await write_store(request, work))


def to_request(body: PlanBody) -> AllocationRequest:
    tasks = []
    for row in body.tasks:
        values = row.model_dump(exclude={"status"})
        values |= {"after": tuple(row.after), "skills": tuple(row.skills)}
        tasks.append(TaskToPlace(**values, is_running=row.status == "running"))
    pools = None if body.pools is None else [to_pool(one.name, one) for one in body.pools]
    weights = Weights(**body.weights.model_dump())
    return AllocationRequest(tasks, pools, weights, body.limit_s, body.quantile)


async def listing(request: Request) -> Response:
    at, number = read_as_of(request), request.query_params.get("limit", "20")
    if not number.isascii() or not number.isdigit() or not 1 <= int(number[:9]) <= MOST_PLANS:
        raise BadInput(f"limit: {number[:20]!r} is not 1 to {MOST_PLANS}", "limit")
    rows = await read_store(request, lambda store: list_plans(store, at, int(number)))
    return model_response(PlanPage(plans=[_summary(row) for row in rows]))


async def one(request: Request) -> Response:
    file_format = check_format(request.query_params.get("format", "json"))
    text = request.path_params["id"]
    if not text.isascii() or not text.isdigit():
        raise BadInput(f"id: {text[:20]!r} is no number of a plan", "id")
    number = int(text[:20])
    row = await read_store(request, lambda store: find_plan(store, number))
    if file_format == "json":
        return model_response(_body(row))
    exported = export_plan(plan_from_json(row.plan), file_format)
    name = f'attachment; filename="plan-{row.id}.{file_format}"'
    headers = {"content-disposition": name, "x-content-type-options": "nosniff"}
    return Response(exported, media_type=MEDIA_TYPES[file_format], headers=headers)


def _body(row: PlanRow) -> MadePlanBody:
    return MadePlanBody.model_validate({**row.plan, "id": row.id, "actor": row.actor})


def _summary(row: PlanRow) -> PlanSummaryBody:
    return PlanSummaryBody.model_validate({**row.plan, "id": row.id, "actor": row.actor})


TEXT = {"type": "string"}
ENDPOINTS = (
    Endpoint(
        "POST",
        "/plans",
        make,
        "record",
        "Plan which task runs in which pool, and when",
        {200: ("The plan, beside first come first served and greedy", MadePlanBody)},
        (400, 404, 409, 413, 422, 503),
        request=PlanBody,
        tag=Tag.PLANNING,
        name="make_plan",
    ),
    Endpoint(
        "GET",
        "/plans",
        listing,
        "read",
        "List plans that were made",
        {200: ("The newest first, without their tasks", PlanPage)},
        (422, 503),
        parameters=[
            in_query("as_of", "Plans made by then", TEXT),
            in_query("limit", "How many; 20 if left out, at most 100", {"type": "integer"}),
        ],
        tag=Tag.PLANNING,
        name="read_plans",
    ),
    Endpoint(
        "GET",
        "/plans/{id}",
        one,
        "read",
        "Read a plan, as JSON, CSV, calendar or Slurm script",
        {200: ("The plan", MadePlanBody)},
        (404, 422, 503),
        parameters=[
            in_path("id", "Number of the plan", {"type": "integer", "minimum": 1}),
            in_query("format", "json, csv, ics or sh; json if left out", TEXT),
        ],
        tag=Tag.PLANNING,
        name="read_plan",
    ),
)
