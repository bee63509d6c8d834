"""`POST /ai/learning/predict-failure`: the failure risk of work before it runs."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.predictions import REASONS
from bentos.api.store_access import model_response
from bentos.http.bodies import json_response
from bentos.http.fields import Id, Name, Values
from bentos.http.routing import Endpoint, Tag
from bentos.http.schemas import Answer, Closed, Reason
from bentos.predict import handler

PREDICT = "/ai/learning/predict-failure"
SPEC = "failure-risk"
EXAMPLE: dict[str, Any] = {
    "user": "ann",
    "operation": "ssh",
    "target": "web-1",
    "parameters": {"timeout_s": 30},
}
WORDS = {
    "user": "actor",
    "operation": "kind",
    "target": "scope",
    "parameters": "inputs",
    "execution_id": "execution",
}
ITS_WORDS = {ours: its for its, ours in WORDS.items()}
DEFAULT_REASONS = "3"


class FailureQuestion(Closed):
    """execution_id: with it, the outcome that is recorded later counts for this answer."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    user: Name = Field(description="who asks for the work")
    operation: Name = Field(description="what sort of work, such as ssh")
    target: Name = Field(default="", description="the host or device")
    parameters: Values = Field(default_factory=dict, description="those that the model knows")
    execution_id: Id | None = None


class WithheldPart(Closed):
    """what: a field of the answer that is null."""

    what: Literal["failure_probability", "interval", "reasons"]
    why: str


class FailurePrediction(Closed):
    """prediction_id: on the ledger, `follow` reads it. low, high: of the probability.

    failure_probability is withheld where neither user, operation nor target was seen before.
    """

    prediction_id: UUID
    status: Literal["predicted", "withheld"]
    model: str
    version: str | None
    failure_probability: float | None
    low: float | None
    high: float | None
    support: Literal["none", "little", "good"]
    reasons: list[Reason] | None = Field(description="what moved it most")
    unknown: list[str] = Field(description="what is not known of the request")
    withheld: list[WithheldPart]
    as_of: datetime
    follow: str


async def predict(request: Request) -> Response:
    reasons = request.query_params.get("reasons", DEFAULT_REASONS)
    options = {"reasons": reasons, "support": "1"}
    answer = await handler.translated(request, SPEC, _translate, options)
    document = json.loads(bytes(answer.body))
    if answer.status_code != 200:
        renamed = json_response(json.dumps(_in_its_words(document)), answer.status_code)
        renamed.raw_headers[:] = [
            *(pair for pair in answer.raw_headers if pair[0] != b"content-length"),
            (b"content-length", str(len(renamed.body)).encode()),
        ]
        return renamed
    return model_response(_prediction(Answer.model_validate(document)))


def _translate(body: bytes) -> bytes:
    """Its names of fields for ours; what is no object stays, for the schema to refuse."""
    try:
        fields = json.loads(body)
    except ValueError:
        return body
    if not isinstance(fields, dict) or fields.keys() & ITS_WORDS.keys():
        return body
    return json.dumps({WORDS.get(name, name): value for name, value in fields.items()}).encode()


def _in_its_words(problem: Mapping[str, Any]) -> dict[str, Any]:
    errors = [{**one, "field": _named(one["field"])} for one in problem.get("errors") or ()]
    renamed = dict(problem)
    field = problem.get("field")
    if field:
        name = renamed["field"] = _named(field)
        detail = str(problem["detail"])
        if detail.startswith(f"{field}:"):
            renamed["detail"] = f"{name}{detail[len(field) :]}"
    if errors:
        renamed["errors"] = errors
    return renamed


def _named(field: str) -> str:
    first, dot, rest = field.partition(".")
    return f"{ITS_WORDS.get(first, first)}{dot}{rest}"


def _prediction(answer: Answer) -> FailurePrediction:
    is_known = answer.support != "none"
    return FailurePrediction(
        prediction_id=answer.id,
        status="predicted" if is_known else "withheld",
        model=answer.spec,
        version=answer.version,
        failure_probability=answer.prediction if is_known else None,
        low=answer.low if is_known else None,
        high=answer.high if is_known else None,
        support=answer.support,
        reasons=answer.reasons if is_known else None,
        unknown=[part.text for part in answer.unknown or ()],
        withheld=_withheld(answer),
        as_of=answer.as_of,
        follow=f"/predictions/{answer.id}",
    )


def _withheld(answer: Answer) -> list[WithheldPart]:
    if answer.support == "none":
        why = "neither the user, nor the operation, nor the target was seen before"
        return [
            WithheldPart(what="failure_probability", why=why),
            WithheldPart(what="interval", why=why),
            WithheldPart(what="reasons", why=why),
        ]
    parts = []
    if answer.low is None:
        why = "a calibrated probability has none; GET /ai/learning/stats tells how good they were"
        parts.append(WithheldPart(what="interval", why=why))
    if answer.reasons is None:
        parts.append(WithheldPart(what="reasons", why="none were asked for: ?reasons=3"))
    return parts


ENDPOINTS = (
    Endpoint(
        "POST",
        PREDICT,
        predict,
        "predict",
        "Predict the risk that work fails, before it runs",
        {200: ("The risk, or why it is withheld", FailurePrediction)},
        (400, 404, 413, 422, 503),
        FailureQuestion,
        [{**REASONS, "schema": {**REASONS["schema"], "default": int(DEFAULT_REASONS)}}],
        tag=Tag.OPSCONDUCTOR,
    ),
)
