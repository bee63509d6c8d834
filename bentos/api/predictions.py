"""Predict over HTTP, and read predictions back from the ledger."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import numpy as np
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from bentos.http import schemas
from bentos.http.bodies import json_response
from bentos.http.routing import Content, Endpoint, ListOf, Tag
from bentos.http.threads import in_thread
from bentos.predict import handler
from bentos.predict.live_versions import Serving
from bentos.predict.request_options import MOST_LEVELS, MOST_REASONS, parse_reasons
from bentos.predict.request_schema import MOST_ROWS, request_schema_of
from runlore.kernel.errors import BadInput
from runlore.serving.actions import prediction

REASONS: Content = {
    "name": "reasons",
    "in": "query",
    "description": "How many reasons to give; they take longer than the prediction itself",
    "schema": {"type": "integer", "minimum": 0, "maximum": MOST_REASONS, "default": 0},
}
SUPPORT: Content = {
    "name": "support",
    "in": "query",
    "description": "Whether to tell what the version does not know about the request",
    "schema": {"type": "boolean", "default": False},
}
QUANTILES: Content = {
    "name": "quantiles",
    "in": "query",
    "description": f"Up to {MOST_LEVELS} levels between 0 and 1, such as `0.5,0.95`: the answer has"
    " the quantiles of the quantity at these; a probability has none",
    "schema": {"type": "array", "items": {"type": "number"}, "maxItems": MOST_LEVELS},
    "style": "form",
    "explode": False,
    "example": [0.5, 0.95],
}
PREDICTION_ID: Content = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The `id` of the answer",
    "schema": {"type": "string", "format": "uuid"},
}


async def read(request: Request) -> Response:
    serving: Serving = request.app.state.serving
    number, store = _id(request.path_params["id"]), serving.database()
    reasons = parse_reasons(request.query_params.get("reasons", "0"))
    row = await in_thread(request, lambda: prediction.read_prediction(store, number))
    features = row.pop("features")
    if reasons and row["status"] == 200 and row["reasons"] is None:
        live = serving.version(row["spec"], row["version"])
        contributions = await in_thread(request, lambda: live.bundle.reasons(features, reasons))
        row["reasons"] = [vars(reason) for reason in contributions]
    known = None if features is None else [None if np.isnan(v) else v for v in features]
    return json_response(schemas.Prediction(features=known, **row).model_dump_json())


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise BadInput(f"id: {text[:80]!r} is not a UUID", "id") from error


def _one_per_spec(serving: Serving) -> Sequence[Endpoint]:
    """What `POST /predict/{spec}` takes depends on the version that answers for the spec."""
    return [
        replace(
            ONE,
            path=f"/predict/{name}",
            name=f"predict_{name}",
            summary=f"Predict {name} for one execution ({_version(serving, name)})",
            request=_request(serving, name),
        )
        for name in serving.names
    ]


def _batch_per_spec(serving: Serving) -> Sequence[Endpoint]:
    most = f"{MOST_ROWS:,} executions"
    return [
        replace(
            BATCH,
            path=f"/predict/{name}/batch",
            name=f"predict_{name}_batch",
            summary=f"Predict {name} for up to {most} ({_version(serving, name)})",
            request=ListOf(_request(serving, name), MOST_ROWS),
        )
        for name in serving.names
    ]


def _version(serving: Serving, name: str) -> str:
    live = serving.live.get(name)
    return f"version {live.bundle.version}" if live else "no version yet: 503"


def _request(serving: Serving, name: str) -> type[BaseModel]:
    if name not in serving.live:
        return request_schema_of(name, None, serving.clock).request
    return serving.schema(name).request


PROBLEMS = (400, 413, 422, 503)
ONE = Endpoint(
    "POST",
    "/predict/{spec}",
    handler.one,
    "predict",
    "Predict for one execution",
    {200: ("The answer", schemas.Answer)},
    PROBLEMS,
    parameters=[REASONS, SUPPORT, QUANTILES],
    tag=Tag.PREDICT,
    needs_database=False,
    variants=_one_per_spec,
)
BATCH = Endpoint(
    "POST",
    "/predict/{spec}/batch",
    handler.batch,
    "predict",
    f"Predict for up to {MOST_ROWS:,} executions",
    {200: ("The answers, in order", ListOf(schemas.Answer))},
    PROBLEMS,
    parameters=[REASONS, SUPPORT, QUANTILES],
    tag=Tag.PREDICT,
    needs_database=False,
    variants=_batch_per_spec,
)
READ = Endpoint(
    "GET",
    "/predictions/{id}",
    read,
    "read",
    "Read a prediction from the ledger",
    {200: ("Its row", schemas.Prediction)},
    (404, 409, 422, 503),
    parameters=[PREDICTION_ID, REASONS],
    tag=Tag.PREDICT,
    name="read_prediction",
)
ENDPOINTS = (ONE, BATCH, READ)
