"""Export and erase all that is kept of a persona, over HTTP."""

import asyncio
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from pydantic import Field
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from bentos.api.store_access import model_response, read_store, write_store
from bentos.http.identity import actor_of, require_admin
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.privacy.actions.erasing import (
    ErasureContext,
    ErasureReport,
    ErasureRequest,
    erase,
    preview_erasure,
)
from runlore.privacy.actions.exporting import export_persona
from runlore.store.engine import Store

ANSWER_WITHIN_S = 20.0
BY_HTTP = "http"
MODELS = ("keep", "retire")


class TaughtVersionBody(Closed):
    spec: str
    version: str
    aliases: list[str]
    names_it: bool = Field(description="its files name the persona: it is deleted in any case")


class TableCountsBody(Closed):
    deleted: dict[str, int]
    changed: dict[str, int]
    left: dict[str, int]


class ErasureBody(Closed):
    """Counts alone. id: null in a dry run."""

    id: int | None
    is_resumed: bool
    executions: int
    tables: TableCountsBody
    files: dict[str, int] = Field(description="folder of the home -> files")
    versions: list[TaughtVersionBody] = Field(description="that learned from its rows")
    retired: int
    runs: int = Field(description="of MLflow without a version, whose files name it")
    values: int = Field(description="of its inputs that nobody else has, searched for, too")
    notes: list[str] = Field(description="what is not covered")
    left: dict[str, int] = Field(description="table -> rows that still name it")


class ErasureUnderWay(Closed):
    state: Literal["under way"] = "under way"


async def export(request: Request) -> Response:
    require_admin(request)
    persona, at = request.path_params["persona"], instants.now()
    file = Path(tempfile.mkstemp(prefix="runlore-export-", suffix=".zip")[1])
    try:
        await read_store(request, lambda store: export_persona(store, persona, file, at))
    except BaseException:
        file.unlink()
        raise
    gone = BackgroundTask(file.unlink, missing_ok=True)
    return FileResponse(file, media_type="application/zip", filename=file.name, background=gone)


async def erase_persona(request: Request) -> Response:
    """Answer when it is done, or that it is under way."""
    require_admin(request)
    persona, given = request.path_params["persona"], request.query_params
    models = next((one for one in MODELS if one == given.get("models", "keep")), None)
    if models is None:
        raise BadInput(f"models: {given['models'][:40]!r} is neither keep nor retire", "models")
    dry_run = given.get("dry_run", "false")
    if dry_run not in ("true", "false"):
        raise BadInput(f"dry_run: {dry_run[:40]!r} is neither true nor false", "dry_run")
    asked = ErasureRequest(persona, actor_of(request, BY_HTTP), models)  # type: ignore[arg-type]
    product = request.app.state.product

    def work(store: Store) -> ErasureReport:
        context = ErasureContext(product.settings, store, product.registry)
        if dry_run == "true":
            return preview_erasure(context, persona)
        return erase(context, asked, instants.now())

    doing = write_store(request, work)
    try:
        report = await asyncio.wait_for(doing, ANSWER_WITHIN_S)
    except TimeoutError:
        return model_response(ErasureUnderWay(), 202)
    return model_response(ErasureBody.model_validate(asdict(report)))


PERSONA = in_path("persona", "An actor of executions", {"type": "string"})
TEXT = {"type": "string"}
ENDPOINTS = (
    Endpoint(
        "GET",
        "/privacy/personas/{persona:path}/export",
        export,
        "train",
        "Export all rows of a persona",
        {200: ("A zip archive with a file of JSON lines per table", str)},
        (404, 422, 503),
        parameters=[PERSONA],
        tag=Tag.PRIVACY,
        description="The key needs the scope `admin`.",
        media_type="application/zip",
        name="export_persona",
    ),
    Endpoint(
        "DELETE",
        "/privacy/personas/{persona:path}",
        erase_persona,
        "train",
        "Erase all that is kept of a persona",
        {
            200: ("What was erased, in counts", ErasureBody),
            202: ("It goes on; ask again", ErasureUnderWay),
        },
        (422, 503),
        parameters=[
            PERSONA,
            in_query("dry_run", "true: say what would be erased; change nothing", TEXT),
            in_query("models", "keep or retire versions that learned from its rows", TEXT),
        ],
        tag=Tag.PRIVACY,
        description="The key needs the scope `admin`. It cannot be undone.",
        name="erase_persona",
    ),
)
