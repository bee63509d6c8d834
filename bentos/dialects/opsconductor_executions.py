"""`POST /ai/learning/record-execution`: a submission and its outcome in one request."""

from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, write_store
from bentos.dialects.words import in_its_words
from bentos.http.bodies import read_body
from bentos.http.fields import Id, Instant, Name, StatusWord, Values
from bentos.http.identity import key_id_of
from bentos.http.prometheus_metrics import metrics
from bentos.http.routing import Endpoint, Tag
from bentos.http.schemas import STATUS_WORDS, Closed
from runlore.kernel.errors import BadInput, NotFound
from runlore.records.execution import FINAL_STATUSES, ExecutionStatus
from runlore.serving.actions import recording
from runlore.serving.actions.recording import (
    SOURCE,
    OutcomeReport,
    RecordedExecution,
    Submission,
)
from runlore.store.engine import Store

RECORD = "/ai/learning/record-execution"
EXAMPLE: dict[str, Any] = {
    "execution_id": "job-4711",
    "user": "ann",
    "operation": "ssh",
    "target": "web-1",
    "parameters": {"command": "restart", "timeout_s": 30},
    "status": "succeeded",
    "finished_at": "2026-11-21T11:08:00Z",
    "results": {"exit_code": 0},
}
WORDS = {
    "id": "execution_id",
    "actor": "user",
    "kind": "operation",
    "scope": "target",
    "inputs": "parameters",
    "submitted": "submitted_at",
    "started": "started_at",
    "finished": "finished_at",
    "outcome": "results",
}


class ExecutionLog(Closed):
    """Send `execution_id` to be able to repeat the request safely, and to add the outcome later."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    execution_id: Id | None = None
    user: Name = Field(description="who asked for it; empty: not known")
    operation: Name = Field(description="what sort of work, such as ssh; empty: not known")
    target: Name = Field(default="", description="the host or device; empty: not known")
    parameters: Values = Field(default_factory=dict, description="known before it runs")
    submitted_at: Instant | None = Field(default=None, description="absent: now")
    started_at: Instant | None = None
    finished_at: Instant | None = Field(default=None, description="absent: not known")
    status: Annotated[
        Literal[tuple(sorted(ExecutionStatus))],  # type: ignore[valid-type]
        StatusWord,
        Field(description=STATUS_WORDS),
    ] = "submitted"
    results: Values | None = Field(default=None, description="measured, such as exit_code")
    correction: bool = Field(
        default=False, description="needed to change the outcome of work that ended long ago"
    )


class RecordedLog(Closed):
    """is_new: whether this request added to what is known. follow: the route with all facts."""

    execution_id: str
    status: str
    submitted_at: datetime
    recorded_at: datetime
    is_new: bool
    follow: str


async def record(request: Request) -> Response:
    body = ExecutionLog.model_validate_json(await read_body(request))
    status = ExecutionStatus(body.status)
    if status not in FINAL_STATUSES and (body.finished_at or body.results is not None):
        field = "finished_at" if body.finished_at else "results"
        raise BadInput(f"{field}: work that is {status} has none yet; leave it out", field)
    is_replay = request.app.state.serving.clock == "record"
    key_id, bounds = key_id_of(request), request.app.state.bounds

    def write(store: Store) -> tuple[RecordedExecution, ...]:
        submitted = _submitted(store, body)
        times = (submitted, body.finished_at) if is_replay else (None, None)
        if status not in FINAL_STATUSES:
            work = _submission(body, submitted, status, key_id)
            return (recording.record_submission(store, work, times[0], bounds),)
        work = _submission(body, submitted, ExecutionStatus.SUBMITTED, key_id)
        ending = OutcomeReport(
            status,
            body.started_at,
            body.finished_at,
            body.results,
            key_id,
            is_correction=body.correction,
        )
        return recording.record_ended(store, work, ending, times, bounds)

    with in_its_words(WORDS):
        done = await write_store(request, write)
    _count(done)
    is_new = any(one.is_new for one in done)
    return model_response(_recorded(done[-1], is_new=is_new), 201 if is_new else 200)


def _submitted(store: Store, body: ExecutionLog) -> datetime | None:
    """Absent, of work that is over and not known yet: when it started, or when it finished."""
    began = body.started_at or body.finished_at
    if body.submitted_at or began is None or ExecutionStatus(body.status) not in FINAL_STATUSES:
        return body.submitted_at
    try:
        last = recording.read_execution(store, SOURCE, body.execution_id or "")[-1]
    except NotFound:
        return began
    is_news = last.is_final and not body.correction
    is_other = is_news and body.finished_at not in (None, last.finished)
    return began if is_other else last.submitted


def _submission(
    body: ExecutionLog, submitted: datetime | None, status: ExecutionStatus, key_id: str | None
) -> Submission:
    return Submission(
        actor=body.user,
        kind=body.operation,
        scope=body.target,
        inputs=body.parameters,
        source_id=body.execution_id,
        submitted=submitted,
        started=body.started_at if status is ExecutionStatus.RUNNING else None,
        status=status,
        key_id=key_id,
    )


def _count(done: tuple[RecordedExecution, ...]) -> None:
    for what, one in zip(("submission", "outcome"), done, strict=False):
        if one.is_new:
            metrics().recorded.labels(what).inc()
            if what == "outcome":
                metrics().outcomes.labels(one.status.value).inc()


def _recorded(done: RecordedExecution, *, is_new: bool) -> RecordedLog:
    return RecordedLog(
        execution_id=done.source_id,
        status=done.status,
        submitted_at=done.submitted,
        recorded_at=done.known_at,
        is_new=is_new,
        follow=f"/executions/{quote(done.source_id)}",
    )


ENDPOINTS = (
    Endpoint(
        "POST",
        RECORD,
        record,
        "record",
        "Record an execution, with its outcome if it is over",
        {
            200: ("Known before; nothing changed", RecordedLog),
            201: ("Recorded", RecordedLog),
        },
        (400, 404, 409, 413, 422, 503),
        ExecutionLog,
        tag=Tag.OPSCONDUCTOR,
    ),
)
