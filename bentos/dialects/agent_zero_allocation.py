"""`/api/v3/resource-optimization`: which task gets which resource, and when."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.plans import (
    LIMIT_S,
    LONGEST_LIMIT_S,
    MOST_POOLS,
    MadePlanBody,
    PlanBody,
    PoolToUse,
    TaskToPlaceBody,
    made_plan,
)
from bentos.api.store_access import model_response
from bentos.dialects.words import in_its_words
from bentos.http.bodies import read_body
from bentos.http.fields import Id, Instant, Name, Values
from bentos.http.routing import Endpoint, Tag
from bentos.http.schemas import Closed
from runlore.planning.rules.allocation.task_to_place import MOST_AFTER, MOST_TASKS

PATH = "/api/v3/resource-optimization"
HOUR_S = 3600
WORDS = {
    "id": "task_id",
    "kind": "task_type",
    "duration_s": "estimated_hours",
    "after": "depends_on",
    "release": "earliest_start",
    "pool": "resource",
    "pools": "resources",
    "size": "capacity",
    "serves": "task_types",
}
EXAMPLE: dict[str, Any] = {
    "tasks": [
        {"task_id": "T1", "estimated_hours": 2, "deadline": "2026-03-02T12:00:00Z"},
        {"task_id": "T2", "estimated_hours": 1, "depends_on": ["T1"], "priority": 2},
    ],
    "resources": [{"resource": "gpu", "capacity": 1, "cost_per_hour": 2.5}],
    "start": "2026-03-02T08:00:00Z",
}
Names = Annotated[list[Id], Field(max_length=MOST_AFTER)]


class TaskToAssign(Closed):
    """estimated_hours: without it, estimated from finished tasks of the type."""

    task_id: Annotated[Id, Field(max_length=200)]
    task_type: Name = ""
    project: Name | None = None
    user: Name | None = None
    parameters: Values = Field(default_factory=dict)
    estimated_hours: Annotated[float, Field(gt=0, le=9_600)] | None = None
    depends_on: Names = Field(default_factory=list)
    earliest_start: Instant | None = None
    due: Instant | None = None
    deadline: Instant | None = None
    priority: Annotated[float, Field(gt=0, le=1_000)] = 1.0
    skills: Names = Field(default_factory=list)


class ResourceToUse(Closed):
    resource: Annotated[Id, Field(max_length=200)]
    capacity: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    task_types: Names = Field(default_factory=list, description="none: all")
    skills: Names = Field(default_factory=list)
    cost_per_hour: Annotated[float, Field(ge=0, le=1e12)] | None = None


class OptimizationQuestion(Closed):
    """resources: without them, the pools that are declared."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    tasks: Annotated[list[TaskToAssign], Field(min_length=1, max_length=MOST_TASKS)]
    resources: Annotated[list[ResourceToUse], Field(min_length=1, max_length=MOST_POOLS)] | None = (
        None
    )
    start: Instant | None = Field(default=None, description="plan from then on; without it, now")
    time_limit_seconds: Annotated[float, Field(gt=0, le=LONGEST_LIMIT_S)] = LIMIT_S


class ResourceAssignment(Closed):
    task_id: str
    resource: str
    start: datetime
    end: datetime
    late_seconds: int
    on_time_probability: float
    is_promised: bool | None
    cost: float


class ComparedMethod(Closed):
    """saved_percent: of the objective, by the plan."""

    method: str
    objective: float
    saved_percent: float


class AssignmentConflict(Closed):
    task_id: str
    reason: str
    suggestion: str


class OptimizedResources(Closed):
    plan_id: int
    status: Literal["optimal", "feasible", "infeasible"]
    explanation: str
    objective: float
    optimality_gap: float
    assignments: list[ResourceAssignment]
    compared_with: list[ComparedMethod]
    conflicts: list[AssignmentConflict]
    suggestion: str


async def optimize(request: Request) -> Response:
    body = OptimizationQuestion.model_validate_json(await read_body(request))
    with in_its_words(WORDS):
        made = await made_plan(request, _question(body))
    return model_response(_answer(made))


def _question(body: OptimizationQuestion) -> PlanBody:
    pools = [
        PoolToUse(
            name=one.resource,
            size=float(one.capacity),
            serves=one.task_types,
            skills=one.skills,
            cost_per_hour=one.cost_per_hour,
        )
        for one in body.resources or ()
    ]
    tasks = [_task(one) for one in body.tasks]
    return PlanBody(
        tasks=tasks, pools=pools or None, as_of=body.start, limit_s=body.time_limit_seconds
    )


def _task(one: TaskToAssign) -> TaskToPlaceBody:
    hours = one.estimated_hours
    return TaskToPlaceBody(
        id=one.task_id,
        kind=one.task_type,
        actor=one.user,
        scope=one.project,
        inputs=one.parameters,
        duration_s=None if hours is None else hours * HOUR_S,
        after=one.depends_on,
        release=one.earliest_start,
        due=one.due,
        deadline=one.deadline,
        priority=one.priority,
        skills=one.skills,
    )


def _answer(made: MadePlanBody) -> OptimizedResources:
    assignments = [
        ResourceAssignment(
            task_id=task.id,
            resource=task.pool,
            start=task.start,
            end=task.end,
            late_seconds=task.late_s,
            on_time_probability=task.chance,
            is_promised=task.is_promised,
            cost=task.cost,
        )
        for task in made.tasks
    ]
    compared = [
        ComparedMethod(
            method=gain.over,
            objective=made.figures[gain.over].objective,
            saved_percent=100 * gain.share,
        )
        for gain in made.gains
    ]
    conflicts = [
        AssignmentConflict(task_id=one.task, reason=one.reason, suggestion=one.remedy)
        for one in made.obstacles
    ]
    return OptimizedResources(
        plan_id=made.id,
        status=made.status,
        explanation=made.summary,
        objective=made.objective,
        optimality_gap=made.gap,
        assignments=assignments,
        compared_with=compared,
        conflicts=conflicts,
        suggestion=made.advice,
    )


ENDPOINTS = (
    Endpoint(
        "POST",
        PATH,
        optimize,
        "record",
        "Assign tasks to resources and times",
        {200: ("The assignments, beside simpler methods", OptimizedResources)},
        (400, 404, 409, 413, 422, 503),
        request=OptimizationQuestion,
        tag=Tag.AGENT_ZERO,
    ),
)
