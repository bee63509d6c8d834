"""Record executions over HTTP, and read them back."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from bentos.http import schemas
from bentos.http.bodies import json_response, read_body
from bentos.http.fields import ID, Id, Instant
from bentos.http.identity import key_id_of
from bentos.http.prometheus_metrics import metrics
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.threads import in_thread
from bentos.predict.live_versions import Serving
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.records.execution import ExecutionStatus
from runlore.serving.actions import recording
from runlore.serving.actions.recording import SOURCE, OutcomeReport, Submission


def _models(serving: Serving) -> tuple[type[schemas.Execution], type[schemas.Ending]]:
    """The requests of a submission and of an outcome; in a replay they carry `known_at`."""
    if serving.clock == "record":
        return schemas.ReplayedExecution, schemas.ReplayedEnding
    return schemas.Execution, schemas.Ending


async def submission(request: Request) -> Response:
    serving: Serving = request.app.state.serving
    is_replay = serving.clock == "record"
    model, _ = _models(serving)
    body: Any = model.model_validate_json(await read_body(request))
    work = Submission(
        actor=body.actor,
        kind=body.kind,
        scope=body.scope,
        inputs=body.inputs,
        source_id=body.id,
        submitted=body.submitted,
        started=body.started,
        status=ExecutionStatus(body.status),
        key_id=key_id_of(request),
    )
    known_at = (body.known_at or body.submitted) if is_replay else None
    store, bounds = serving.database(), request.app.state.bounds
    done = await in_thread(
        request,
        lambda: recording.record_submission(store, work, known_at, bounds),
        is_recording=True,
    )
    return _recorded("submission", done)


async def outcome(request: Request) -> Response:
    serving: Serving = request.app.state.serving
    is_replay = serving.clock == "record"
    name = _name(request)
    _, model = _models(serving)
    body: Any = model.model_validate_json(await read_body(request))
    ending = OutcomeReport(
        ExecutionStatus(body.status),
        body.started,
        body.finished,
        body.outcome,
        key_id_of(request),
        submitted=body.submitted,
        is_correction=body.correction,
    )
    known_at = (body.known_at or body.finished) if is_replay else None
    store, bounds = serving.database(), request.app.state.bounds
    done = await in_thread(
        request,
        lambda: recording.record_outcome(store, SOURCE, name, ending, known_at, bounds),
        is_recording=True,
    )
    return _recorded("outcome", done)


async def read(request: Request) -> Response:
    serving: Serving = request.app.state.serving
    name, store = _name(request), serving.database()
    submitted = _submitted(request)
    facts = await in_thread(
        request, lambda: recording.read_execution(store, SOURCE, name, submitted)
    )
    first = facts[0]
    history = schemas.History(
        id=first.source_id,
        source=first.source,
        actor=first.actor,
        kind=first.kind,
        scope=first.scope,
        inputs=first.inputs,
        submitted=first.submitted,
        submission_known_at=first.submission_known_at,
        facts=[
            schemas.Fact(
                revision=fact.revision,
                status=fact.status,
                started=fact.started,
                finished=fact.finished,
                outcome=fact.outcome,
                known_at=fact.known_at,
                key_id=fact.key_id,
            )
            for fact in facts
        ],
    )
    return json_response(history.model_dump_json())


def _name(request: Request) -> str:
    text = request.path_params["id"]
    try:
        return ID.validate_python(text)
    except ValidationError as error:
        raise BadInput(f"id: {text[:80]!r} cannot be an execution's id", "id") from error


def _submitted(request: Request) -> datetime | None:
    text = request.query_params.get("submitted")
    return None if text is None else instants.parse(text, "submitted")


def _recorded(what: str, done: recording.RecordedExecution) -> Response:
    if done.is_new:
        metrics().recorded.labels(what).inc()
        if what == "outcome":
            metrics().outcomes.labels(done.status.value).inc()
    body = schemas.Recorded(
        id=done.source_id,
        source=done.source,
        submitted=done.submitted,
        status=done.status,
        known_at=done.known_at,
        revision=done.revision,
        is_new=done.is_new,
    )
    return json_response(body.model_dump_json(), 201 if done.is_new else 200)


EXECUTION_ID = in_path("id", "Of the execution", TypeAdapter(Id).json_schema())
OF_SUBMISSION = in_query(
    "submitted",
    "Of the execution, should its id be used again; absent: the one submitted last",
    TypeAdapter(Instant).json_schema(),
)
RECORDED = {
    200: ("Known before; nothing changed", schemas.Recorded),
    201: ("Recorded", schemas.Recorded),
}
SUBMISSION: Endpoint = Endpoint(
    "POST",
    "/executions",
    submission,
    "record",
    "Record an execution that was submitted",
    RECORDED,
    (400, 409, 413, 422, 503),
    schemas.Execution,
    tag=Tag.RECORD,
    name="record_execution",
    variants=lambda serving: [replace(SUBMISSION, request=_models(serving)[0])],
)
OUTCOME: Endpoint = Endpoint(
    "POST",
    "/executions/{id:path}/outcome",
    outcome,
    "record",
    "Record the outcome of an execution, or correct it",
    RECORDED,
    (400, 404, 409, 413, 422, 503),
    schemas.Ending,
    [EXECUTION_ID],
    tag=Tag.RECORD,
    name="record_outcome",
    variants=lambda serving: [replace(OUTCOME, request=_models(serving)[1])],
)
READ = Endpoint(
    "GET",
    "/executions/{id:path}",
    read,
    "read",
    "Read all facts about an execution",
    {200: ("Its facts", schemas.History)},
    (404, 422, 503),
    parameters=[EXECUTION_ID, OF_SUBMISSION],
    tag=Tag.RECORD,
    name="read_execution",
)
ENDPOINTS = (SUBMISSION, OUTCOME, READ)
