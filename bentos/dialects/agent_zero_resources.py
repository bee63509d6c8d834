"""`/api/v3/resource-prediction`: what a task will need."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, RootModel
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.estimates import TASKS, estimate_views, project_view
from bentos.api.store_access import model_response
from bentos.dialects.words import in_its_words
from bentos.http.bodies import read_body
from bentos.http.fields import Id, Name, Values
from bentos.http.routing import Endpoint, Tag
from bentos.http.schemas import Closed
from runlore.kernel.errors import BadInput
from runlore.planning.actions.estimates import PlannedTask
from runlore.planning.actions.project_estimates import MOST_TASKS_OF_PROJECT, ProjectTask
from runlore.planning.project_estimate_views import ProjectView
from runlore.planning.views import EstimateView

PATH = "/api/v3/resource-prediction"
WORDS = {"kind": "task_type", "measure": "resources", "inputs": "parameters"}
MEASURES = {"time": "duration_s", "cost": "cost", "memory": "peak_memory_bytes"}
EXAMPLE: dict[str, Any] = {"task_type": "build", "parameters": {"nodes": 4}}
PROJECT_EXAMPLE: dict[str, Any] = {
    "project": "web",
    "tasks": [
        {"id": "A", "task_type": "build", "parameters": {"nodes": 4}},
        {"id": "B", "task_type": "build", "parameters": {"nodes": 8}, "depends_on": ["A"]},
    ],
}
Resource = Literal["time", "cost", "memory"]


class ProjectTaskQuestion(Closed):
    """depends_on: ids of the tasks to wait for."""

    id: Id
    task_type: Name
    user: Name | None = None
    parameters: Values = Field(default_factory=dict)
    depends_on: Annotated[list[Id], Field(max_length=MOST_TASKS_OF_PROJECT)] = Field(
        default_factory=list
    )


class ResourceQuestion(Closed):
    """cost: the number `cost` of outcomes; memory: `peak_memory_bytes`. With `tasks`, the whole
    project is predicted."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE, PROJECT_EXAMPLE]})

    task_type: Name | None = Field(default=None, description="needed without `tasks`")
    project: Name | None = None
    user: Name | None = None
    parameters: Values = Field(default_factory=dict)
    resources: Annotated[tuple[Resource, ...], Field(min_length=1, max_length=3)] = ("time",)
    tasks: Annotated[list[ProjectTaskQuestion], TASKS] | None = None

    def planned(self, resource: Resource) -> list[ProjectTask]:
        return [
            ProjectTask(
                one.id,
                PlannedTask(
                    one.task_type,
                    MEASURES[resource],
                    self.user if one.user is None else one.user,
                    self.project,
                    one.parameters,
                ),
                tuple(one.depends_on),
            )
            for one in self.tasks or ()
        ]


class PredictedResource(Closed):
    """low, high: of the interval of 80 %. within_15_percent: promised to be."""

    resource: Resource
    predicted: float
    unit: str
    low: float
    high: float
    within_15_percent: bool
    probability_within_15_percent: float
    explanation: str
    similar_tasks: int
    similarity: float
    methods: dict[str, float] = Field(description="weights of the combined methods")


class PredictedResources(Closed):
    task_type: str
    predictions: list[PredictedResource]


class ProjectTaskPrediction(Closed):
    """critical: how often the task is on the longest path; null: it is no time."""

    id: str
    predicted: float
    low: float
    high: float
    within_15_percent: bool
    critical: float | None


class PredictedProjectResource(Closed):
    """predicted, low, high: of the sum; elapsed: from the first start to the last end, null where
    the resource is no time."""

    resource: Resource
    predicted: float
    unit: str
    low: float
    high: float
    elapsed: float | None
    elapsed_low: float | None
    elapsed_high: float | None
    tasks: list[ProjectTaskPrediction]


class PredictedProject(Closed):
    project: str | None
    predictions: list[PredictedProjectResource]


class ResourceAnswer(RootModel[PredictedResources | PredictedProject]):
    """Of a task, or of a project where `tasks` were given."""


async def predict(request: Request) -> Response:
    body = ResourceQuestion.model_validate_json(await read_body(request))
    places = range(len(body.tasks or ()))
    with in_its_words(WORDS | {f"tasks.{at}.after": f"tasks.{at}.depends_on" for at in places}):
        if body.tasks is not None:
            return await _predict_project(request, body)
        if body.task_type is None:
            raise BadInput("kind: is missing; name it, or give `tasks`", "kind")
        tasks = [
            PlannedTask(body.task_type, MEASURES[name], body.user, body.project, body.parameters)
            for name in body.resources
        ]
        views = await estimate_views(request, tasks, None)
    answers = [_answer(name, view) for name, view in zip(body.resources, views, strict=True)]
    return model_response(PredictedResources(task_type=body.task_type, predictions=answers))


async def _predict_project(request: Request, body: ResourceQuestion) -> Response:
    for name, value in (("kind", body.task_type), ("inputs", body.parameters)):
        if value:
            raise BadInput(f"{name}: each of `tasks` has its own; leave it out", name)
    predictions = []
    for resource in body.resources:
        view = await project_view(request, body.planned(resource), None)
        predictions.append(_project_answer(resource, view))
    return model_response(PredictedProject(project=body.project, predictions=predictions))


def _project_answer(resource: Resource, view: ProjectView) -> PredictedProjectResource:
    span = view.span
    return PredictedProjectResource(
        resource=resource,
        predicted=view.total.value,
        unit=view.unit,
        low=view.total.quantiles["0.1"],
        high=view.total.quantiles["0.9"],
        elapsed=None if span is None else span.value,
        elapsed_low=None if span is None else span.quantiles["0.1"],
        elapsed_high=None if span is None else span.quantiles["0.9"],
        tasks=[
            ProjectTaskPrediction(
                id=task.id,
                predicted=task.value,
                low=task.quantiles["0.1"],
                high=task.quantiles["0.9"],
                within_15_percent=task.promise.is_made,
                critical=task.critical,
            )
            for task in view.tasks
        ],
    )


def _answer(resource: Resource, view: EstimateView) -> PredictedResource:
    return PredictedResource(
        resource=resource,
        predicted=view.value,
        unit=view.unit,
        low=view.quantiles["0.1"],
        high=view.quantiles["0.9"],
        within_15_percent=view.promise.is_made,
        probability_within_15_percent=view.promise.probability,
        explanation=view.promise.reason,
        similar_tasks=view.evidence.tasks,
        similarity=view.evidence.similarity,
        methods=dict(view.evidence.models),
    )


ENDPOINTS = (
    Endpoint(
        "POST",
        PATH,
        predict,
        "read",
        "Predict the time, cost and memory of a task or a project",
        {200: ("A prediction for each resource", ResourceAnswer)},
        (400, 404, 409, 413, 422, 503),
        request=ResourceQuestion,
        tag=Tag.AGENT_ZERO,
    ),
)
