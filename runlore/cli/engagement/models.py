"""`runlore engagement train`, `importance`: models of engagement, and what matters to them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.engagement.importance_views import ImportanceView

SPEC, SUCCESS_SPEC = "engagement", "engagement-success"
MOST_SHOWN = 20

Success = Annotated[
    bool, typer.Option("--success", help="The probability of success, not the rate.")
]


def train(
    success: Success = False,
    threshold: Annotated[
        float | None,
        typer.Option(metavar="PERCENT", help="Engagement from which on a post is a success."),
    ] = None,
    json: Json = False,
) -> None:
    """Train the model of engagement, or of success, on the last 90 days of final counts.

    It needs 50 posts. A model that does not beat its baseline is refused, and the exit code is 1.

    Example: runlore engagement train
    Example: runlore engagement train --success --threshold 5
    """
    from runlore.app import open_app
    from runlore.cli import training
    from runlore.engagement.actions.models import check_threshold, summarise_contexts
    from runlore.kernel.errors import BadInput
    from runlore.kernel.instants import now

    if threshold is not None and not success:
        raise BadInput("threshold: is of --success", "threshold")
    name = SUCCESS_SPEC if success else SPEC
    with open_app() as app:
        if threshold is not None:
            check_threshold(app.settings.engagement_success_percent, threshold)
        summary = summarise_contexts(app.store, now())
        trained = training.train_models(app, [name])
    if json:
        emit_json({name: training.concluded(name, trained[name])} | {"contexts": summary})
    else:
        training.show(trained)
        echo(summary["text"])
    if not trained[name]["passed"]:
        raise typer.Exit(1)


def importance(
    success: Success = False,
    chart: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Draw it as a picture, too.")
    ] = None,
    json: Json = False,
) -> None:
    """Show which features matter to the champion, most first, on posts it has not learned from.

    The importance is by how much the score gets worse when a feature's values are shuffled.

    Example: runlore engagement importance --chart importance.svg
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.engagement.importance_views import draw_importance, show_importance
    from runlore.kernel.errors import NoChampion

    with open_app() as app:
        spec = app.spec(SUCCESS_SPEC if success else SPEC)
        ref = app.registry.champion(spec.name)
        if ref is None:
            raise NoChampion(spec.name)
        description = app.registry.load(ref).description
    view = show_importance(description, ref.version, spec.select_by)
    if chart is not None:
        chart.write_text(draw_importance(view), encoding="utf-8")
    if json:
        emit_json(asdict(view))
    else:
        _print(view)


def _print(view: "ImportanceView") -> None:
    rows = [
        {
            "feature": one.feature,
            "of the 18": one.context_feature or "",
            "importance": f"{one.importance:.4g}",
            "95 %": f"{one.low:.4g} to {one.high:.4g}",
        }
        for one in view.features[:MOST_SHOWN]
    ]
    emit_table(f"{view.spec}, version {view.version}: loss of {view.score} when shuffled", rows)
    if len(view.features) > MOST_SHOWN:
        echo(f"{len(view.features) - MOST_SHOWN} more matter less; --json has all.")
