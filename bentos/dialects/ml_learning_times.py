"""`GET /api/v1/ml-learning/predict-timing`: the best hours of a persona."""

from datetime import datetime
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.projects import TEXT
from bentos.api.publishing_times import PLATFORM, ZONE_TEXT, times_view
from bentos.api.store_access import model_response
from bentos.dialects import query_parameters
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed

PATH = "/api/v1/ml-learning/predict-timing"
SURE = 0.01


class OptimalTime(Closed):
    """expected_gain: points of the engagement rate beside the average hour; low, high: 90 %."""

    day_of_week: str | None
    hour: int | None
    expected_gain: float
    low: float
    high: float
    sample_size: int
    confidence: Literal["high", "medium"] = Field(description="high: p is below 1 %")


class OptimalTiming(Closed):
    """message: why no best time can be told; else empty."""

    persona_id: str
    platform: str | None
    timezone: str
    as_of: datetime
    optimal_times: list[OptimalTime]
    average_engagement_rate: float | None
    sample_size: int
    message: str


async def predict_timing(request: Request) -> Response:
    query_parameters.filters(request, ("persona_id", "platform", "timezone", "as_of"))
    view = await times_view(request, "persona_id", "timezone")
    return model_response(
        OptimalTiming(
            persona_id=view.persona,
            platform=view.platform,
            timezone=view.zones[0],
            as_of=view.as_of,
            optimal_times=[
                OptimalTime(
                    day_of_week=one.weekday,
                    hour=one.hour,
                    expected_gain=one.gain,
                    low=one.low,
                    high=one.high,
                    sample_size=one.posts,
                    confidence="high" if one.p < SURE else "medium",
                )
                for one in view.best
            ],
            average_engagement_rate=view.mean_rate,
            sample_size=view.posts,
            message=view.reason,
        )
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        PATH,
        predict_timing,
        "read",
        "The best hours and weekdays of a persona, or that none can be told",
        {200: ("The largest gain first", OptimalTiming)},
        (404, 422, 503),
        parameters=[
            in_query("persona_id", "Whose posts", TEXT, required=True),
            PLATFORM,
            in_query("timezone", ZONE_TEXT, TEXT),
        ],
        tag=Tag.ML_LEARNING,
    ),
)
