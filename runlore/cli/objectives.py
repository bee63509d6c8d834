"""`runlore signals objectives`: how service objectives stand."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table
from runlore.cli.signals import Plot

if TYPE_CHECKING:
    from runlore.signals.actions.objectives import ObjectiveStatus

Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="One objective.  [default: all]")
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--at", "--as-of", metavar="ISO", help="Use only what was known then.  [default: now]"
    ),
]


def objectives(name: Name = None, at: AsOf = None, plot: Plot = None, json: Json = False) -> None:
    """Show service objectives: share of good events, error budget, burn rates and alerts.

    Objectives are declared by RUNLORE_OBJECTIVES. The exit code is 1 if an alert fires or a
    budget is spent, 0 if not.

    Example: runlore signals objectives builds --plot builds.png
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.kernel.errors import BadInput
    from runlore.signals.actions.objectives import find_objective, read_objectives
    from runlore.signals.objective_views import show_objective, state_of

    as_of = instants.now() if at is None else instants.parse(at, "at")
    if plot is not None and name is None:
        raise BadInput("plot: name one objective to draw", "plot")
    with open_app() as app:
        specs = app.objectives if name is None else (find_objective(app.objectives, name),)
        rows = read_objectives(app.store, specs, as_of)
    if plot is not None:
        _draw(rows[0], plot)
    if json:
        emit_json({"objectives": [asdict(show_objective(one)) for one in rows]})
    else:
        _show(rows, is_one=name is not None)
    raise typer.Exit(int(any(state_of(one) in {"page", "ticket", "spent"} for one in rows)))


def _show(rows: "list[ObjectiveStatus]", *, is_one: bool) -> None:
    from runlore.signals.objective_views import (
        conclude_objective,
        show_objective,
        tabulate_burn,
        tabulate_objective,
    )

    if not rows:
        echo("No objectives. Declare some: docs/objectives.md")
        return
    emit_table("" if is_one else f"{len(rows)} objectives", [tabulate_objective(r) for r in rows])
    for row in rows if is_one else []:
        view = show_objective(row)
        echo(f"{view.description}. {conclude_objective(row)}")
        emit_table("", [tabulate_burn(burn) for burn in view.burns])


def _draw(status: "ObjectiveStatus", path: Path) -> None:
    from runlore.signals.objective_plots import DPI, draw_objective
    from runlore.signals.objective_views import budget_history, show_objective

    draw_objective(show_objective(status), budget_history(status)).savefig(path, dpi=DPI)
