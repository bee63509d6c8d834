"""The OpenAPI document: written from the models that validate, for the versions that answer now."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from bentos.api.alerts import LARGEST_ID, MOST_ALERTS, USUAL_ALERTS
from bentos.dialects.routes import WAYS
from bentos.http import schemas
from bentos.http.errors import MEDIA_TYPE, TITLES
from bentos.http.fields import Id
from bentos.http.routing import described
from bentos.predict.live_versions import Live, Serving
from bentos.predict.request_schema import MOST_REASONS, MOST_ROWS, Question, ask
from runlore import __version__

REF = "#/components/schemas/{model}"
Content = dict[str, Any]
OPEN = ("/livez", "/readyz")
SCOPES = {"get": "read", "post": "record"}
"""Method -> what a key must allow, but for predictions and for ways that say it themselves."""

KEY: Content = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "rl_…"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
EXECUTION_ID: Content = TypeAdapter(Id).json_schema()
REASONS: Content = {
    "name": "reasons",
    "in": "query",
    "description": "How many reasons to give for an answer; they take longer than the answer",
    "schema": {"type": "integer", "minimum": 0, "maximum": MOST_REASONS, "default": 0},
}

ALERT_ID: Content = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
ALERT_FILTERS: list[Content] = [
    {"name": name, "in": "query", "description": what, "schema": kind}
    for name, what, kind in (
        ("state", "Which ones", {"enum": ["open", "resolved", "all"], "default": "open"}),
        ("kind", "Of this kind only", {"type": "string"}),
        ("subject", "Of this subject only", {"type": "string"}),
        ("before", "Only those with a smaller id", ALERT_ID),
        (
            "limit",
            "How many at most",
            {"type": "integer", "minimum": 1, "maximum": MOST_ALERTS, "default": USUAL_ALERTS},
        ),
    )
]


@dataclass
class Documents:
    """The document as it is sent. Written anew only when other versions answer: that takes as long
    as many predictions."""

    serving: Serving
    _written: dict[bool, tuple[Mapping[str, Live], Mapping[str, Question], bytes]] = field(
        default_factory=dict
    )

    def read(self, *, needs_key: bool) -> bytes:
        live, questions = self.serving.live, self.serving.questions
        known = self._written.get(needs_key)
        if known is None or known[0] is not live or known[1] is not questions:
            text = json.dumps(document(self.serving, needs_key=needs_key), ensure_ascii=False)
            known = self._written[needs_key] = live, questions, text.encode()
        return known[2]


def document(serving: Serving, *, needs_key: bool = False) -> dict[str, Any]:
    requests = {name: _request(serving, name) for name in serving.names}
    records = _records(serving)
    taken = [*requests.values(), *records, schemas.Acknowledgement]
    told: tuple[type[BaseModel], ...]
    told = (
        schemas.Answer,
        schemas.Recorded,
        schemas.History,
        schemas.Prediction,
        schemas.ProblemBody,
    )
    told += (schemas.AlertPage, schemas.AlertDetail)
    taken += {way.body: None for way in WAYS if way.body is not None}
    told += tuple({model: None for way in WAYS for _, model in way.answers.values()})
    modes: list[Any] = [(model, "validation") for model in taken]
    modes += [(model, "serialization") for model in told]
    _, found = models_json_schema(modes, ref_template=REF)
    paths: dict[str, Any] = {}
    for name, request in requests.items():
        paths |= _predictions(serving, name, request)
    if not serving.is_standalone:
        paths |= _record_paths(*records) | _alert_paths() | described(WAYS, _responses)
    paths |= _health()
    components: Content = {"schemas": found["$defs"]}
    if needs_key:
        _close(paths)
        components["securitySchemes"] = KEY
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Runlore predictions",
            "version": __version__,
            "description": "Predictions before work runs, and a record of what came of it.",
        },
        "paths": paths,
        "components": components,
    }


def _close(paths: Content) -> None:
    """Say what needs a key, as the routes have it."""
    of_ways = {(way.path, way.method.lower()): way.scope for way in WAYS}
    for path, operations in paths.items():
        if path in OPEN:
            continue
        for method, told in operations.items():
            usual = "predict" if path.startswith("/predict/") else SCOPES.get(method, "record")
            scope = of_ways.get((path, method), usual)
            told["security"] = [{name: [scope]} for name in KEY]
            told["responses"] |= _responses({}, 401, 403, 429)


def _request(serving: Serving, name: str) -> type[BaseModel]:
    live = serving.live.get(name)
    if live is None:
        return ask(name, None, serving.clock).request
    return serving.question(name).request


def _records(serving: Serving) -> tuple[type[BaseModel], type[BaseModel]]:
    if serving.clock == "record":
        return schemas.ReplayedExecution, schemas.ReplayedEnding
    return schemas.Execution, schemas.Ending


def _predictions(serving: Serving, name: str, request: type[BaseModel]) -> Content:
    live = serving.live.get(name)
    who = f"version {live.bundle.version}" if live else "no version yet: 503"
    one, answer = _ref(request), _ref(schemas.Answer)
    many = {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_ROWS}
    answers = {"type": "array", "items": answer}
    bad = (400, 413, 422, 503, 504)
    return {
        f"/predict/{name}": _post(
            f"Predict {name} for one piece of work ({who})",
            f"predict_{name}",
            _responses({"200": ("The answer", answer)}, *bad),
            one,
            [REASONS],
        ),
        f"/predict/{name}/batch": _post(
            f"Predict {name} for up to {MOST_ROWS:,} pieces of work ({who})",
            f"predict_{name}_batch",
            _responses({"200": ("The answers, in order", answers)}, *bad),
            many,
            [REASONS],
        ),
    }


def _record_paths(execution: type[BaseModel], ending: type[BaseModel]) -> Content:
    known = {
        "200": ("Known before; nothing changed", _ref(schemas.Recorded)),
        "201": ("Recorded", _ref(schemas.Recorded)),
    }
    history = {"200": ("Its facts", _ref(schemas.History))}
    row = {"200": ("Its row", _ref(schemas.Prediction))}
    return {
        "/executions": _post(
            "Record work that was submitted",
            "record_execution",
            _responses(known, 400, 409, 413, 422, 503, 504),
            _ref(execution),
        ),
        "/executions/{id}": _get(
            "All that is known of an execution",
            "read_execution",
            _responses(history, 404, 422, 503, 504),
            [_id(EXECUTION_ID)],
        ),
        "/executions/{id}/outcome": _post(
            "Record what came of it, or correct that",
            "record_outcome",
            _responses(known, 400, 404, 409, 413, 422, 503, 504),
            _ref(ending),
            [_id(EXECUTION_ID)],
        ),
        "/predictions/{id}": _get(
            "A prediction as the ledger has it",
            "read_prediction",
            _responses(row, 404, 409, 422, 503, 504),
            [_id({"type": "string", "format": "uuid"}), REASONS],
        ),
    }


def _alert_paths() -> Content:
    page = {"200": ("The newest first", _ref(schemas.AlertPage))}
    one = {"200": ("The alert, with its history", _ref(schemas.AlertDetail))}
    number = _id(ALERT_ID)
    return {
        "/alerts": _get(
            "What deviates", "read_alerts", _responses(page, 422, 503, 504), ALERT_FILTERS
        ),
        "/alerts/{id}": _get(
            "An alert with its evidence, its history and its way to each channel",
            "read_alert",
            _responses(one, 404, 422, 503, 504),
            [number],
        ),
        "/alerts/{id}/ack": _post(
            "Take care of an alert: it is told again only when it becomes worse",
            "acknowledge_alert",
            _responses(one, 400, 404, 409, 413, 422, 503, 504),
            _ref(schemas.Acknowledgement),
            [number],
        ),
    }


def _health() -> Content:
    text = {"text/plain": {"schema": {"type": "string"}}}
    told = {
        "/livez": "The process answers",
        "/readyz": "The database answers",
        "/metrics": "Prometheus metrics",
    }
    return {
        path: _get(what, path.strip("/"), {"200": {"description": what, "content": text}})
        for path, what in told.items()
    }


def _get(
    summary: str, operation: str, responses: Content, parameters: Sequence[Content] = ()
) -> Content:
    told = {"summary": summary, "operationId": operation, "responses": responses}
    return {"get": told | ({"parameters": list(parameters)} if parameters else {})}


def _post(
    summary: str,
    operation: str,
    responses: Content,
    body: Content,
    parameters: Sequence[Content] = (),
) -> Content:
    content = {"required": True, "content": {"application/json": {"schema": body}}}
    told = _get(summary, operation, responses, parameters)["get"]
    return {"post": told | {"requestBody": content}}


def _id(kind: Content) -> Content:
    return {"name": "id", "in": "path", "required": True, "schema": kind}


def _ref(model: type[BaseModel]) -> Content:
    return {"$ref": REF.format(model=model.__name__)}


def _responses(good: dict[str, tuple[str, Content]], *bad: int) -> Content:
    problem = {MEDIA_TYPE: {"schema": _ref(schemas.ProblemBody)}}
    told = {
        status: {"description": what, "content": {"application/json": {"schema": content}}}
        for status, (what, content) in good.items()
    }
    wrong = {str(status): {"description": TITLES[status], "content": problem} for status in bad}
    return told | wrong
