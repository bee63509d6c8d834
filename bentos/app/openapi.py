"""The OpenAPI document, made from the list of endpoints for the versions that answer now."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from bentos.app.endpoints import ENDPOINTS
from bentos.app.response_examples import example_of
from bentos.http import schemas
from bentos.http.errors import MEDIA_TYPE, TITLES
from bentos.http.routing import Body, Content, Endpoint, ListOf, Scope, Tag
from bentos.predict.live_versions import Live, Serving
from bentos.predict.request_schema import RequestSchema
from runlore import __version__

REF = "#/components/schemas/{model}"
TOO_SLOW = 504
KEY_PROBLEMS = (401, 403, 429)  # where a key is needed
KEY: Content = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "rl_…"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
LOGIN: Content = {
    "login": {
        "type": "http",
        "scheme": "basic",
        "description": "The user and password that `runlore login` prints; they allow everything.",
    },
}
TAGS = {
    Tag.PREDICT: "Predict before work runs, and read predictions back from the ledger.",
    Tag.RECORD: "Record executions and their outcomes.",
    Tag.INGESTS: "List what was brought in, and undo it.",
    Tag.HEALTH: "Liveness, readiness and metrics.",
    Tag.ALERTS: "Read and acknowledge alerts.",
    Tag.AB_TESTS: "Plan, run and analyse A/B tests.",
    Tag.SIGNALS: "List series of metrics, and forecast them.",
    Tag.PLANNING: "Estimate what work will take, before it is done.",
    Tag.ASSISTANT: "Give an assistant the tools.",
    Tag.ADVICE: "Learn from behaviour, failures and events.",
    Tag.PRIVACY: "Say whose data may be used, and for what.",
    Tag.AGENTS: "Register agents, give them tasks, and let them write to each other.",
    Tag.ENGAGEMENT: "Say how posts will do, and what would help them.",
    Tag.LIVE: "Follow what happens as it happens.",
    Tag.AGENT_ZERO: "Models, trainings, alerts and tests in the words of Agent Zero.",
    Tag.ML_LEARNING: "Content and its tests in the words of ML learning.",
    Tag.OPSCONDUCTOR: "Trainings and figures in the words of OpsConductor.",
    Tag.MULTI_AGENT: "Agents and their tasks in the words of the multi-agent spec.",
}


@dataclass
class Documents:
    """The document as it is sent.

    It is written again only when other versions answer, because that takes as long as many
    predictions.
    """

    serving: Serving
    _cache: dict[
        frozenset[Scope], tuple[Mapping[str, Live], Mapping[str, RequestSchema], bytes]
    ] = field(default_factory=dict)

    def read(self, scopes: frozenset[Scope]) -> bytes:
        """scopes: those whose routes need a key."""
        live, requests = self.serving.live, self.serving.schemas
        cached = self._cache.get(scopes)
        if cached is None or cached[0] is not live or cached[1] is not requests:
            text = json.dumps(document(self.serving, scopes), ensure_ascii=False)
            cached = self._cache[scopes] = live, requests, text.encode()
        return cached[2]


def document(serving: Serving, scopes: frozenset[Scope] = frozenset()) -> dict[str, Any]:
    """scopes: those whose routes need a key."""
    endpoints = sorted(_documented(serving), key=lambda endpoint: list(Tag).index(endpoint.tag))
    paths: Content = {}
    for endpoint in endpoints:
        if endpoint.needs_database and serving.is_standalone:
            continue
        operations = paths.setdefault(endpoint.documented_path, {})
        needs_key = endpoint.scope in scopes
        operations[endpoint.method.lower()] = _operation(
            endpoint, needs_key=needs_key, has_login=not serving.is_standalone
        )
    schemes = KEY if serving.is_standalone else KEY | LOGIN
    components: Content = {"schemas": _schemas(endpoints), "securitySchemes": schemes}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Runlore predictions",
            "version": __version__,
            "description": "Predict before work runs, and record its outcome.",
        },
        "servers": [{"url": "/", "description": "the service that this document comes from"}],
        "tags": [{"name": tag, "description": text} for tag, text in TAGS.items()],
        "paths": paths,
        "components": components,
    }


def _documented(serving: Serving) -> Iterator[Endpoint]:
    for endpoint in ENDPOINTS:
        if endpoint.is_documented:
            yield from endpoint.variants(serving) if endpoint.variants else [endpoint]


def _schemas(endpoints: Sequence[Endpoint]) -> Content:
    """Each model once, in the order in which endpoints name it."""
    requests = (endpoint.request for endpoint in endpoints)
    responses = (body for endpoint in endpoints for _, body in endpoint.responses.values())
    modes: list[Any] = [(model, "validation") for model in _models(requests)]
    modes += [(model, "serialization") for model in _models((*responses, schemas.ProblemBody))]
    _, schema = models_json_schema(modes, ref_template=REF)
    return _named_by_title(schema["$defs"])


def _named_by_title(definitions: Content) -> Content:
    """A model whose class name differs from its name in the document sets that as its title."""
    text = json.dumps({s.get("title", name): s for name, s in definitions.items()})
    for name, definition in definitions.items():
        title = definition.get("title", name)
        text = text.replace(json.dumps(REF.format(model=name)), json.dumps(REF.format(model=title)))
    named: Content = json.loads(text)
    return named


def _models(bodies: Iterator[Body | None] | Sequence[Body | None]) -> list[type[BaseModel]]:
    models = (body.model if isinstance(body, ListOf) else body for body in bodies)
    return list(dict.fromkeys(m for m in models if m is not None and issubclass(m, BaseModel)))


def _operation(endpoint: Endpoint, *, needs_key: bool, has_login: bool) -> Content:
    problems = (*endpoint.problems, TOO_SLOW) if endpoint.problems else ()
    operation: Content = {
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "operationId": endpoint.operation_id,
        "responses": _responses(endpoint) | _problems(problems),
    }
    if endpoint.description:
        operation["description"] = endpoint.description
    if endpoint.parameters:
        operation["parameters"] = list(endpoint.parameters)
    if endpoint.request is not None:
        operation["requestBody"] = {
            "required": _is_required(endpoint.request),
            "content": _content(endpoint.request),
        }
    if endpoint.scope is None:
        return operation
    keys: list[Content] = [{name: [endpoint.scope]} for name in KEY]
    operation["security"] = keys if needs_key else [{}, *keys]  # {}: none is needed here
    if needs_key and has_login:
        operation["security"].append({name: [] for name in LOGIN})
    if needs_key:
        operation["responses"] |= _problems(KEY_PROBLEMS)
    return operation


def _is_required(request: type[BaseModel] | ListOf) -> bool:
    if isinstance(request, ListOf):
        return True
    return any(field.is_required() for field in request.model_fields.values())


def _responses(endpoint: Endpoint) -> Content:
    responses: Content = {}
    for status, (text, body) in endpoint.responses.items():
        content = _content(body, endpoint.media_type)
        example = example_of(endpoint.method, endpoint.documented_path, str(status))
        if example is not None:
            for media in content.values():
                media["example"] = example
        responses[str(status)] = {"description": text, "content": content}
    return responses


def _problems(statuses: Sequence[int]) -> Content:
    content = {MEDIA_TYPE: {"schema": _ref(schemas.ProblemBody)}}
    return {str(s): {"description": TITLES[s], "content": content} for s in statuses}


def _content(body: Body, plain: str = "text/plain") -> Content:
    if isinstance(body, ListOf):
        return {"application/json": {"schema": _list(body)}}
    if issubclass(body, str):
        return {plain: {"schema": {"type": "string"}}}
    return {"application/json": {"schema": _ref(body)}}


def _list(body: ListOf) -> Content:
    schema: Content = {"type": "array", "items": _ref(body.model)}
    return (
        schema if body.max_items is None else schema | {"minItems": 1, "maxItems": body.max_items}
    )


def _ref(model: type[BaseModel]) -> Content:
    return {"$ref": REF.format(model=model.model_config.get("title") or model.__name__)}
