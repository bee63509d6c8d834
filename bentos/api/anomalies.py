"""Anomalies of series over HTTP: those found within a budget of alarms, and dismissing one."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.signals import asked_instant
from bentos.api.store_access import model_response, read_store, write_store
from bentos.http.bodies import read_body
from bentos.http.fields import Name
from bentos.http.identity import actor_of
from bentos.http.routing import Content, Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.signals.actions import anomalies
from runlore.signals.anomaly_views import anomaly_fields

LONGEST_NAME = 1024


class FoundRhythm(Closed):
    """A cycle that is gone or shifted. Ranges: from lowest to highest of a cycle."""

    what: str = Field(description="gone or shifted")
    period_s: int = Field(description="a day or a week")
    shift_s: int = Field(description="below 0: it comes early")
    usual_range: float
    seen_range: float
    usual_peak_at: datetime
    seen_peak_at: datetime


class FoundAnomaly(Closed):
    """since, until: of the deviation. low, high: what 98 % of past residuals stay within."""

    id: str
    kind: str = Field(
        description="point, level, spread, flat, missing, rhythm, many-unusual or many-silent"
    )
    series: str = Field(description="empty: many of the scope, which `others` names")
    scope: str
    source: str
    since: datetime
    until: datetime
    seen: float
    expected: float | None
    low: float | None
    high: float | None
    probability: float | None = Field(description="of such a point or a rarer one")
    others: list[str] = Field(description="series of the scope that moved in the same 12 h")
    rhythm: FoundRhythm | None


class AnomalyPage(Closed):
    anomalies: list[FoundAnomaly] = Field(description="the newest first")


class AnomalyDismissal(Closed):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"actor": "ann", "because": "nightly backup"}]}
    )

    actor: Annotated[Name, Field(min_length=1, max_length=100)]
    because: Annotated[Name, Field(max_length=500)] = ""


async def listing(request: Request) -> Response:
    query = request.query_params
    for field in ("name", "scope"):
        if "\x00" in query.get(field, "") or len(query.get(field, "")) > LONGEST_NAME:
            raise BadInput(f"{field}: no series has such a {field}", field)
    as_of = asked_instant(query)
    since = instants.parse(query["since"], "since") if "since" in query else as_of - anomalies.SINCE
    wanted = anomalies.AnomalyQuery(
        as_of,
        since,
        query.get("name"),
        query.get("scope"),
        _budget(query.get("budget")),
        query.get("method", anomalies.ALL_METHODS[0]),
    )
    found = await read_store(request, lambda store: anomalies.find_anomalies(store, wanted))
    rows = [FoundAnomaly.model_validate(anomaly_fields(one)) for one in found]
    return model_response(AnomalyPage(anomalies=rows))


async def dismiss(request: Request) -> Response:
    body = AnomalyDismissal.model_validate_json(await read_body(request))
    anomaly, at = request.path_params["id"], instants.now()
    actor = actor_of(request, body.actor)
    made = await write_store(
        request,
        lambda store: anomalies.dismiss_anomaly(store, anomaly, actor, body.because, at),
    )
    return model_response(FoundAnomaly.model_validate(anomaly_fields(made)))


def _budget(text: str | None) -> float:
    if text is None:
        return anomalies.BUDGET
    try:
        return float(text)
    except ValueError as error:
        raise BadInput(f"budget: {text[:40]!r} is not a number", "budget") from error


TEXT: Content = {"type": "string", "maxLength": LONGEST_NAME}
ENDPOINTS = (
    Endpoint(
        "GET",
        "/signals/anomalies",
        listing,
        "read",
        "Find unusual points of series, within a budget of alarms",
        {200: ("The newest first", AnomalyPage)},
        (400, 422, 503),
        parameters=[
            in_query("name", "Only series of this name", TEXT),
            in_query("scope", "Only series of this scope", TEXT),
            in_query("since", "Only anomalies from then on; seven days", {"type": "string"}),
            in_query("budget", "Alarms a week over all series", {"type": "number", "default": 1}),
            in_query("method", "How points are scored", {"enum": [*anomalies.ALL_METHODS]}),
            in_query("at", "Use only what was known then", {"type": "string"}),
        ],
        tag=Tag.SIGNALS,
        name="read_anomalies",
    ),
    Endpoint(
        "POST",
        "/signals/anomalies/{id}/dismiss",
        dismiss,
        "record",
        "Say that an anomaly is none; such deviations are no longer reported",
        {200: ("What was dismissed", FoundAnomaly)},
        (400, 404, 413, 422, 503),
        AnomalyDismissal,
        [in_path("id", "As the list shows it", {"type": "string"})],
        tag=Tag.SIGNALS,
        name="dismiss_anomaly",
    ),
)
