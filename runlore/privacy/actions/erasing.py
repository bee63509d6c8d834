"""Erase a persona: after it, nothing that this installation keeps names it or holds its rows.

Four steps, each of which can be repeated: the facts are withdrawn as by an undo, so that states and
series forget them; versions and runs whose files name it are deleted; files of the home are
cleaned; then one transaction deletes and replaces in all tables, searches them, and closes the
request. What cuts it off leaves an open request, with which the next call goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from runlore.ingest.actions.undo import UndoReason, withdraw_actor
from runlore.privacy.actions.erasing_files import clean_home
from runlore.privacy.actions.erasing_models import (
    TaughtModels,
    TaughtVersion,
    find_taught,
    retire_version,
)
from runlore.privacy.actions.erasing_tables import TableCounts, clean_tables, count_tables
from runlore.privacy.actions.opt_outs import checked_persona
from runlore.privacy.actions.pseudonyms import read_pseudonyms
from runlore.privacy.queries import erasures, persona_rows
from runlore.privacy.queries.erasures import Erasure
from runlore.privacy.queries.persona_rows import PersonaExtent
from runlore.privacy.rules.mentions import MIN_VALUE_CHARACTERS, Mentions, distinctive
from runlore.settings import Settings
from runlore.store import advisory
from runlore.store.engine import Store

if TYPE_CHECKING:
    from runlore.registry import Registry

Models = Literal["keep", "retire"]
Progress = Callable[[str], None]
STEAD = "erased"
ERASING = "runlore.erasure"  # one process at a time


@dataclass(frozen=True)
class ErasureRequest:
    """models: what becomes of versions that learned from the persona and do not name it."""

    persona: str
    actor: str
    models: Models = "keep"


@dataclass(frozen=True)
class ErasureReport:
    """What was, or in a dry run would be, erased; counts alone, without the name.

    id: None in a dry run. tables: rows deleted and changed by table. files: by folder of the home.
    versions: that learned from the persona's rows or name it. values: of its inputs that nobody
    else has, which were searched for, too. left: table -> rows that still mention it.
    """

    id: int | None
    is_resumed: bool
    executions: int
    tables: TableCounts
    files: dict[str, int]
    versions: tuple[TaughtVersion, ...]
    retired: int
    runs: int
    values: int
    notes: tuple[str, ...] = ()
    left: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ErasureContext:
    """Where a persona is searched. registry: opened when it is first used."""

    settings: Settings
    store: Store
    registry: "Registry"

    @property
    def notes(self) -> tuple[str, ...]:
        """What cannot be searched from here."""
        remote = self.settings.mlflow_tracking_uri is not None
        server = "MLflow's server: its files are not searched; use --models retire"
        prefect = "the Prefect server of RUNLORE_PREFECT_API_URL: delete its runs there"
        outside = "your own logs, backups and exports outside the home are not touched"
        found = [server] if remote else []
        found += [prefect] if self.settings.prefect_api_url is not None else []
        return (*found, outside)


def preview_erasure(context: ErasureContext, persona: str) -> ErasureReport:
    """What `erase` would do. Nothing changes."""
    name = checked_persona(persona)
    what, extent, counts = _read(context.store, name, STEAD)
    taught = _taught(context, extent, what)
    with context.store.connect() as connection:
        tables = count_tables(connection, name, what)
    files = clean_home(context.settings.home, what, dry_run=True)
    executions = counts.get("executions", 0)
    naming = sum(one.names_it for one in taught.versions)
    return ErasureReport(
        id=None,
        is_resumed=False,
        executions=executions,
        tables=tables,
        files=files,
        versions=taught.versions,
        retired=naming,
        runs=len(taught.runs),
        values=len(what.values),
        notes=context.notes,
    )


def erase(
    context: ErasureContext,
    request: ErasureRequest,
    at: datetime,
    say: Progress = lambda _: None,
) -> ErasureReport:
    """Erase a persona; repeating it, also after a crash, is harmless.

    Raises Unavailable while an ingest runs, or another process erases the same persona.
    """
    with advisory.exclusive(context.store.url, ERASING):
        return _erase(context, checked_persona(request.persona), request, at, say)


def _erase(
    context: ErasureContext, name: str, request: ErasureRequest, at: datetime, say: Progress
) -> ErasureReport:
    store = context.store
    with store.connect() as connection:
        pseudonym = read_pseudonyms(context.settings).of(name)
        opened, is_resumed = erasures.begin_or_resume(connection, pseudonym, "", at)
    stead = f"{STEAD}-{opened.id}"
    actor = stead if request.actor == name else request.actor
    what, extent, _ = _read(store, name, stead)
    say("withdrawing its executions")
    executions = _withdraw(store, name, opened, actor)
    say("searching models")
    taught = _taught(context, extent, what)
    retired = _retire(context, taught, request.models, opened)
    say("cleaning files")
    files = clean_home(context.settings.home, what, dry_run=False)
    _record(store, opened, "files", files)
    say("cleaning tables")
    with store.begin() as connection:
        tables = clean_tables(connection, name, what)
        raw: Any = connection.connection.driver_connection
        erasures.record_step(raw, opened.id, "tables", vars(tables))
        erasures.finish(raw, opened.id, actor)
    return ErasureReport(
        id=opened.id,
        is_resumed=is_resumed,
        executions=executions,
        tables=tables,
        files=files,
        versions=taught.versions,
        retired=retired,
        runs=len(taught.runs),
        values=len(what.values),
        notes=context.notes,
        left=tables.left,
    )


def _read(store: Store, name: str, stead: str) -> tuple[Mentions, PersonaExtent, dict[str, int]]:
    with store.connect() as connection:
        extent = persona_rows.read_extent(connection, name)
        values = persona_rows.read_values(connection, name, MIN_VALUE_CHARACTERS)
        counts = persona_rows.count_rows(connection, name)
    return Mentions(name, distinctive(values), stead), extent, counts


def _withdraw(store: Store, name: str, opened: Erasure, actor: str) -> int:
    withdrawal = withdraw_actor(store, name, UndoReason(actor, f"erasure {opened.id}"))
    before = opened.steps.get("facts", {}).get("executions", 0)
    executions = before + (withdrawal.executions if withdrawal else 0)
    _record(store, opened, "facts", {"executions": executions})
    return int(executions)


def _taught(context: ErasureContext, extent: PersonaExtent, what: Mentions) -> TaughtModels:
    is_remote = context.settings.mlflow_tracking_uri is not None
    artifacts = None if is_remote else context.settings.artifacts
    return find_taught(context.registry, artifacts, extent, what)


def _retire(context: ErasureContext, taught: TaughtModels, models: Models, opened: Erasure) -> int:
    gone = [one for one in taught.versions if one.names_it or models == "retire"]
    for one in gone:
        retire_version(context.store, context.registry, one, f"erasure {opened.id}")
    for run in taught.runs:
        context.registry.delete_run(run)
    shown = [{"spec": one.spec, "version": one.version} for one in taught.versions]
    did = {"taught": shown, "retired": len(gone), "runs": len(taught.runs)}
    if shown or not opened.steps.get("models"):
        _record(context.store, opened, "models", did)
    return len(gone)


def _record(store: Store, opened: Erasure, step: str, did: object) -> None:
    with store.connect() as connection:
        erasures.record_step(connection, opened.id, step, did)
