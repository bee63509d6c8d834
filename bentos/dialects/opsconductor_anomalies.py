"""`GET /ai/learning/anomalies` and `POST /ai/predictive/detect-anomalies`."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

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
from runlore.signals.actions.anomalies import AnomalyQuery, SeriesAnomaly, find_anomalies
from runlore.signals.actions.incident_list import read_incidents

ACTIVE, DETECT = "/ai/learning/anomalies", "/ai/predictive/detect-anomalies"
Text = Annotated[str, StringConstraints(max_length=1024, pattern=NO_NUL, strict=True)]
Method = Literal[
    "neighbours", "z-score", "iqr", "arima", "isolation-forest", "isolation-forest-together"
]
ITS_WORDS = {"name": "metric", "budget": "alarms_a_week", "since": "days"}


class ActiveAnomaly(Closed):
    """affected: the host or environment, or the metric where it has none."""

    anomaly_id: int
    affected: str
    status: Literal["active"] = "active"
    detected_at: datetime
    since: datetime
    metrics: list[str] = Field(description="that deviate; the first 20")
    description: str
    certainty: str


class ActiveAnomalies(Closed):
    """follow: the route with each metric's evidence."""

    as_of: datetime
    anomalies: list[ActiveAnomaly] = Field(description="the newest first, 500 at most")
    follow: str = "/signals/incidents"


class DetectAnomalies(Closed):
    """metric, scope: without them, all are searched. alarms_a_week: over all that is searched."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"metric": "cpu", "scope": "web-1", "days": 7}]}
    )

    metric: Text | None = None
    scope: Text | None = None
    days: Annotated[int, Field(ge=1, le=90)] = 7
    method: Method = "neighbours"
    alarms_a_week: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)] = 1.0


class DetectedAnomaly(Closed):
    """low, high: what was usual. related_metrics: of the scope, that moved within 12 hours."""

    anomaly_id: str
    type: str = Field(
        description="point, level, spread, flat, missing, rhythm, many-unusual or many-silent"
    )
    metric: str
    scope: str
    source: str
    since: datetime
    until: datetime
    value: float
    expected: float | None
    low: float | None
    high: float | None
    probability: float | None = Field(description="of such a value or a rarer one")
    related_metrics: list[str]


class DetectedAnomalies(Closed):
    as_of: datetime
    method: Method
    anomalies: list[DetectedAnomaly] = Field(description="the newest first")


async def active(request: Request) -> Response:
    rows = await read_store(request, read_incidents)
    found = [_active(row) for row in rows]
    return model_response(ActiveAnomalies(as_of=instants.now(), anomalies=found))


async def detect(request: Request) -> Response:
    body = DetectAnomalies.model_validate_json(await read_body(request))
    at = instants.now()
    since = at - timedelta(days=body.days)
    query = AnomalyQuery(at, since, body.metric, body.scope, body.alarms_a_week, body.method)
    with in_its_words(ITS_WORDS):
        found = await read_store(request, lambda store: find_anomalies(store, query))
    detected = [_detected(one) for one in found]
    return model_response(DetectedAnomalies(as_of=at, method=body.method, anomalies=detected))


def _active(incident: Mapping[str, Any]) -> ActiveAnomaly:
    return ActiveAnomaly(
        anomaly_id=incident["id"],
        affected=incident["subject"],
        detected_at=incident["opened_at"],
        since=incident["since"],
        metrics=[moved["name"] for moved in incident["series"]],
        description=incident["what"],
        certainty=incident["certainty"],
    )


def _detected(one: SeriesAnomaly) -> DetectedAnomaly:
    return DetectedAnomaly(
        anomaly_id=one.id,
        type=one.kind,
        metric=one.series,
        scope=one.scope,
        source=one.source,
        since=one.since,
        until=one.until,
        value=one.seen,
        expected=one.expected,
        low=one.low,
        high=one.high,
        probability=one.probability,
        related_metrics=list(one.others),
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        ACTIVE,
        active,
        "read",
        "List what deviates now, one entry per host or environment",
        {200: ("The newest first", ActiveAnomalies)},
        (503,),
        tag=Tag.OPSCONDUCTOR,
    ),
    Endpoint(
        "POST",
        DETECT,
        detect,
        "read",
        "Search the newest days of metrics for anomalies, within a budget of alarms",
        {200: ("The newest first", DetectedAnomalies)},
        (400, 413, 422, 503),
        DetectAnomalies,
        tag=Tag.OPSCONDUCTOR,
    ),
)
