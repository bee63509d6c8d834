"""Estimates of projects that have done little of some work, over HTTP."""

from dataclasses import asdict

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.projects import AS_OF, TEXT, as_of_of, check_project, project_map
from bentos.api.store_access import model_response, read_store
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.planning.actions.transfer import borrow
from runlore.planning.transfer_views import BorrowedView, show_borrowed
from runlore.store.engine import Store


class BorrowingReplayBody(Closed):
    """Errors of past projects when so many of their rows were known."""

    rows: int
    own: float | None
    pooled: float
    ours: float
    hurt: float = Field(description="share of past projects in which borrowing did worse")
    is_refused: bool


class BorrowedBody(Closed):
    """own, others: what the project's rows say, and what other projects do."""

    project: str
    kind: str
    measure: str
    unit: str
    value: float = Field(description="the median; of `failed`, the failure rate")
    quantiles: dict[str, float]
    rows: int
    own: float | None
    others: float | None
    own_weight: float
    is_guess: bool = Field(description="no row of its own is known")
    is_refused: bool = Field(description="other projects do not count, as `reason` says")
    reason: str
    projects: int
    replay: list[BorrowingReplayBody]


async def borrowed(request: Request) -> Response:
    query, as_of = request.query_params, as_of_of(request)
    for name in ("project", "kind"):
        if not query.get(name):
            raise BadInput(f"{name}: say which, such as ?project=web&kind=build", name)
    project, kind = query["project"], query["kind"]
    measure = query.get("measure", "duration_s")
    for text in (project, kind, measure):
        check_project(text)

    def work(store: Store) -> BorrowedView:
        at = as_of or instants.now()
        projects = project_map(request, store, as_of)
        return show_borrowed(borrow(store, project, kind, measure, at, projects))

    view = await read_store(request, work)
    return model_response(BorrowedBody.model_validate(asdict(view)))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/projects/borrowed",
        borrowed,
        "read",
        "Estimate what work takes in a project that has done little of it",
        {200: ("An estimate, and how much of it is borrowed", BorrowedBody)},
        (404, 409, 422, 503),
        parameters=[
            in_query("project", "A scope of the log, or a new one", TEXT, required=True),
            in_query("kind", "What sort of work it is", TEXT, required=True),
            in_query("measure", "duration_s, failed, or a number of outcomes", TEXT),
            AS_OF,
        ],
        tag=Tag.PLANNING,
        name="borrow_estimate",
    ),
)
