"""An endpoint: a route together with its documentation, so that neither is without the other."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, get_args

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

Content = dict[str, Any]
Handler = Callable[[Request], Awaitable[Response]]
Scope = Literal["predict", "record", "read", "train"]  # what an API key must allow
SCOPES: tuple[Scope, ...] = get_args(Scope)


class Tag(StrEnum):
    """The groups of the OpenAPI page, in the order in which the page shows them."""

    PREDICT = "Predict"
    RECORD = "Record"
    INGESTS = "Ingests"
    HEALTH = "Health"
    ALERTS = "Alerts"
    AB_TESTS = "A/B tests"
    SIGNALS = "Signals"
    PLANNING = "Planning"
    ASSISTANT = "Assistant"
    ADVICE = "Advice"
    PRIVACY = "Privacy"
    AGENTS = "Agents"
    ENGAGEMENT = "Engagement"
    LIVE = "Live"
    AGENT_ZERO = "Agent Zero"
    ML_LEARNING = "ML learning"
    OPSCONDUCTOR = "OpsConductor"
    MULTI_AGENT = "Multi-agent"


@dataclass(frozen=True)
class ListOf:
    """A JSON array with 1 to `max_items` objects of one model; None: of any length."""

    model: type[BaseModel]
    max_items: int | None = None


# What a body holds: JSON of a model, a list of them, or plain text (`str`).
Body = type[BaseModel] | type[str] | ListOf


@dataclass(frozen=True)
class Endpoint:
    """One route: the router, the OpenAPI document and the scopes of keys follow from it.

    path: parameters stand in braces; `{id:path}` also matches slashes.
    handler: None where BentoML answers itself.
    scope: None where no key is needed.
    responses: status -> its description and its body.
    problems: the other statuses; 504 is added to them, since any request may take too long.
    parameters: all parameters of path and query, as OpenAPI has them.
    variants: gives the endpoints to document in place of this one, for the `Serving` that answers;
    its type lies in a room above this one.
    problem_page: of a page of the console: gives people a problem as a page; the type of a problem
    lies in a room beside this one. A session opens such endpoints as well as a key.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    handler: Handler | None
    scope: Scope | None
    summary: str
    responses: Mapping[int, tuple[str, Body]]
    problems: tuple[int, ...] = ()
    request: type[BaseModel] | ListOf | None = None
    parameters: Sequence[Content] = field(default=())
    tag: Tag = field(kw_only=True)
    description: str = field(default="", kw_only=True)
    name: str = field(default="", kw_only=True)  # the OpenAPI operationId; empty: from the path
    needs_database: bool = field(default=True, kw_only=True)
    is_documented: bool = field(default=True, kw_only=True)
    is_stream: bool = field(default=False, kw_only=True)  # a session counts where a key is needed
    media_type: str = field(default="text/plain", kw_only=True)  # where the body is plain text
    variants: Callable[[Any], Sequence["Endpoint"]] | None = field(default=None, kw_only=True)
    problem_page: Callable[[Request, Any], Response] | None = field(default=None, kw_only=True)

    @property
    def documented_path(self) -> str:
        return self.path.replace(":path}", "}")

    @property
    def operation_id(self) -> str:
        words = "".join(c if c.isalnum() else " " for c in self.documented_path).split()
        return self.name or "_".join([self.method.lower(), *words])

    @property
    def examples(self) -> list[Any]:
        """Requests that can be sent as they stand."""
        model = self.request.model if isinstance(self.request, ListOf) else self.request
        extra: Any = {} if model is None else model.model_config.get("json_schema_extra", {})
        return list(extra.get("examples", []))


def in_path(name: str, what: str, kind: Content) -> Content:
    return {"name": name, "in": "path", "required": True, "description": what, "schema": kind}


def in_query(name: str, what: str, kind: Content, *, required: bool = False) -> Content:
    return {"name": name, "in": "query", "required": required, "description": what, "schema": kind}
