"""Points of series over HTTP, as JSON."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, write_store
from bentos.http.compression import read_plain_body
from bentos.http.fields import Id, Instant, Name
from bentos.http.routing import Endpoint, Tag
from bentos.http.schemas import Closed
from runlore.ingest.actions.points import PointBounds, RecordedPoints, record_points
from runlore.ingest.rules.points.batch import PointBatch, PointCollector, SeriesIdentity
from runlore.ingest.rules.points.names import identify
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.kernel.instants import to_us

MAX_SERIES = 10_000
MAX_POINTS = 100_000
MAX_LABELS = 60
EXAMPLE: JsonDict = {
    "source": "collectd",
    "series": [
        {
            "name": "disk_used",
            "scope": "web-1",
            "unit": "percent",
            "points": [
                {"at": "2026-11-02T12:00:00Z", "value": 71.5},
                {"at": "2026-11-02T12:01:00Z", "value": 71.6},
            ],
        }
    ],
}


class Point(Closed):
    at: Instant
    value: float


class SeriesPoints(Closed):
    """Labels become part of the name, but for the first of instance, host, host.name, node, pod,
    service.name and job: without a `scope` that one is the scope."""

    name: Id
    scope: Name = Field(default="", description="what it was measured on; empty: not known")
    labels: Annotated[dict[Name, Name], Field(max_length=MAX_LABELS)] = Field(default_factory=dict)
    unit: Name = ""
    kind: Literal["gauge", "counter"] | None = Field(
        default=None, description="counter: it only grows, and begins again at 0 after a restart"
    )
    points: Annotated[list[Point], Field(min_length=1, max_length=MAX_POINTS)]


class PointsRequest(Closed):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    source: Id = "api"
    series: Annotated[list[SeriesPoints], Field(min_length=1, max_length=MAX_SERIES)]


class RefusedPoints(Closed):
    """series: the first that it happened to."""

    reason: str
    series: str
    points: int


class PointsReceipt(Closed):
    recorded: int = Field(description="new points, and corrections of known ones")
    known: int = Field(description="points that were there already")
    new_series: int
    rejected: int
    rejects: list[RefusedPoints]


async def record(request: Request) -> Response:
    body = PointsRequest.model_validate_json(await read_plain_body(request))
    batch = _batch(body)
    done = await record_batch(request, body.source, batch)
    if done.rejects and done.rejected == len(batch):
        first = done.rejects[0]
        raise BadInput(f"{first.reason} (all {done.rejected:,} points)", _field(first.reason))
    return model_response(_receipt(done), 201 if done.recorded else 200)


async def record_batch(request: Request, source: str, batch: PointBatch) -> RecordedPoints:
    """Record points that came with a request, within the bounds of the service."""
    bounds: PointBounds = request.app.state.point_bounds
    now = instants.now()
    return await write_store(
        request, lambda store: record_points(store, source, batch, now, bounds)
    )


def _batch(body: PointsRequest) -> PointBatch:
    points = PointCollector()
    for series in body.series:
        at_us = [to_us(point.at) for point in series.points]
        points.add(_identity(series), at_us, [point.value for point in series.points])
    return points.batch()


def _identity(series: SeriesPoints) -> SeriesIdentity:
    return identify(series.name, series.labels, series.unit, series.kind, series.scope)


def _field(reason: str) -> str:
    return reason.partition(":")[0]


def _receipt(done: RecordedPoints) -> PointsReceipt:
    rejects = [
        RefusedPoints(reason=one.reason, series=one.series, points=one.points)
        for one in done.rejects
    ]
    return PointsReceipt(
        recorded=done.recorded,
        known=done.known,
        new_series=done.new_series,
        rejected=done.rejected,
        rejects=rejects,
    )


ENDPOINTS = (
    Endpoint(
        "POST",
        "/metrics/points",
        record,
        "record",
        "Record points of series",
        {
            200: ("Nothing was new", PointsReceipt),
            201: ("Recorded; refused points are named with the reason", PointsReceipt),
        },
        (400, 413, 422, 503),
        PointsRequest,
        tag=Tag.SIGNALS,
        name="record_points",
        description=f"At most {MAX_POINTS:,} points of a series. The body may be compressed with"
        " gzip. Sending the same again adds nothing; another value is a correction.",
    ),
)
