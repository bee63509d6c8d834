"""The OTLP/HTTP receiver of metrics."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from bentos.api.points import record_batch
from bentos.http.compression import read_plain_body
from bentos.http.errors import Malformed, UnsupportedMedia
from bentos.http.routing import Endpoint, Tag
from bentos.http.threads import in_thread
from runlore.ingest.actions.points import RecordedPoints
from runlore.ingest.rules.points.batch import PointBatch
from runlore.ingest.rules.points.wire import TooManyBytes
from runlore.kernel.errors import BadInput

SOURCE = "otlp"
JSON = "application/json"
MEDIA_TYPES = (JSON, "application/x-protobuf")


async def receive(request: Request) -> Response:
    """200, in the format of the request; refused points are in `partial_success`."""
    from runlore.ingest.rules.points import otlp

    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in MEDIA_TYPES:
        raise UnsupportedMedia(f"Content-Type: send {MEDIA_TYPES[1]} or {JSON}")
    is_json = media == JSON
    body = await read_plain_body(request)
    batch = await in_thread(request, partial(_parse, body, is_json=is_json), is_recording=True)
    done = await record_batch(request, SOURCE, batch)
    said = otlp.response(done.rejected, _reasons(done), is_json=is_json)
    return Response(said, media_type=media)


def _parse(body: bytes, *, is_json: bool) -> PointBatch:
    from runlore.ingest.rules.points.otlp import parse_otlp

    try:
        return parse_otlp(body, is_json=is_json)
    except TooManyBytes:
        raise
    except BadInput as error:
        raise Malformed(str(error)) from error


def _reasons(done: RecordedPoints) -> str:
    return "; ".join(f"{one.points:,} ({one.series!r}): {one.reason}" for one in done.rejects)


ENDPOINTS = (
    Endpoint(
        "POST",
        "/v1/metrics",
        receive,
        "record",
        "Receive metrics by OTLP/HTTP",
        {200: ("Recorded; refused points are in partialSuccess", str)},
        (400, 413, 415, 422, 503),
        tag=Tag.SIGNALS,
        name="receive_otlp_metrics",
        description="An ExportMetricsServiceRequest, as protobuf or JSON, may be compressed with"
        " gzip. Gauges, cumulative sums, and counts and sums of histograms are recorded.",
        media_type="application/json",
    ),
)
