"""A way in: a route together with what the document says of it, so that neither is alone."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

Content = dict[str, Any]
REF = "#/components/schemas/{model}"
TOO_SLOW = 504
"""Whatever is asked may take too long."""


Scope = Literal["predict", "record", "read", "train"]


@dataclass(frozen=True)
class Way:
    """answers: status -> what it means, and its model. problems: other statuses.

    path: with names of parameters in braces; `parameters` describe all of them, OpenAPI's way.
    """

    method: Literal["GET", "POST", "PATCH"]
    path: str
    endpoint: Callable[[Request], Awaitable[Response]]
    scope: Scope
    summary: str
    answers: Mapping[int, tuple[str, type[BaseModel]]]
    problems: tuple[int, ...] = ()
    body: type[BaseModel] | None = None
    parameters: Sequence[Content] = field(default=())

    @property
    def operation(self) -> str:
        words = "".join(each if each.isalnum() else " " for each in self.path).split()
        return "_".join([self.method.lower(), *words])


def in_path(name: str, what: str, kind: Content) -> Content:
    return {"name": name, "in": "path", "required": True, "description": what, "schema": kind}


def in_query(name: str, what: str, kind: Content, *, required: bool = False) -> Content:
    return {"name": name, "in": "query", "required": required, "description": what, "schema": kind}


def described(ways: Sequence[Way], responses: Callable[..., Content]) -> Content:
    """The paths of an OpenAPI document. responses: writes good answers and problems."""
    paths: Content = {}
    for way in ways:
        good = {
            str(status): (what, {"$ref": REF.format(model=model.__name__)})
            for status, (what, model) in way.answers.items()
        }
        told: Content = {
            "summary": way.summary,
            "operationId": way.operation,
            "responses": responses(good, *way.problems, TOO_SLOW),
        }
        if way.parameters:
            told["parameters"] = list(way.parameters)
        if way.body is not None:
            schema = {"$ref": REF.format(model=way.body.__name__)}
            told["requestBody"] = {
                "required": any(each.is_required() for each in way.body.model_fields.values()),
                "content": {"application/json": {"schema": schema}},
            }
        paths.setdefault(way.path, {})[way.method.lower()] = told
    return paths
