"""Series over HTTP: which there are, and what they will do next."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store
from bentos.http.routing import Content, Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from runlore.kernel import instants
from runlore.kernel.durations import HOUR_S
from runlore.kernel.errors import BadInput
from runlore.signals.actions import forecasting
from runlore.signals.actions.forecasting import HORIZON_S, LEVEL, SeriesForecast, SeriesName
from runlore.signals.actions.series_calendars import CalendarChoice
from runlore.signals.views import show_forecast
from runlore.store.engine import Store

LONGEST_NAME = 1024


class ListedSeries(Closed):
    source: str
    name: str
    scope: str
    first_at: datetime
    last_at: datetime
    last_value: float
    kind: str = Field(description="gauge, or counter: read as a rate per second")
    unit: str


class SeriesPage(Closed):
    series: list[ListedSeries] = Field(description="by name, scope and source")


class ForecastStep(Closed):
    """at: when the step begins. low, high: the band."""

    at: datetime
    value: float
    low: float
    high: float


class SeriesForecastBody(Closed):
    """gain: how much less error than the last season again; error: mean absolute, on the past."""

    series: str
    scope: str
    source: str
    step_s: int
    last_point_at: datetime
    level: float = Field(description="the share of values to come that bands should hold")
    points: list[ForecastStep]
    origins: int = Field(description="forecasts of the past that the figures stand on")
    error: float
    baseline_error: float
    gain: float
    coverage: float = Field(description="the share of past values that bands held")
    weights: dict[str, float]
    level_changed_at: datetime | None = Field(
        description="when the newest level of the series began; null: it has one level"
    )
    note: str
    zone: str = Field(description="whose clocks its rhythm follows")


async def listing(request: Request) -> Response:
    series = await read_store(request, forecasting.list_series)
    return model_response(SeriesPage(series=[ListedSeries(**asdict(one)) for one in series]))


async def forecast(request: Request) -> Response:
    name = request.path_params["series"]
    query = request.query_params
    if "\x00" in name or len(name) > LONGEST_NAME:
        raise BadInput("series: no series has such a name", "series")
    wanted = SeriesName(name, query.get("scope"), query.get("source"))
    as_of = asked_instant(query)
    horizon_s = positive_number(query.get("hours"), "hours", HORIZON_S / HOUR_S) * HOUR_S
    level = positive_number(query.get("level"), "level", LEVEL)
    specs = request.app.state.product.series_specs
    calendars = CalendarChoice(specs, query.get("zone"), query.get("holidays"))

    def make(store: Store) -> SeriesForecast:
        return forecasting.forecast_series(store, wanted, as_of, horizon_s, level, calendars)

    made = await read_store(request, make)
    return model_response(SeriesForecastBody.model_validate(asdict(show_forecast(made))))


def asked_instant(query: Mapping[str, str]) -> datetime:
    """The instant `at` of a request; now without it. Raises BadInput for what is none."""
    return instants.parse(query["at"], "at") if "at" in query else instants.now()


def positive_number(text: str | None, field: str, default: float) -> float:
    if text is None:
        return default
    try:
        number = float(text)
    except ValueError as error:
        raise BadInput(f"{field}: {text[:40]!r} is not a number", field) from error
    if not 0 < number < float("inf"):
        raise BadInput(f"{field}: {text[:40]!r} is not above 0", field)
    return number


TEXT: Content = {"type": "string", "maxLength": LONGEST_NAME}
ENDPOINTS = (
    Endpoint(
        "GET",
        "/signals/series",
        listing,
        "read",
        "List the series that have points",
        {200: ("By name", SeriesPage)},
        (503,),
        tag=Tag.SIGNALS,
        name="read_series",
    ),
    Endpoint(
        "GET",
        "/forecasts/{series:path}",
        forecast,
        "read",
        "Forecast a series, with a band that is checked on its past",
        {200: ("One point a step", SeriesForecastBody)},
        (400, 404, 409, 422, 503),
        parameters=[
            in_path("series", "Name of the series", TEXT),
            in_query("scope", "Its scope, where several series have the name", TEXT),
            in_query("source", "Its source, where several series have the name", TEXT),
            in_query("hours", "How far to look ahead", {"type": "number", "default": 24}),
            in_query(
                "level", "Share of values inside the band", {"type": "number", "default": 0.9}
            ),
            in_query("at", "Use only what was known then", {"type": "string"}),
            in_query(
                "zone", "Whose clocks its rhythm follows; without it, its spec's or UTC", TEXT
            ),
            in_query("holidays", "Whose holidays count, such as DE; without it, its spec's", TEXT),
        ],
        tag=Tag.SIGNALS,
        name="read_forecast",
    ),
)
