"""`runlore skew` and `runlore features`: compare served features with the log."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.serving.actions.skew import Skew

group = typer.Typer(help="Rebuild the feature states that serving reads.", no_args_is_help=True)
DAYS = 7.0


def compare_served_features(
    spec: Annotated[
        str | None, typer.Argument(metavar="SPEC", help="Name of a spec.  [default: all]")
    ] = None,
    days: Annotated[float, typer.Option(min=0.001, help="How many days to look back.")] = DAYS,
    json: Json = False,
) -> None:
    """Compare served features with the log, bit for bit.

    The features of every prediction are recomputed from the log. The exit code is 1 if any feature
    differs or cannot be compared yet. Differences are an anomaly until a later run finds none.

    Example: runlore skew failure-risk --days 1
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.serving.actions import skew

    now = instants.now()
    since = now - timedelta(days=days)
    found: list[Skew] = []
    with open_app() as app:
        for one in [app.spec(spec)] if spec else app.specs:
            found += skew.skew(app.store, app.registry, one.name, since, now)
        skew.note(app.store, found, now)
    if json:
        emit_json([as_json(each) for each in found])
    else:
        for each in found:
            _show(each)
        if not found:
            echo("there were no predictions in that time")
    if not all(each.is_clean and not each.is_behind for each in found):
        raise typer.Exit(1)


def as_json(found: "Skew") -> dict[str, Any]:
    return {
        "spec": found.spec,
        "version": found.version,
        "compared": found.compared,
        "different": found.different,
        "mismatches": sum(each.mismatches for each in found.features),
        "missing": sum(each.missing for each in found.features) + found.without,
        "extra": sum(each.extra for each in found.features),
        "older": found.older,
        "features": [vars(each) for each in found.features if each.total],
        "windows": [{**vars(each), "begin": each.begin.isoformat()} for each in found.windows],
        "examples": list(found.examples),
        "note": found.note,
    }


def _show(found: "Skew") -> None:
    told = as_json(found)
    echo(
        f"{found.spec} version {found.version}: {found.compared:,} answers compared,"
        f" {found.different:,} differ; {told['mismatches']:,} mismatches,"
        f" {told['missing']:,} missing, {told['extra']:,} extra"
    )
    if found.older:
        echo(f"  {found.older:,} answers are older than the last ingest and were not compared")
    if found.note:
        echo(f"  not compared: {found.note}")
    if told["features"]:
        emit_table("Features that differ", told["features"])
        different = [vars(each) for each in found.windows if each.different]
        emit_table("Hours with differences", different)
        echo(f"examples: predictions {', '.join(found.examples)}")


@group.command("rebuild")
def rebuild(json: Json = False) -> None:
    """Recompute all feature states from the log.

    Predictions continue meanwhile.

    Example: runlore features rebuild
    """
    from runlore.app import open_app
    from runlore.serving.actions import states

    with open_app() as app:
        done = states.rebuild(app.store)
    told = [{"history": e.history.digest, "keys": e.keys, "changed": e.changed} for e in done]
    if json:
        emit_json(told)
        return
    if told:
        emit_table("Recomputed states", told)
    changed = sum(each.changed for each in done)
    echo(f"{len(done)} histories; {changed:,} states differed from the log")


@group.callback()
def about() -> None:
    """Rebuild the feature states that serving reads."""
