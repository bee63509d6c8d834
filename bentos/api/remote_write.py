"""The Prometheus remote-write receiver, versions 1.0 and 2.0."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from bentos.api.points import record_batch
from bentos.http.bodies import read_body
from bentos.http.errors import Malformed, UnsupportedMedia
from bentos.http.routing import Endpoint, Tag
from bentos.http.threads import in_thread
from runlore.ingest.actions.points import RecordedPoints
from runlore.ingest.rules.points.batch import PointBatch
from runlore.ingest.rules.points.remote_write import Version, parse_remote_write
from runlore.ingest.rules.points.wire import TooManyBytes
from runlore.kernel.errors import BadInput

SOURCE = "prometheus"
MEDIA_TYPE = "application/x-protobuf"
MESSAGES: dict[str, Version] = {
    "prometheus.writerequest": 1,
    "io.prometheus.write.v2.request": 2,
}
WRITTEN = "X-Prometheus-Remote-Write-{}-Written"


async def receive(request: Request) -> Response:
    """204 when all is recorded; 400 when some points are refused: the others are recorded."""
    version = _version(request)
    batch = await in_thread(
        request, partial(_parse, await read_body(request), version), is_recording=True
    )
    done = await record_batch(request, SOURCE, batch)
    headers = _headers(done) if version == 2 else {}
    if done.rejects:
        return Response(_refusals(done), 400, headers, "text/plain")
    return Response(status_code=204, headers=headers)


def _parse(body: bytes, version: Version) -> PointBatch:
    try:
        return parse_remote_write(body, version)
    except TooManyBytes:
        raise
    except BadInput as error:
        raise Malformed(str(error)) from error


def _version(request: Request) -> Version:
    """The version of the message in the body. Raises UnsupportedMedia for anything else."""
    media, _, parameters = request.headers.get("content-type", MEDIA_TYPE).partition(";")
    name, _, message = parameters.strip().partition("=")
    version = MESSAGES.get(message.strip().strip('"').lower()) if name else 1
    if media.strip().lower() != MEDIA_TYPE or (name and name.lower() != "proto") or not version:
        raise UnsupportedMedia(
            f"Content-Type: send {MEDIA_TYPE};proto=prometheus.WriteRequest (version 1) or"
            f" {MEDIA_TYPE};proto=io.prometheus.write.v2.Request (version 2)"
        )
    if request.headers.get("content-encoding", "snappy").strip().lower() != "snappy":
        raise UnsupportedMedia("Content-Encoding: remote write is compressed with snappy")
    return version


def _headers(done: RecordedPoints) -> dict[str, str]:
    """A staleness marker counts as written: it was understood, and is no point."""
    samples = done.recorded + done.known + done.markers
    counts = {"Samples": samples, "Histograms": 0, "Exemplars": 0}
    return {WRITTEN.format(what): str(count) for what, count in counts.items()}


def _refusals(done: RecordedPoints) -> str:
    lines = [f"{one.points:,} points, {one.series!r} first: {one.reason}" for one in done.rejects]
    taken = done.recorded + done.known
    return "\n".join([f"{done.rejected:,} points are refused, {taken:,} are recorded", *lines])


ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/v1/write",
        receive,
        "record",
        "Receive points by Prometheus remote write",
        {204: ("All is recorded", str)},
        (400, 413, 415, 503),
        tag=Tag.SIGNALS,
        name="receive_remote_write",
        description="Versions 1.0 and 2.0: protobuf in a snappy block. 400 names what is refused;"
        " the other points are recorded. Staleness markers are skipped.",
    ),
)
