"""What has worked in projects like one, over HTTP."""

from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.projects import TEXT, check_project, project_map, service_caches
from bentos.api.store_access import model_response, read_store, write_store
from bentos.http.bodies import read_body
from bentos.http.fields import Id, Words
from bentos.http.identity import actor_of
from bentos.http.parameters import number_of
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from runlore.kernel import instants
from runlore.planning.actions import recommendations
from runlore.planning.actions.recommendations import Decision
from runlore.planning.recommendation_views import AdviceView, show_advice, show_recommendation
from runlore.store.engine import Store

EXAMPLE: dict[str, Any] = {"project": "web", "actor": "ann"}
WHY: dict[str, Any] = {"actor": "ann", "reason": "the cache is worth a try"}
Person = Annotated[Id, Field(max_length=100)]


class AdviceQuestion(Closed):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    project: Id
    actor: Person


class DecisionBody(Closed):
    model_config = ConfigDict(json_schema_extra={"examples": [WHY]})

    actor: Person
    reason: Annotated[Words, Field(max_length=500)] = ""


class RecommendationBody(Closed):
    """effect, low, high: with the value minus without; failures as shares, duration as a share of
    the time. The interval allows for all `looked_at` comparisons."""

    id: int
    project: str
    text: str
    kind: str
    input: str
    value: str
    action: Literal["use", "avoid"]
    measure: Literal["failures", "duration"]
    effect: float
    low: float
    high: float
    base: float | None = Field(description="the failure rate without the value")
    projects: int
    looked_at: int
    share: float = Field(description="of the project's runs that had the value then")
    issued_at: datetime
    decision: Literal["follow", "dismiss"] | None
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None


class AdviceBody(Closed):
    project: str
    category: str | None
    looked_at: int = Field(description="how many comparisons were made")
    recommendations: list[RecommendationBody]
    reason: str = Field(description="why there is none; else empty")


class GroupOutcomeBody(Closed):
    """Plain counts of the runs of recommended kinds, 90 days before and after."""

    followed: bool
    recommendations: int
    runs_before: int
    failed_before: int
    runs_after: int
    failed_after: int
    with_value_before: int
    with_value_after: int


class RecommendationPage(Closed):
    recommendations: list[RecommendationBody] = Field(description="the newest first")
    outcomes: list[GroupOutcomeBody]


class DecidedRecommendation(Closed):
    id: int
    decision: Literal["follow", "dismiss"]


async def issue(request: Request) -> Response:
    body = AdviceQuestion.model_validate_json(await read_body(request))
    view = await issue_view(request, body.project, actor_of(request, body.actor))
    return model_response(AdviceBody.model_validate(asdict(view)))


async def issue_view(request: Request, project: str, actor: str) -> AdviceView:
    def work(store: Store) -> AdviceView:
        projects = project_map(request, store, None)
        effects = service_caches(request).effects.get(store, projects)
        at = instants.now()
        made = recommendations.recommend(store, projects, project, actor, at, effects)
        return show_advice(made)

    return await write_store(request, work)


async def listing(request: Request) -> Response:
    return model_response(await page_of(request, request.query_params.get("project")))


async def page_of(request: Request, project: str | None) -> RecommendationPage:
    if project is not None:
        check_project(project)
    at = instants.now()

    def work(store: Store) -> RecommendationPage:
        rows = recommendations.list_recommendations(store, at, project)
        groups = recommendations.outcomes(store, at)
        return RecommendationPage(
            recommendations=[
                RecommendationBody.model_validate(asdict(show_recommendation(one))) for one in rows
            ],
            outcomes=[GroupOutcomeBody.model_validate(asdict(one)) for one in groups],
        )

    return await read_store(request, work)


async def decide(decision: Decision, request: Request) -> Response:
    body = DecisionBody.model_validate_json(await read_body(request))
    number, at = number_of(request.path_params["id"], "a recommendation"), instants.now()
    actor = actor_of(request, body.actor)
    await write_store(
        request,
        lambda store: recommendations.decide(store, number, decision, actor, body.reason, at),
    )
    return model_response(DecidedRecommendation(id=number, decision=decision))


def _deciding(decision: Decision, summary: str) -> Endpoint:
    return Endpoint(
        "POST",
        f"/recommendations/{{id}}/{decision}",
        partial(decide, decision),
        "record",
        summary,
        {200: ("It is on record", DecidedRecommendation)},
        (400, 404, 409, 413, 422, 503),
        DecisionBody,
        [in_path("id", "As the list shows it", {"type": "string"})],
        tag=Tag.PLANNING,
        name=f"{decision}_recommendation",
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        "/recommendations",
        listing,
        "read",
        "List recommendations to projects, decisions, and what came of them",
        {200: ("The newest first", RecommendationPage)},
        (422, 503),
        parameters=[in_query("project", "Only those to this project", TEXT)],
        tag=Tag.PLANNING,
        name="read_recommendations",
    ),
    Endpoint(
        "POST",
        "/recommendations",
        issue,
        "record",
        "Recommend to a project what has worked in projects like it",
        {200: ("Those that hold now, or why there is none", AdviceBody)},
        (400, 404, 413, 422, 503),
        AdviceQuestion,
        tag=Tag.PLANNING,
        name="recommend",
    ),
    _deciding("follow", "Follow a recommendation"),
    _deciding("dismiss", "Dismiss a recommendation; the project does not get it again"),
)
