"""`runlore privacy erase` and `erasures`."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from runlore.cli.anomalies import Actor
from runlore.cli.output import Json, echo, emit_json, emit_table
from runlore.cli.privacy.opt_outs import Persona

if TYPE_CHECKING:
    from runlore.privacy.actions.erasing import ErasureReport

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would go; change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Policy = Annotated[
    Literal["keep", "retire"],
    typer.Option(
        help="Versions that learned from its rows without naming it: keep them, or retire them,"
        " too. Versions that name it are always deleted."
    ),
]
MOST = 1_000


def erase(
    persona: Persona,
    dry_run: DryRun = False,
    yes: Yes = False,
    models: Policy = "keep",
    actor: Actor = "cli",
    json: Json = False,
) -> None:
    """Erase all that is kept of a persona. It cannot be undone.

    Run it again after a crash: it goes on. The exit code is 1 when rows are left that name it.

    Example: runlore privacy erase ann --dry-run
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.privacy.actions import erasing

    with open_app() as app:
        context = erasing.ErasureContext(app.settings, app.store, app.registry)
        if dry_run or not yes:
            report = erasing.preview_erasure(context, persona)
        if not dry_run:
            if not yes:
                _show(report)
                typer.confirm(f"Erase {persona}? It cannot be undone", abort=True)
            request = erasing.ErasureRequest(persona, actor, models)
            report = erasing.erase(
                context, request, instants.now(), lambda step: echo(f"   {step}", err=True)
            )
    if json:
        emit_json(asdict(report))
    else:
        _show(report)
    raise typer.Exit(int(bool(report.left)))


def list_erasures(json: Json = False) -> None:
    """List erasures and what they did, in counts.

    Example: runlore privacy erasures
    """
    from runlore.app import open_app
    from runlore.privacy.queries import erasures

    with open_app() as app, app.store.connect() as connection:
        listed = erasures.list_erasures(connection, MOST)
    if json:
        emit_json({"erasures": [vars(one) for one in listed]})
    elif listed:
        emit_table(
            f"{len(listed)} erasures",
            [
                {
                    "id": one.id,
                    "requested (UTC)": one.requested_at,
                    "finished (UTC)": one.finished_at or "no: run `privacy erase` again",
                    "steps": ", ".join(one.steps),
                    "by": one.actor,
                }
                for one in listed
            ],
        )
    else:
        echo("Nothing was erased.")


def _show(report: "ErasureReport") -> None:
    verb = "would be" if report.id is None else "were"
    tables = report.tables
    names = sorted(tables.deleted | tables.changed)
    rows: list[dict[str, object]] = [
        {
            "table": name,
            "deleted": tables.deleted.get(name, 0),
            "changed": tables.changed.get(name, 0),
        }
        for name in names
    ]
    if rows:
        emit_table(f"rows that {verb} deleted or changed", rows)
    else:
        echo("No table holds anything of this persona.")
    for folder, count in report.files.items():
        echo(f"files in {folder}: {count}")
    for one in report.versions:
        why = "its files name the persona" if one.names_it else "it learned from its rows"
        also = f" (@{', @'.join(one.aliases)})" if one.aliases else ""
        echo(f"{one.spec} version {one.version}{also}: {why}")
    echo(f"versions that {verb} deleted: {report.retired}")
    for name, count in report.left.items():
        echo(f"left: {name}: {count} rows still name it", err=True)
    for note in report.notes:
        echo(f"not covered: {note}")
