"""When series reach their limits, over HTTP."""

from dataclasses import asdict
from datetime import datetime
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.signals import LONGEST_NAME, TEXT, positive_number
from bentos.api.store_access import model_response, read_store
from bentos.http.parameters import read_as_of
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from runlore.kernel.errors import BadInput
from runlore.signals.actions.forecasting import SeriesName
from runlore.signals.actions.limits import forecast_limit, forecast_limits, read_limit
from runlore.signals.limit_views import show_limit


class LimitBody(Closed):
    """early_at, late_at: the interval of 90 % of the date; null: later than the horizon."""

    series: str
    scope: str
    source: str
    unit: str
    limit: float
    side: Literal["above", "below"]
    state: Literal["crossed", "expected", "unlikely", "withheld"]
    finding: str = Field(description="what is to be expected, or why no date is said")
    early_at: datetime | None
    median_at: datetime | None
    late_at: datetime | None
    probability: float | None = Field(description="of a crossing within the horizon")
    horizon_days: float
    growth_per_day: float | None = Field(description="between clean-ups")
    growth_low: float | None
    growth_high: float | None
    clean_ups: int
    bursts: int
    last_value: float | None
    last_point_at: datetime
    step_s: int
    is_due: bool = Field(description="crossed, or may be within the lead time: an alert")


class LimitPage(Closed):
    limits: list[LimitBody] = Field(description="the soonest first")


async def limits(request: Request) -> Response:
    as_of, specs = read_as_of(request), request.app.state.product.series_specs
    made = await read_store(request, lambda store: forecast_limits(store, specs, as_of))
    bodies = [LimitBody.model_validate(asdict(show_limit(one))) for one in made]
    return model_response(LimitPage(limits=bodies))


async def limit(request: Request) -> Response:
    name, query = request.path_params["series"], request.query_params
    if "\x00" in name or len(name) > LONGEST_NAME:
        raise BadInput("series: no series has such a name", "series")
    wanted = SeriesName(name, query.get("scope"), query.get("source"))
    as_of, side = read_as_of(request), query.get("side", "above")
    given = read_limit(query["at"], side) if "at" in query else None
    days = positive_number(query["days"], "days", 1.0) if "days" in query else None
    specs = request.app.state.product.series_specs
    made = await read_store(
        request, lambda store: forecast_limit(store, specs, wanted, as_of, given, days)
    )
    return model_response(LimitBody.model_validate(asdict(show_limit(made))))


AS_OF = in_query("as_of", "Use only what was known then", {"type": "string"})
ENDPOINTS = (
    Endpoint(
        "GET",
        "/signals/limits",
        limits,
        "read",
        "List when series reach the limits that series specs declare",
        {200: ("The soonest first", LimitPage)},
        (422, 503),
        parameters=[AS_OF],
        tag=Tag.SIGNALS,
        name="read_limits",
    ),
    Endpoint(
        "GET",
        "/signals/limits/{series:path}",
        limit,
        "read",
        "Say when a series reaches a limit, with an interval",
        {200: ("A date, or why there is none", LimitBody)},
        (400, 404, 422, 503),
        parameters=[
            in_path("series", "Name of the series", TEXT),
            in_query("at", "The limit; without it, that of its series spec", {"type": "number"}),
            in_query("side", "above, or below: reached from above", {"type": "string"}),
            in_query("scope", "Its scope, where several series have the name", TEXT),
            in_query("source", "Its source, where several series have the name", TEXT),
            in_query("days", "How far to look ahead; else twice the past", {"type": "number"}),
            AS_OF,
        ],
        tag=Tag.SIGNALS,
        name="read_limit",
    ),
)
