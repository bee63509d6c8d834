"""`/api/v3/resource-prediction`: what a task will need."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.estimates import estimate_views
from bentos.api.store_access import model_response
from bentos.dialects.words import in_its_words
from bentos.http.bodies import read_body
from bentos.http.fields import Name, Values
from bentos.http.routing import Endpoint, Tag
from bentos.http.schemas import Closed
from runlore.planning.actions.estimates import PlannedTask
from runlore.planning.views import EstimateView

PATH = "/api/v3/resource-prediction"
WORDS = {"kind": "task_type", "measure": "resources", "inputs": "parameters"}
MEASURES = {"time": "duration_s", "cost": "cost", "memory": "peak_memory_bytes"}
EXAMPLE: dict[str, Any] = {"task_type": "build", "parameters": {"nodes": 4}}
Resource = Literal["time", "cost", "memory"]


class ResourceQuestion(Closed):
    """cost: the number `cost` of outcomes; memory: `peak_memory_bytes`."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    task_type: Name
    project: Name | None = None
    user: Name | None = None
    parameters: Values = Field(default_factory=dict)
    resources: Annotated[tuple[Resource, ...], Field(min_length=1, max_length=3)] = ("time",)


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


async def predict(request: Request) -> Response:
    body = ResourceQuestion.model_validate_json(await read_body(request))
    tasks = [
        PlannedTask(body.task_type, MEASURES[name], body.user, body.project, body.parameters)
        for name in body.resources
    ]
    with in_its_words(WORDS):
        views = await estimate_views(request, tasks, None)
    answers = [_answer(name, view) for name, view in zip(body.resources, views, strict=True)]
    return model_response(PredictedResources(task_type=body.task_type, predictions=answers))


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
        "Predict the time, cost and memory of a task",
        {200: ("A prediction for each resource", PredictedResources)},
        (400, 404, 409, 413, 422, 503),
        request=ResourceQuestion,
        tag=Tag.AGENT_ZERO,
    ),
)
