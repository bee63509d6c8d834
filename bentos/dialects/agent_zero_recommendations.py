"""`/api/v3/learning-recommendations`: what has worked in similar projects."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.projects import TEXT
from bentos.api.recommendations import RecommendationBody, issue_view, page_of
from bentos.api.store_access import model_response
from bentos.dialects.query_parameters import filters
from bentos.http.bodies import read_body
from bentos.http.fields import Id
from bentos.http.identity import actor_of
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.planning.recommendation_views import RecommendationView

PATH = "/api/v3/learning-recommendations"
EXAMPLE: dict[str, Any] = {"project": "web", "requested_by": "ann"}
Status = Literal["open", "followed", "dismissed"]


class LearningQuestion(Closed):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    project: Id
    requested_by: Annotated[Id, Field(max_length=100)] = "agent-zero"


class LearningRecommendation(Closed):
    """change: of the failure rate, or of the time as a share; low, high: its interval."""

    recommendation_id: int
    project: str
    recommendation: str
    task_type: str
    parameter: str
    value: str
    metric: Literal["failures", "duration"]
    change: float
    low: float
    high: float
    based_on_projects: int
    status: Status


class LearningRecommendations(Closed):
    """comparisons: how many were made for a new question. message: why there is none."""

    recommendations: list[LearningRecommendation]
    comparisons: int | None
    message: str


async def listing(request: Request) -> Response:
    query = filters(request, ("project",))
    page = await page_of(request, query.get("project"))
    rows = [_row(one) for one in page.recommendations]
    message = "" if rows else "none was made yet"
    return model_response(
        LearningRecommendations(recommendations=rows, comparisons=None, message=message)
    )


async def ask(request: Request) -> Response:
    body = LearningQuestion.model_validate_json(await read_body(request))
    view = await issue_view(request, body.project, actor_of(request, body.requested_by))
    return model_response(
        LearningRecommendations(
            recommendations=[_row(one) for one in view.recommendations],
            comparisons=view.looked_at,
            message=view.reason,
        )
    )


def _row(one: RecommendationBody | RecommendationView) -> LearningRecommendation:
    decided: dict[str | None, Status] = {"follow": "followed", "dismiss": "dismissed"}
    return LearningRecommendation.model_validate(
        {
            "recommendation_id": one.id,
            "project": one.project,
            "recommendation": one.text,
            "task_type": one.kind,
            "parameter": one.input,
            "value": one.value,
            "metric": one.measure,
            "change": one.effect,
            "low": one.low,
            "high": one.high,
            "based_on_projects": one.projects,
            "status": decided.get(one.decision, "open"),
        }
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        PATH,
        listing,
        "read",
        "List recommendations to projects",
        {200: ("The newest first", LearningRecommendations)},
        (422, 503),
        parameters=[in_query("project", "Only those to this project", TEXT)],
        tag=Tag.AGENT_ZERO,
    ),
    Endpoint(
        "POST",
        PATH,
        ask,
        "record",
        "Recommend to a project what has worked in similar ones",
        {200: ("Those that hold now, or why there is none", LearningRecommendations)},
        (400, 404, 413, 422, 503),
        request=LearningQuestion,
        tag=Tag.AGENT_ZERO,
    ),
)
