"""How alike projects are, over HTTP."""

from dataclasses import asdict
from datetime import datetime
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.project_caches import PlanningCaches, caches_of
from bentos.api.store_access import model_response, read_store
from bentos.http.fields import NO_NUL
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.planning.actions.projects import ProjectMap, find_similar, map_projects
from runlore.planning.project_views import SimilarProjectsView, show_map, show_similar
from runlore.records.validate import LONGEST_KEY_BYTES
from runlore.store.engine import Store

USUAL, MOST = 10, 1_000
TEXT = {"type": "string", "maxLength": LONGEST_KEY_BYTES, "pattern": NO_NUL}
Part = Literal["kinds", "inputs", "words", "durations", "failures", "costs"]


class LikenessPartBody(Closed):
    part: Part
    likeness: float | None = Field(description="0 to 1; null: too little is known")
    n: int = Field(description="evidence of the smaller side: executions, amounts or words")


class SimilarProjectBody(Closed):
    """likeness: the mean of what they do and how it goes, each the mean of its known parts."""

    project: str
    likeness: float | None
    parts: list[LikenessPartBody]
    category: str | None
    executions: int


class SimilarProjectsBody(Closed):
    """read_at: as of when the log was read."""

    project: str
    executions: int
    category: str | None
    similar: list[SimilarProjectBody] = Field(description="the most similar first")
    compared: int = Field(description="with how many projects it was compared")
    read_at: datetime


class ProjectPointBody(Closed):
    """x, y: a place on the map of likeness; near projects are alike."""

    project: str
    executions: int
    failure_rate: float | None
    category: str | None
    x: float
    y: float


class CategoryBody(Closed):
    name: str = Field(description="what sets its projects apart")
    projects: list[str]


class ProjectMapBody(Closed):
    projects: list[ProjectPointBody] = Field(description="those with the most executions first")
    categories: list[CategoryBody]
    read_at: datetime


async def similar(request: Request) -> Response:
    query = request.query_params
    if not query.get("project"):
        raise BadInput("project: name a project, such as ?project=web", "project")
    view = await similar_view(
        request, query["project"], limit_of(query.get("limit")), as_of_of(request)
    )
    return model_response(SimilarProjectsBody.model_validate(asdict(view)))


async def similar_view(
    request: Request, project: str, limit: int, as_of: datetime | None
) -> SimilarProjectsView:
    check_project(project)
    return await read_store(
        request,
        lambda store: show_similar(
            find_similar(project_map(request, store, as_of), project, limit)
        ),
    )


async def projects(request: Request) -> Response:
    as_of = as_of_of(request)
    view = await read_store(request, lambda store: show_map(project_map(request, store, as_of)))
    return model_response(ProjectMapBody.model_validate(asdict(view)))


def project_map(request: Request, store: Store, as_of: datetime | None) -> ProjectMap:
    """Of now from what was read in the last minutes; of an earlier instant read anew."""
    if as_of is not None:
        return map_projects(store, as_of)
    return service_caches(request).projects.get(store, instants.now())


def service_caches(request: Request) -> PlanningCaches:
    return caches_of(getattr(request.app.state, "product", request.app))


def check_project(project: str) -> None:
    if "\x00" in project or len(project.encode()) > LONGEST_KEY_BYTES:
        raise BadInput("project: no project has such a name", "project")


def limit_of(text: str | None) -> int:
    if text is None:
        return USUAL
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= MOST):
        raise BadInput(f"limit: {text[:40]!r} is not a number from 1 to {MOST:,}", "limit")
    return int(text)


def as_of_of(request: Request) -> datetime | None:
    text = request.query_params.get("as_of")
    return None if text is None else instants.parse(text, "as_of")


AS_OF = in_query("as_of", "Use only what was known then", {"type": "string"})
ENDPOINTS = (
    Endpoint(
        "GET",
        "/projects/similar",
        similar,
        "read",
        "List the projects that are most like one, part by part",
        {200: ("The most similar first", SimilarProjectsBody)},
        (404, 422, 503),
        parameters=[
            in_query("project", "A scope of the log", TEXT, required=True),
            in_query("limit", f"How many; {USUAL} without it", {"type": "integer"}),
            AS_OF,
        ],
        tag=Tag.PLANNING,
        name="read_similar_projects",
    ),
    Endpoint(
        "GET",
        "/projects",
        projects,
        "read",
        "List projects with their categories, and their places on a map of likeness",
        {200: ("The largest first", ProjectMapBody)},
        (422, 503),
        parameters=[AS_OF],
        tag=Tag.PLANNING,
        name="read_projects",
    ),
)
