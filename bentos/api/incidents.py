"""Incidents over HTTP: the series that deviate now, by what they have in common."""

from datetime import datetime

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.kernel.errors import BadInput
from runlore.signals.actions.incident_list import read_incidents

STATES = ("open", "all")


class MovedSeriesBody(Closed):
    """seen: its first unusual value. low, high: what was usual."""

    source: str
    name: str
    scope: str
    sort: str = Field(description="value, flat or missing")
    since: datetime
    seen: float
    expected: float
    low: float
    high: float
    probability: float | None = Field(
        description="of a value so far off or further; null: not known"
    )
    ended_at: datetime | None


class IncidentBody(Closed):
    """since: the first unusual point. count: of the series; the first 20 of them are listed."""

    id: int
    subject: str = Field(description="the scope of its series")
    since: datetime
    opened_at: datetime
    resolved_at: datetime | None
    count: int
    series: list[MovedSeriesBody]
    what: str
    certainty: str


class IncidentPage(Closed):
    incidents: list[IncidentBody] = Field(description="the newest first, 500 at most")


async def listing(request: Request) -> Response:
    state = request.query_params.get("state", "open")
    if state not in STATES:
        raise BadInput(f"state: {state[:40]!r} is none of {', '.join(STATES)}", "state")
    rows = await read_store(request, lambda store: read_incidents(store, is_all=state == "all"))
    return model_response(IncidentPage.model_validate({"incidents": rows}))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/signals/incidents",
        listing,
        "read",
        "List what deviates: the series that moved, since when, and how unlikely that is",
        {200: ("The newest first", IncidentPage)},
        (422, 503),
        parameters=[
            in_query("state", "open or all", {"type": "string", "enum": list(STATES)}),
        ],
        tag=Tag.SIGNALS,
        name="read_incidents",
    ),
)
