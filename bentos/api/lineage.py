"""Receive OpenLineage events, so that Airflow, Spark, dbt and others report runs by themselves."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response
from bentos.http.compression import read_plain_body
from bentos.http.errors import Malformed
from bentos.http.identity import key_id_of
from bentos.http.prometheus_metrics import metrics
from bentos.http.routing import Endpoint, ListOf, Tag
from bentos.http.schemas import Closed
from bentos.http.threads import in_thread
from bentos.predict.live_versions import Serving
from bentos.predict.waiting_runs import LOOK_S
from runlore.ingest.actions.lineage_events import (
    MAX_EVENTS,
    WAIT_FOR_START_S,
    EventIntake,
    ReceivedEvents,
    receive_events,
)
from runlore.kernel import instants

LATEST_S = WAIT_FOR_START_S + LOOK_S
EXAMPLE: dict[str, Any] = {
    "eventType": "START",
    "eventTime": "2026-05-01T12:00:00Z",
    "run": {"runId": "01890a5d-ac96-774b-bcce-b302099a8057"},
    "job": {"namespace": "etl", "name": "orders.load"},
    "inputs": [{"namespace": "postgres://db", "name": "orders"}],
    "outputs": [],
    "producer": "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/client/python",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
}


class LineagePart(BaseModel):
    """Unknown fields are taken: producers add their own facets."""

    model_config = ConfigDict(extra="allow")


class LineageRunRef(LineagePart):
    runId: Annotated[str, Field(min_length=1, description="usually a UUID")]  # noqa: N815
    facets: dict[str, Any] | None = None


class LineageJob(LineagePart):
    namespace: str
    name: Annotated[str, Field(min_length=1)]
    facets: dict[str, Any] | None = None


class ListedLineageEvent(LineagePart):
    """A `RunEvent`. A `DatasetEvent` or a `JobEvent` is taken as well, and counted as skipped."""

    eventTime: Annotated[str, Field(description="ISO 8601 with a time zone")]  # noqa: N815
    eventType: (  # noqa: N815
        Literal["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"] | None
    ) = None
    run: LineageRunRef | None = None
    job: LineageJob | None = None
    inputs: list[dict[str, Any]] | None = None
    outputs: list[dict[str, Any]] | None = None


class LineageEvent(ListedLineageEvent):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


class LineageReceipt(Closed):
    """What became of the events. waiting: runs whose START has not come yet."""

    events: int
    runs: int
    submissions: int = Field(description="runs that were recorded")
    outcomes: int = Field(description="ends of runs that were recorded")
    waiting: int = Field(
        description=f"runs that are recorded {WAIT_FOR_START_S:.0f} to {LATEST_S:.0f} s later:"
        " their START has not come yet, or there are too many at once"
    )
    skipped: int = Field(description="events about no run: of a data set or of a job")


async def receive(request: Request) -> Response:
    serving: Serving = request.app.state.serving
    body = await read_plain_body(request)
    intake = EventIntake(
        instants.now(),
        request.app.state.bounds,
        key_id_of(request),
        is_replay=serving.clock == "record",
    )
    store = serving.database()

    def work() -> ReceivedEvents:
        document = _loaded(body)
        events = document if isinstance(document, list) else [document]
        return receive_events(store, events, intake)

    done = await in_thread(request, work, is_recording=True)
    for what, count in (("submission", done.submissions), ("outcome", done.outcomes)):
        if count:
            metrics().recorded.labels(what).inc(count)
    receipt = LineageReceipt(
        events=done.events,
        runs=done.runs,
        submissions=done.submissions,
        outcomes=done.outcomes,
        waiting=done.waiting,
        skipped=done.skipped,
    )
    return model_response(receipt, 201 if done.submissions + done.outcomes else 200)


def _loaded(body: bytes) -> Any:  # noqa: ANN401  (JSON)
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        said = " ".join(str(error).split())[:200]
        raise Malformed(f"the body is not JSON: {said}") from error


RECEIVED = {
    200: ("Taken; nothing was new, or it waits for a START", LineageReceipt),
    201: ("Recorded", LineageReceipt),
}
PROBLEMS = (400, 409, 413, 422, 503)
EVENT = Endpoint(
    "POST",
    "/api/v1/lineage",
    receive,
    "record",
    "Receive an OpenLineage event",
    RECEIVED,
    PROBLEMS,
    LineageEvent,
    tag=Tag.RECORD,
    name="receive_lineage_event",
    description="A list of events is taken, too. The body may be compressed with gzip.",
)
BATCH = Endpoint(
    "POST",
    "/api/v1/lineage/batch",
    receive,
    "record",
    "Receive a list of OpenLineage events",
    RECEIVED,
    PROBLEMS,
    ListOf(ListedLineageEvent, MAX_EVENTS),
    tag=Tag.RECORD,
    name="receive_lineage_events",
    description="All are taken, or none. The body may be compressed with gzip.",
)
ENDPOINTS = (EVENT, BATCH)
