"""When a persona's posts engage most, over HTTP."""

from dataclasses import asdict
from datetime import datetime

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.projects import AS_OF, TEXT
from bentos.api.store_access import model_response, read_store
from bentos.http.parameters import read_as_of
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.engagement.actions.publishing_times import TimesRequest, publishing_times
from runlore.engagement.times_views import TimesView, show_times
from runlore.kernel.errors import BadInput


class TimeBody(Closed):
    """gain, low, high: points of the engagement rate beside the average hour of the week, 90 %."""

    text: str
    weekday: str | None
    hour: int | None = Field(description="it begins; null: of all hours")
    posts: int
    gain: float
    low: float
    high: float
    p: float = Field(description="of no effect, allowing for all times")
    is_best: bool


class PlatformHourBody(Closed):
    hour: int = Field(description="local hour, 0 .. 23")
    share: float = Field(description="of the platform's personas that do best then; with noise")


class TimesBody(Closed):
    """best: better beyond chance. week: gains, a row for each day from Monday, by hour."""

    persona: str
    platform: str | None
    zones: list[str] = Field(description="whose clocks are meant, the most used first")
    as_of: datetime
    posts: int
    mean_rate: float | None
    best: list[TimeBody]
    hours: list[TimeBody]
    weekdays: list[TimeBody]
    week: list[list[float]]
    week_posts: list[list[int]]
    reason: str = Field(description="why there is no best time; else empty")
    platform_hours: list[PlatformHourBody] = Field(
        description="an idea from other personas, where this one has no best time and an aggregate"
        " was told in the last week"
    )


async def read_times(request: Request) -> Response:
    view = await times_view(request, "persona", "zone")
    return model_response(TimesBody.model_validate(asdict(view)))


async def times_view(request: Request, persona: str, zone: str) -> TimesView:
    """persona, zone: names of the parameters."""
    query, at = request.query_params, read_as_of(request)
    name = query.get(persona)
    if not name:
        raise BadInput(f"{persona}: name a persona", persona)
    wanted = TimesRequest(name, query.get("platform"), query.get(zone))
    return await read_store(request, lambda store: show_times(publishing_times(store, wanted, at)))


PLATFORM = in_query("platform", "Only posts on this platform; absent: all", TEXT)
ZONE_TEXT = "Whose clocks are meant, as Europe/Berlin; absent: each post's audience"
ENDPOINTS = (
    Endpoint(
        "GET",
        "/engagement/times",
        read_times,
        "read",
        "At which hours and weekdays a persona's posts engage more, beyond chance",
        {200: ("Those, and all hours with their intervals", TimesBody)},
        (404, 422, 503),
        parameters=[
            in_query("persona", "Whose posts", TEXT, required=True),
            PLATFORM,
            in_query("zone", ZONE_TEXT, TEXT),
            AS_OF,
        ],
        tag=Tag.ENGAGEMENT,
    ),
)
