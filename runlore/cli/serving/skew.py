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
    comparisons: list[Skew] = []
    with open_app() as app:
        for one in [app.spec(spec)] if spec else app.specs:
            of_spec = skew.skew(app.store, app.registry, one.name, since, now)
            skew.note(app.store, of_spec, now)
            if of_spec and all(version.is_clean and version.compared for version in of_spec):
                skew.let_rest(app.store, one.name, of_spec, now)
            comparisons += of_spec
    if json:
        emit_json({"comparisons": [as_json(comparison) for comparison in comparisons]})
    else:
        for comparison in comparisons:
            _show(comparison)
        if not comparisons:
            echo("there were no predictions in that time")
    if not all(comparison.is_clean and not comparison.is_behind for comparison in comparisons):
        raise typer.Exit(1)


def as_json(comparison: "Skew") -> dict[str, Any]:
    return {
        "spec": comparison.spec,
        "version": comparison.version,
        "compared": comparison.compared,
        "different": comparison.different,
        "mismatches": sum(feature.mismatches for feature in comparison.features),
        "missing": sum(feature.missing for feature in comparison.features) + comparison.without,
        "extra": sum(feature.extra for feature in comparison.features),
        "older": comparison.older,
        "features": [vars(feature) for feature in comparison.features if feature.total],
        "windows": [
            {**vars(window), "begin": window.begin.isoformat()} for window in comparison.windows
        ],
        "examples": list(comparison.examples),
        "note": comparison.note,
    }


def _show(comparison: "Skew") -> None:
    fields = as_json(comparison)
    echo(
        f"{comparison.spec} version {comparison.version}: {comparison.compared:,} answers compared,"
        f" {comparison.different:,} differ; {fields['mismatches']:,} mismatches,"
        f" {fields['missing']:,} missing, {fields['extra']:,} extra"
    )
    if comparison.older:
        echo(f"  {comparison.older:,} answers are older than the last ingest and were not compared")
    if comparison.note:
        echo(f"  not compared: {comparison.note}")
    if fields["features"]:
        emit_table("Features that differ", fields["features"])
        different = [vars(window) for window in comparison.windows if window.different]
        emit_table("Hours with differences", different)
        echo(f"examples: predictions {', '.join(comparison.examples)}")


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
    rows = [{"history": e.history.digest, "keys": e.keys, "changed": e.changed} for e in done]
    if json:
        emit_json({"histories": rows})
        return
    if rows:
        emit_table("Recomputed states", rows)
    changed = sum(entry.changed for entry in done)
    echo(f"{len(done)} histories; {changed:,} states differed from the log")


@group.callback()
def about() -> None:
    """Rebuild the feature states that serving reads."""
