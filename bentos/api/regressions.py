"""Regressions of series over HTTP."""

from dataclasses import asdict
from datetime import datetime

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.signals import TEXT, asked_instant, positive_number
from bentos.api.store_access import model_response, read_store
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.signals.actions.regressions import LEAST, RegressionQuery, find_regressions
from runlore.signals.regression_views import show_regression
from runlore.signals.rules.regressions.bad_direction import BadDirection

DIRECTIONS: dict[str, BadDirection] = {"up": "up", "down": "down", "both": "both"}


class RegressionBody(Closed):
    """A lasting change for the worse. low, high: its interval of 95 %."""

    series: str
    scope: str
    source: str
    started_at: datetime
    seen_at: datetime = Field(description="when the points made it certain")
    change: float = Field(description="as a share of `before`")
    low: float
    high: float
    before: float
    after: float
    is_standing: bool = Field(description="the level has not come back")


class RegressionPage(Closed):
    regressions: list[RegressionBody] = Field(description="the newest first")


async def regressions(request: Request) -> Response:
    query = request.query_params
    bad = query.get("bad")
    if bad is not None and bad not in DIRECTIONS:
        raise BadInput(f"bad: {bad[:40]!r} is none of {', '.join(DIRECTIONS)}", "bad")
    name = query.get("series")
    if name is not None and "\x00" in name:
        raise BadInput("series: no series has such a name", "series")
    wanted = RegressionQuery(
        name,
        query.get("scope"),
        query.get("source"),
        positive_number(query.get("least"), "least", LEAST * 100) / 100,
        instants.parse(query["since"], "since") if "since" in query else None,
        DIRECTIONS[bad] if bad else None,
    )
    as_of = asked_instant(query)
    rows = await read_store(request, lambda store: find_regressions(store, wanted, as_of))
    bodies = [RegressionBody.model_validate(asdict(show_regression(one))) for one in rows]
    return model_response(RegressionPage(regressions=bodies))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/signals/regressions",
        regressions,
        "read",
        "List lasting changes of series for the worse",
        {200: ("The newest first", RegressionPage)},
        (400, 404, 422, 503),
        parameters=[
            in_query("series", "Its name; without it, all series", TEXT),
            in_query("scope", "Only of this scope", TEXT),
            in_query("source", "Only from this source", TEXT),
            in_query(
                "least", "The smallest change, in per cent", {"type": "number", "default": 10}
            ),
            in_query("since", "Only those that began then or later", {"type": "string"}),
            in_query("bad", "The bad direction: up, down or both", {"type": "string"}),
            in_query("at", "Use only what was known then", {"type": "string"}),
        ],
        tag=Tag.SIGNALS,
        name="read_regressions",
    ),
)
