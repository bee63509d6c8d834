"""Which visits to hosts and devices were due, and what came of them, over HTTP."""

from dataclasses import asdict
from datetime import datetime
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store
from bentos.http.parameters import read_as_of
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.advice.visit_views import DueVisits, due_visits
from runlore.kernel.errors import BadInput
from runlore.store.engine import Store

FILTERS = ("as_of", "scope")
LONGEST = 1024


class VisitRecordBody(Closed):
    due: int
    visited: int = Field(description="a visit came first, within the horizon")
    failed: int = Field(description="a failure came first, within the horizon")
    neither: int
    open: int
    dismissed: int
    foreseen: float = Field(
        description="failures expected until each was visited, failed, or its horizon ended"
    )


class DueVisitBody(Closed):
    """id: to dismiss it, `POST /advice/{id}/dismiss`. spec: the maintenance spec."""

    id: int
    scope: str
    spec: str
    issued_at: datetime
    because: Literal["visit", "risk"]
    visit_at: datetime | None = Field(description="null: no visit pays, but the risk is high")
    risk_week: float | None = Field(description="of a failure within seven days, then")
    risk_horizon: float | None = Field(description="of a failure within the horizon, then")
    state: Literal["open", "visited", "failed", "neither"]
    state_at: datetime | None = Field(description="of the visit or failure")
    is_dismissed: bool
    reason: str | None = Field(description="of who dismissed it")


class DueVisitsBody(Closed):
    as_of: datetime
    record: VisitRecordBody
    text: str = Field(description="the record in a sentence")
    visits: list[DueVisitBody] = Field(description="the newest first, at most 5,000")


async def listing(request: Request) -> Response:
    query = request.query_params
    for name, text in query.multi_items():
        if name not in FILTERS:
            raise BadInput(f"{name[:80]}: no such filter; there are: {', '.join(FILTERS)}", name)
        if "\x00" in text or len(text) > LONGEST:
            raise BadInput(f"{name}: use a shorter text without null characters", name)
    at = read_as_of(request)

    def work(store: Store) -> DueVisits:
        return due_visits(store, at, query.get("scope"))

    view = await read_store(request, work)
    return model_response(DueVisitsBody.model_validate(asdict(view)))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/maintenance/due",
        listing,
        "read",
        "Say which visits were due, and what came of them",
        {200: ("The visits and their record", DueVisitsBody)},
        (400, 422, 503),
        parameters=[
            in_query("scope", "Only this host or device", {"type": "string"}),
            in_query("as_of", "Use only what was known then", {"type": "string"}),
        ],
        tag=Tag.ADVICE,
        name="read_due_visits",
    ),
)
