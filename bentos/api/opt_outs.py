"""Opt personas out of what leaves them, over HTTP."""

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
from bentos.http.parameters import read_as_of
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from runlore.kernel import instants
from runlore.privacy.actions.opt_outs import LONGEST_REASON, OptOutChange, set_opt_out
from runlore.privacy.queries.opt_outs import OptOut, list_opt_outs
from runlore.store.engine import Store

MOST = 10_000
BY_HTTP = "http"


class OptOutRequest(Closed):
    model_config = ConfigDict(json_schema_extra={"examples": [{"actor": "ann"}]})

    actor: Annotated[Name, Field(min_length=1, max_length=100, description="who says so")]
    reason: Annotated[str, Field(max_length=LONGEST_REASON)] = ""


class OptOutAnswer(Closed):
    persona: str
    is_out: bool
    has_changed: bool = Field(description="false: it stood like that before")
    is_known: bool = Field(description="whether the log has executions of this persona")


class OptOutBody(Closed):
    persona: str
    known_at: datetime = Field(description="since when")
    actor: str
    reason: str


class OptOutPage(Closed):
    opt_outs: list[OptOutBody] = Field(description="the newest first, 10,000 at most")


async def listing(request: Request) -> Response:
    at = read_as_of(request)

    def work(store: Store) -> OptOutPage:
        with store.connect() as connection:
            rows = list_opt_outs(connection, at, MOST)
        names = OptOutBody.model_fields
        return OptOutPage(
            opt_outs=[OptOutBody(**{name: getattr(row, name) for name in names}) for row in rows]
        )

    return model_response(await read_store(request, work))


async def opt_out(request: Request) -> Response:
    body = OptOutRequest.model_validate_json(await read_body(request))
    actor = actor_of(request, body.actor)
    return await _set(request, actor, body.reason, is_out=True)


async def opt_in(request: Request) -> Response:
    return await _set(request, actor_of(request, BY_HTTP), "", is_out=False)


async def _set(request: Request, actor: str, reason: str, *, is_out: bool) -> Response:
    change = OptOut(instants.now(), request.path_params["persona"], is_out, actor, reason)
    made: OptOutChange = await write_store(request, lambda store: set_opt_out(store, change))
    return model_response(OptOutAnswer(**asdict(made)))


PERSONA = in_path("persona", "An actor of executions", {"type": "string"})
ENDPOINTS = (
    Endpoint(
        "GET",
        "/privacy/opt-outs",
        listing,
        "read",
        "List the personas that have opted out",
        {200: ("The newest first", OptOutPage)},
        (422, 503),
        parameters=[in_query("as_of", "Those that held then", {"type": "string"})],
        tag=Tag.PRIVACY,
        name="read_opt_outs",
    ),
    Endpoint(
        "POST",
        "/privacy/opt-outs/{persona:path}",
        opt_out,
        "record",
        "Leave a persona out of all that is learned or told across personas",
        {200: ("It is out from now on", OptOutAnswer)},
        (400, 413, 422, 503),
        OptOutRequest,
        [PERSONA],
        tag=Tag.PRIVACY,
        name="opt_out",
    ),
    Endpoint(
        "DELETE",
        "/privacy/opt-outs/{persona:path}",
        opt_in,
        "record",
        "Take a persona in again",
        {200: ("It is in from now on", OptOutAnswer)},
        (422, 503),
        parameters=[PERSONA],
        tag=Tag.PRIVACY,
        name="opt_in",
    ),
)
