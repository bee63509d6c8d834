"""`/api/v3/project-similarity`: which projects are alike."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.projects import MOST, TEXT, USUAL, limit_of, similar_view
from bentos.api.store_access import model_response
from bentos.dialects.query_parameters import filters
from bentos.http.bodies import read_body
from bentos.http.fields import Id
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.kernel.errors import BadInput, NotFound
from runlore.planning.project_views import SimilarProject, SimilarProjectsView

PATH = "/api/v3/project-similarity"
EXAMPLE: dict[str, Any] = {"project": "web", "limit": 5}


class SimilarityQuestion(Closed):
    """With `other`, only that project; else the most similar ones."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    project: Id
    other: Id | None = None
    limit: Annotated[int, Field(ge=1, le=MOST, strict=True)] = USUAL


class ProjectSimilarity(Closed):
    """similarity, metrics: 0 to 1; null: too little is known. evidence: by metric."""

    project: str
    similarity: float | None
    metrics: dict[str, float | None]
    evidence: dict[str, int]
    category: str | None
    executions: int


class ProjectSimilarities(Closed):
    project: str
    category: str | None
    executions: int
    similar_projects: list[ProjectSimilarity]


async def ask(request: Request) -> Response:
    query = filters(request, ("project", "limit"))
    if not query.get("project"):
        raise BadInput("project: name a project, such as ?project=web", "project")
    limit = limit_of(query.get("limit"))
    view = await similar_view(request, query["project"], limit, None)
    return model_response(_answer(view, view.similar))


async def compare(request: Request) -> Response:
    body = SimilarityQuestion.model_validate_json(await read_body(request))
    limit = body.limit if body.other is None else MOST
    view = await similar_view(request, body.project, limit, None)
    if body.other is None:
        return model_response(_answer(view, view.similar))
    only = tuple(one for one in view.similar if one.project == body.other)
    if not only:
        raise NotFound(f"other: no project {body.other!r} beside {body.project!r} has executions")
    return model_response(_answer(view, only))


def _answer(view: SimilarProjectsView, similar: tuple[SimilarProject, ...]) -> ProjectSimilarities:
    return ProjectSimilarities(
        project=view.project,
        category=view.category,
        executions=view.executions,
        similar_projects=[
            ProjectSimilarity(
                project=one.project,
                similarity=one.likeness,
                metrics={part.part: part.likeness for part in one.parts},
                evidence={part.part: part.n for part in one.parts},
                category=one.category,
                executions=one.executions,
            )
            for one in similar
        ],
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        PATH,
        ask,
        "read",
        "List the projects that are most like one",
        {200: ("The most similar first", ProjectSimilarities)},
        (404, 422, 503),
        parameters=[
            in_query("project", "A scope of the log", TEXT, required=True),
            in_query("limit", f"How many; {USUAL} without it", {"type": "integer"}),
        ],
        tag=Tag.AGENT_ZERO,
    ),
    Endpoint(
        "POST",
        PATH,
        compare,
        "read",
        "Compare a project with another, or with those most like it",
        {200: ("Similarity by metric, with its evidence", ProjectSimilarities)},
        (400, 404, 413, 422, 503),
        request=SimilarityQuestion,
        tag=Tag.AGENT_ZERO,
    ),
)
