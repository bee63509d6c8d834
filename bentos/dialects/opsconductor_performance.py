"""`POST /ai/predictive/analyze-performance`: where a metric is in 7 and in 30 days."""

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import quote, urlencode

import numpy as np
from pydantic import ConfigDict, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store
from bentos.dialects.words import in_its_words
from bentos.http.bodies import read_body
from bentos.http.fields import NO_NUL
from bentos.http.routing import Endpoint, Tag
from bentos.http.schemas import Closed
from runlore.kernel import instants
from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import Refused
from runlore.signals.actions.forecasting import (
    SeriesName,
    find_series,
    forecast_series,
)
from runlore.signals.actions.series_calendars import CalendarChoice
from runlore.signals.queries import StoredSeries
from runlore.signals.views import show_forecast
from runlore.store.engine import Store

AT = "/ai/predictive/analyze-performance"
Text = Annotated[str, StringConstraints(max_length=1024, pattern=NO_NUL, strict=True)]
ITS_WORDS = {"horizon": "days"}


class AnalyzePerformance(Closed):
    """metric: the name of a series. scope, source: needed where several have the name."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"metric": "cpu", "scope": "web-1", "days": [7, 30]}]}
    )

    metric: Text
    scope: Text | None = None
    source: Text | None = None
    days: Annotated[
        tuple[Annotated[int, Field(ge=1, le=90)], ...], Field(min_length=1, max_length=5)
    ] = (7, 30)


class PredictedLevel(Closed):
    """low, high: the band."""

    at: datetime
    value: float
    low: float
    high: float


class PerformanceTrend(Closed):
    """trend: of the last week that is predicted, beside the newest week; of fewer days, all.

    It is rising or falling only where the bands' average leaves the recent average out. A withheld
    trend has no numbers, and `reason` says why.
    """

    days: int
    status: Literal["predicted", "withheld"]
    reason: str = Field(description="why it is withheld, or what to know of the prediction")
    trend: Literal["rising", "falling", "unclear"] | None = None
    recent_average: float | None = Field(None, description="of the newest week")
    predicted_average: float | None = Field(None, description="of the last week")
    at_end: PredictedLevel | None = None
    level: float | None = Field(None, description="the share of values that bands should hold")
    coverage: float | None = Field(None, description="the share of past values that bands held")
    error: float | None = Field(None, description="mean absolute, on the past")
    baseline_error: float | None = Field(None, description="of the last season again")


class PerformanceAnalysis(Closed):
    """follow: the route with every step of the forecast."""

    as_of: datetime
    metric: str
    scope: str
    source: str
    predictions: list[PerformanceTrend]
    follow: str


async def analyze(request: Request) -> Response:
    body = AnalyzePerformance.model_validate_json(await read_body(request))
    at, calendars = instants.now(), CalendarChoice(request.app.state.product.series_specs)

    def make(store: Store) -> PerformanceAnalysis:
        return _analyze(store, body, at, calendars)

    with in_its_words(ITS_WORDS):
        return model_response(await read_store(request, make))


def _analyze(
    store: Store, body: AnalyzePerformance, at: datetime, calendars: CalendarChoice
) -> PerformanceAnalysis:
    with in_its_words({"name": "metric"}):
        series = find_series(store, SeriesName(body.metric, body.scope, body.source))
    name = SeriesName(series.name, series.scope, series.source)
    days = dict.fromkeys(body.days)
    return PerformanceAnalysis(
        as_of=at,
        metric=series.name,
        scope=series.scope,
        source=series.source,
        predictions=[_predict(store, name, one, at, calendars) for one in days],
        follow=_follow(series, max(body.days)),
    )


def _predict(
    store: Store, name: SeriesName, days: int, at: datetime, calendars: CalendarChoice
) -> PerformanceTrend:
    try:
        made = forecast_series(store, name, at, days * DAY_S, calendars=calendars)
    except Refused as refused:
        return PerformanceTrend(days=days, status="withheld", reason=str(refused))
    view = show_forecast(made)
    steps = min(len(view.points), round(7 * DAY_S) // view.step_s)
    low, value, high = (
        float(np.mean(one[-steps:])) for one in (made.ahead.low, made.ahead.value, made.ahead.high)
    )
    recent = float(np.nanmean(made.past.values[-steps:]))
    end = view.points[-1]
    return PerformanceTrend(
        days=days,
        status="predicted",
        reason=view.note,
        trend="rising" if low > recent else "falling" if high < recent else "unclear",
        recent_average=recent,
        predicted_average=value,
        at_end=PredictedLevel(at=end.at, value=end.value, low=end.low, high=end.high),
        level=view.level,
        coverage=view.coverage,
        error=view.error,
        baseline_error=view.baseline_error,
    )


def _follow(series: StoredSeries, days: int) -> str:
    query = urlencode({"scope": series.scope, "source": series.source, "hours": days * 24})
    return f"/forecasts/{quote(series.name)}?{query}"


ENDPOINTS = (
    Endpoint(
        "POST",
        AT,
        analyze,
        "read",
        "Where a metric is in 7 and in 30 days, with bands",
        {200: ("One prediction for each number of days", PerformanceAnalysis)},
        (400, 404, 413, 422, 503),
        AnalyzePerformance,
        tag=Tag.OPSCONDUCTOR,
    ),
)
