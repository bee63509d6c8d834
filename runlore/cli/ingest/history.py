"""`runlore ingest sources | undo`: what was brought in, and taking it back."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.ingest.rejects import show_warnings
from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.app import App
    from runlore.ingest.actions.sources import IngestView, SourceView
    from runlore.ingest.actions.undo import Undo, UndoTarget
    from runlore.registry.trainings import VersionTraining

Target = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE|INGEST", help="Name of a source, or number of one of its ingests."
    ),
]
Limit = Annotated[int, typer.Option(min=1, help="Maximum number of ingests, newest first.")]
Because = Annotated[str, typer.Option(metavar="WHY", help="Reason; it is recorded.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]


def show_sources(limit: Limit = 20, json: Json = False) -> None:
    """List the sources of the log, and the ingests that brought them in.

    The number of an ingest undoes it: see `runlore ingest undo`.

    Example: runlore ingest sources
    """
    from runlore.app import open_app
    from runlore.ingest.actions.sources import list_sources

    with open_app() as app:
        sources = list_sources(app.store)
    if json:
        emit_json({"sources": [_source_json(source) for source in sources]})
        return
    if not sources:
        echo("nothing was ingested or recorded yet")
        return
    emit_table("Sources", [_source_row(source) for source in sources])
    ingests = sorted(
        (ingest for source in sources for ingest in source.ingests),
        key=lambda ingest: ingest.ingest,
        reverse=True,
    )
    if ingests:
        emit_table("Ingests, newest first", [_ingest_row(ingest) for ingest in ingests[:limit]])
        for ingest in ingests[:limit]:
            echo(f"{ingest.ingest:>6}  {ingest.path}{_undone(ingest)}")
            show_warnings(ingest.warnings)
    if len(ingests) > limit:
        echo(f"{len(ingests) - limit} earlier ingests: --limit {len(ingests)} shows them")


def undo(target: Target, because: Because = "", yes: Yes = False, json: Json = False) -> None:
    """Undo an ingest, or everything that a source brought in.

    Its facts are withdrawn: no training, prediction, figure or report knows them any more. What
    they corrected counts again. Nothing is deleted. To bring them back, or what is right of them,
    ingest the file again: it is read from its beginning.

    On a terminal you are asked to confirm. The same undo again changes nothing.

    Example: runlore ingest undo 7 --because "the times were local"
    """
    from runlore.app import open_app
    from runlore.ingest.actions.trained_versions import trained_on
    from runlore.ingest.actions.undo import UndoReason, find_target, undo_ingest
    from runlore.kernel.errors import Unavailable

    with open_app() as app:
        undo_target = find_target(app.store, target)
        if not yes and sys.stdin.isatty():
            _confirm(app, undo_target)
        done = undo_ingest(app.store, undo_target, UndoReason(getuser(), because))
        names = [spec.name for spec in app.specs]
        try:
            versions = trained_on(app.store, app.registry, names, done.withdrawal)
            note = ""
        except Unavailable as error:
            versions, note = [], f"which versions were trained on it is not known: {error}"
    if json:
        emit_json(_undo_json(done, versions, note))
    else:
        _show_undo(done, versions, note)


def _confirm(app: "App", target: "UndoTarget") -> None:
    from runlore.ingest.actions.sources import list_sources

    sources = [
        source
        for source in list_sources(app.store)
        if source.source == target.source
        or target.ingest_id in [ingest.ingest for ingest in source.ingests]
    ]
    for source in sources:
        if target.ingest_id is None:
            _ask(f"source {source.source}: {source.facts:,} facts about {source.records}")
        for ingest in source.ingests:
            if target.ingest_id in (None, ingest.ingest) and ingest.undone_at is None:
                _ask(f"ingest {ingest.ingest} of {source.source}: {ingest.path}")
                _ask(f"   {ingest.facts:,} facts about {ingest.records}")
    typer.confirm("Withdraw them from the log?", abort=True, err=True)


def _ask(text: str) -> None:
    """What belongs to a question goes where the question goes, away from the JSON."""
    echo(text, err=True)


def _show_undo(done: "Undo", versions: "Sequence[VersionTraining]", note: str) -> None:
    withdrawal = done.withdrawal
    what = f"source {withdrawal.source}"
    if withdrawal.ingest_id is not None:
        what = f"ingest {withdrawal.ingest_id} of {what}"
    if not done.is_new:
        echo(f"{what} was undone at {_minute(withdrawal.known_at)} UTC; nothing has changed")
    counts = {"facts about executions": withdrawal.executions, "points": withdrawal.metrics}
    parts = [f"{count:,} {name}" for name, count in counts.items() if count]
    if done.is_new:
        echo(f"{what}: {' and '.join(parts) or 'no facts'} withdrawn")
    if done.renewed:
        echo("the states of features were renewed")
    for other in done.reread:
        echo(f"ingest {other.id} had rows of it too; run it again to bring them back: {other.path}")
    for training in versions:
        aliases = "".join(f" @{alias}" for alias in training.aliases)
        echo(f"{training.spec} version {training.version}{aliases} was trained on it")
    for training in versions:
        if "champion" in training.aliases:
            echo(
                f"warning: the champion of {training.spec} still answers with what it learned from"
                f" these facts; train its successor: runlore train {training.spec}",
                err=True,
            )
    if note:
        echo(f"warning: {note}", err=True)


def _undo_json(done: "Undo", versions: "Sequence[VersionTraining]", note: str) -> dict[str, Any]:
    from dataclasses import asdict

    trained = [
        {
            "spec": training.spec,
            "version": training.version,
            "aliases": list(training.aliases),
        }
        for training in versions
    ]
    return {
        "withdrawal": asdict(done.withdrawal),
        "is_new": done.is_new,
        "renewed": done.renewed,
        "reread": [asdict(other) for other in done.reread],
        "trained_on_it": trained,
        "champions": [v["spec"] for v in trained if "champion" in v["aliases"]],
        "note": note,
    }


def _source_json(source: "SourceView") -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(source) | {"paths": list(source.paths)}


def _source_row(source: "SourceView") -> Mapping[str, object]:
    return {
        "source": source.source,
        "records": source.records,
        "rows": f"{source.rows:,}",
        "facts": f"{source.facts:,}",
        "withdrawn": f"{source.withdrawn:,}",
        "first": _day(source.first),
        "last": _day(source.last),
    }


def _ingest_row(ingest: "IngestView") -> Mapping[str, object]:
    return {
        "ingest": ingest.ingest,
        "source": ingest.source,
        "facts": f"{ingest.facts:,}",
        "rejected": f"{ingest.rejected:,}",
        "started": _minute(ingest.started_at),
        "": "undone" if ingest.undone_at else "" if ingest.finished_at else "not finished",
    }


def _undone(ingest: "IngestView") -> str:
    if ingest.undone_at is None:
        return ""
    because = f": {ingest.because}" if ingest.because else ""
    return f"\n        undone at {_minute(ingest.undone_at)} UTC{because}"


def _day(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d}"


def _minute(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"
