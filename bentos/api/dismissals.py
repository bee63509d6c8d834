"""Dismissed anomalies over HTTP: which there are, and taking one back."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store, write_store
from bentos.http.bodies import read_body
from bentos.http.fields import Name
from bentos.http.identity import actor_of
from bentos.http.parameters import number_of
from bentos.http.routing import Endpoint, Tag, in_path
from bentos.http.schemas import Closed
from runlore.kernel import instants
from runlore.signals.actions import dismissals


class DismissalBody(Closed):
    """at: of the point. size: its distance from what was expected."""

    id: int
    known_at: datetime
    source: str
    name: str
    scope: str
    at: datetime
    direction: int = Field(description="1: above what was expected; -1: below")
    size: float
    actor: str
    reason: str


class DismissalPage(Closed):
    dismissals: list[DismissalBody] = Field(description="the newest first")


class DismissalUndo(Closed):
    model_config = ConfigDict(json_schema_extra={"examples": [{"actor": "ann"}]})

    actor: Annotated[Name, Field(min_length=1, max_length=100)]


class UndoneDismissal(Closed):
    id: int
    is_undone: bool


async def listing(request: Request) -> Response:
    at = instants.now()
    rows = await read_store(request, lambda store: dismissals.list_dismissals(store, at))
    bodies = [DismissalBody(**asdict(one)) for one in rows]
    return model_response(DismissalPage(dismissals=bodies))


async def undo(request: Request) -> Response:
    body = DismissalUndo.model_validate_json(await read_body(request))
    number, at = number_of(request.path_params["id"], "a dismissal"), instants.now()
    actor = actor_of(request, body.actor)
    await write_store(request, lambda store: dismissals.undo_dismissal(store, number, actor, at))
    return model_response(UndoneDismissal(id=number, is_undone=True))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/signals/dismissals",
        listing,
        "read",
        "List the anomalies that somebody has said are none",
        {200: ("The newest first", DismissalPage)},
        (503,),
        tag=Tag.SIGNALS,
        name="read_dismissals",
    ),
    Endpoint(
        "POST",
        "/signals/dismissals/{id}/undo",
        undo,
        "record",
        "Take a dismissal back; such anomalies are reported again",
        {200: ("It no longer holds", UndoneDismissal)},
        (400, 404, 413, 422, 503),
        DismissalUndo,
        [in_path("id", "As the list shows it", {"type": "string"})],
        tag=Tag.SIGNALS,
        name="undo_dismissal",
    ),
)
