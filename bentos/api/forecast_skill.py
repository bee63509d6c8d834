"""How right the issued forecasts of series were, over HTTP."""

from datetime import datetime

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.signals.actions import issued_forecasts
from runlore.signals.views import show_skill


class SkillOfSeries(Closed):
    """error: mean absolute, over the points. Null: no forecast's time has come yet."""

    spec: str
    source: str
    name: str
    scope: str
    horizon_s: float
    forecasts: int = Field(description="issued so far")
    scored: int = Field(description="of them, those that met values")
    points: int | None
    level: float = Field(description="the share of values that bands should hold")
    error: float | None
    baseline_error: float | None
    gain: float | None = Field(description="less error than the last season again, as a share")
    coverage: float | None = Field(description="the share of values that bands held")
    newest_at: datetime
    note: str = Field(description="of the newest one; why it was refused")
    version: str = Field(description="that made the newest one; empty: it was chosen anew")


class SkillPage(Closed):
    series: list[SkillOfSeries] = Field(description="by spec, series and horizon")


async def read_skill(request: Request) -> Response:
    name = request.query_params.get("name")
    found = await read_store(request, lambda store: issued_forecasts.read_skill(store, name))
    return model_response(SkillPage.model_validate({"series": [show_skill(one) for one in found]}))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/signals/skill",
        read_skill,
        "read",
        "Read how right the issued forecasts were",
        {200: ("By spec, series and horizon", SkillPage)},
        (503,),
        parameters=[
            in_query("name", "Only series of this name", {"type": "string", "maxLength": 1024})
        ],
        tag=Tag.SIGNALS,
        name="read_forecast_skill",
    ),
)
