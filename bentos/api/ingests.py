"""Ingests over HTTP: list what was brought in, and undo it."""

import asyncio
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store, write_store
from bentos.http.bodies import read_body
from bentos.http.identity import actor_of
from bentos.http.routing import Body, Content, Endpoint, Tag, in_path
from bentos.http.schemas import Closed
from runlore.ingest.actions.sources import IngestView, SourceView, list_sources
from runlore.ingest.actions.undo import Undo, UndoReason, UndoTarget, withdraw_ingest
from runlore.kernel.deadlines import REQUEST_S
from runlore.kernel.errors import BadInput

LARGEST_ID = 2**63 - 1
ANSWER_WITHIN_S = REQUEST_S - 3  # an undo that takes longer goes on without its client
MAX_SOURCE = 1024


class ListedWarning(Closed):
    """rows: how many it is about. remedy: what to do; empty: nothing."""

    kind: str
    message: str
    rows: int
    remedy: str


class ListedIngest(Closed):
    """facts: what the log holds of it now. undone_at: null while it stands.

    warnings: signs that its rows may be read wrong.
    """

    ingest: int
    path: str
    facts: int
    rejected: int
    started_at: datetime
    finished_at: datetime | None
    undone_at: datetime | None
    because: str | None
    warnings: list[ListedWarning]


class ListedSource(Closed):
    """rows: executions, or points of metrics. unnumbered: facts that came over HTTP, or are old.

    withdrawn: facts that undos took out of it.
    """

    source: str
    records: str
    rows: int
    facts: int
    unnumbered: int
    withdrawn: int
    first: datetime | None
    last: datetime | None
    last_ingest: datetime | None
    ingests: list[ListedIngest] = Field(description="newest first")


class SourcePage(Closed):
    sources: list[ListedSource]


class UndoRequest(Closed):
    """actor: who undoes it; with a key, the key's owner is recorded instead."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"actor": "ann", "because": "the times were local"}]}
    )

    actor: Annotated[str, Field(min_length=1, max_length=100)]
    because: Annotated[str, Field(max_length=500)] = ""


class UndoneIngest(Closed):
    """executions: facts about executions that are withdrawn; metrics: points.

    is_new: whether this request did it; reread: paths to ingest again, since they had rows of it.
    """

    source: str
    ingest: int | None
    executions: int
    metrics: int
    known_at: datetime
    is_new: bool
    reread: list[str]


class UndoUnderWay(Closed):
    status: str = "under way"


async def listing(request: Request) -> Response:
    sources = await read_store(request, list_sources)
    return model_response(SourcePage(sources=[_source(source) for source in sources]))


async def undo_one(request: Request) -> Response:
    text = request.path_params["id"]
    is_number = text.isascii() and text.isdecimal() and len(text) < 20
    if not is_number or not 1 <= int(text) <= LARGEST_ID:
        raise BadInput(f"id: {text[:80]!r} is not the number of an ingest", "id")
    return await _undo(request, UndoTarget(ingest_id=int(text)))


async def undo_source(request: Request) -> Response:
    source = request.path_params["source"]
    if "\x00" in source or len(source.encode()) > MAX_SOURCE:
        raise BadInput("source: no source has such a name", "source")
    return await _undo(request, UndoTarget(source=source))


async def _undo(request: Request, target: UndoTarget) -> Response:
    """Answer when it is done, or that it is under way."""
    body = UndoRequest.model_validate_json(await read_body(request))
    why = UndoReason(actor_of(request, body.actor), body.because)
    work = write_store(request, lambda store: withdraw_ingest(store, target, why))
    try:
        done = await asyncio.wait_for(work, ANSWER_WITHIN_S)
    except TimeoutError:
        return model_response(UndoUnderWay(), 202)
    return model_response(_undone(done))


def _undone(done: Undo) -> UndoneIngest:
    withdrawal = done.withdrawal
    return UndoneIngest(
        source=withdrawal.source,
        ingest=withdrawal.ingest_id,
        executions=withdrawal.executions,
        metrics=withdrawal.metrics,
        known_at=withdrawal.known_at,
        is_new=done.is_new,
        reread=[other.path for other in done.reread],
    )


def _source(view: SourceView) -> ListedSource:
    names = ListedSource.model_fields.keys() - {"ingests"}
    ingests = [_ingest(ingest) for ingest in view.ingests]
    return ListedSource(**{name: getattr(view, name) for name in names}, ingests=ingests)


def _ingest(view: IngestView) -> ListedIngest:
    fields = {name: getattr(view, name) for name in ListedIngest.model_fields}
    return ListedIngest(**fields | {"warnings": [asdict(warning) for warning in view.warnings]})


NUMBER: Content = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
UNDONE: dict[int, tuple[str, Body]] = {
    200: ("Withdrawn, now or before", UndoneIngest),
    202: ("It goes on; the same request tells when it is done", UndoUnderWay),
}
PROBLEMS = (400, 404, 409, 413, 422, 503)
ENDPOINTS = (
    Endpoint(
        "GET",
        "/ingests",
        listing,
        "read",
        "List sources and the ingests that brought them in",
        {200: ("By name of the source", SourcePage)},
        (503,),
        tag=Tag.INGESTS,
        name="read_ingests",
    ),
    Endpoint(
        "POST",
        "/ingests/{id}/undo",
        undo_one,
        "train",
        "Undo an ingest: nothing knows its facts any more",
        UNDONE,
        PROBLEMS,
        UndoRequest,
        [in_path("id", "Of the ingest", NUMBER)],
        tag=Tag.INGESTS,
        name="undo_ingest",
    ),
    Endpoint(
        "POST",
        "/sources/{source:path}/undo",
        undo_source,
        "train",
        "Undo everything that a source brought in",
        UNDONE,
        PROBLEMS,
        UndoRequest,
        [in_path("source", "Name of the source", {"type": "string", "minLength": 1})],
        tag=Tag.INGESTS,
        name="undo_source",
    ),
)
