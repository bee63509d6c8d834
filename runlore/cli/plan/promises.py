"""`runlore plan promises`: what share of work can be promised to within 15 %."""

from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.planning.promise_views import PromisesView

AsOf = Annotated[
    str | None,
    typer.Option(metavar="ISO", help="Use only what was known at this instant.  [default: now]"),
]
Measure = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="duration_s, or the name of a number in outcomes, such as cost.  [default: all]",
    ),
]
Learn = Annotated[bool, typer.Option("--learn", help="Learn anew from the log; takes minutes.")]


Started = Annotated[
    bool,
    typer.Option("--started", help="Learn for estimates that are asked for when work starts."),
]


def promises(
    measure: Measure = None,
    learn: Learn = False,
    started: Started = False,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Show which share of work can be promised to within 15 %, and how many promises were kept.

    The figures are those of tasks that were answered from what was known before each. `--learn`
    learns from the newest 50,000 tasks of all kinds; it needs 2,000 with an outcome. With
    `--started` it learns for estimates that are asked for when work starts, which promise more.

    Example: runlore plan promises --learn --measure duration_s
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.cli.ingest.running import progress_bar
    from runlore.kernel import instants
    from runlore.planning.actions.estimates import DURATION
    from runlore.planning.actions.promises import learn_promises, list_promises
    from runlore.planning.promise_views import show_promises

    at = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    with open_app() as app:
        if learn:
            with progress_bar("promises") as progress:
                learn_promises(
                    app.store,
                    measure or DURATION,
                    at,
                    progress,
                    "started" if started else "submitted",
                )
        rows = list_promises(app.store, at)
    views = [show_promises(row) for row in rows if measure in (None, row.measure)]
    if json:
        emit_json({"promises": [asdict(view) for view in views]})
        return
    if not views:
        echo("Nothing is learned yet: `runlore plan promises --learn` learns from the log.")
    for view in views:
        _show(view)


def _show(view: "PromisesView") -> None:
    from runlore.planning.promise_views import explain_promises, tabulate_scores

    echo(explain_promises(view))
    emit_table("", [tabulate_scores("all", view.all, view.unit)])
    if view.kinds:
        rows = [tabulate_scores(one.kind, one.scores, view.unit) for one in view.kinds[:20]]
        emit_table(f"{len(view.kinds)} kinds", rows)
