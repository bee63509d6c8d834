"""`runlore signals regressions`: lasting changes of series for the worse."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table
from runlore.cli.signals import At, Plot, Scope, Source
from runlore.signals.rules.regressions.bad_direction import BadDirection

if TYPE_CHECKING:
    from runlore.signals.actions.regressions import RegressionQuery
    from runlore.store.engine import Store

Name = Annotated[
    str | None, typer.Argument(metavar="[SERIES]", help="Name of a series.  [default: all]")
]
Least = Annotated[
    float, typer.Option(min=1.0, max=1000.0, help="The smallest change that counts, in per cent.")
]
Since = Annotated[
    str | None, typer.Option(metavar="ISO", help="Only those that began then or later.")
]
Bad = Annotated[
    BadDirection | None,
    typer.Option(help="The direction that is bad.  [default: by the name of the series]"),
]


def regressions(
    name: Name = None,
    scope: Scope = None,
    source: Source = None,
    least: Least = 10.0,
    since: Since = None,
    bad: Bad = None,
    at: At = None,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """List lasting changes of level for the worse: start, size and interval.

    A sequential test that allows for autocorrelation decides, so noise of 20 % raises nothing.
    The exit code is 1 if a regression stands, 0 if none does.

    Example: runlore signals regressions build_seconds --least 20 --since 2026-05-01T00:00:00Z
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.signals.actions.regressions import RegressionQuery, find_regressions
    from runlore.signals.regression_views import show_regression, tabulate_regression

    as_of = instants.now() if at is None else instants.parse(at, "at")
    began = None if since is None else instants.parse(since, "since")
    query = RegressionQuery(name, scope, source, least / 100, began, bad)
    with open_app() as app:
        views = [show_regression(one) for one in find_regressions(app.store, query, as_of)]
        if plot is not None:
            _draw(app.store, query, as_of, plot)
    if json:
        emit_json({"regressions": [asdict(view) for view in views]})
    elif views:
        emit_table(f"{len(views)} regressions", [tabulate_regression(view) for view in views])
    else:
        echo(f"No regression of {least:g} % or more.")
    raise typer.Exit(int(any(view.is_standing for view in views)))


def _draw(store: "Store", query: "RegressionQuery", as_of: datetime, path: Path) -> None:
    from runlore.kernel.errors import BadInput
    from runlore.signals.actions.regressions import read_levels
    from runlore.signals.level_plots import DPI, draw_levels

    levels = read_levels(store, query, as_of)
    if len(levels) != 1:
        raise BadInput(f"plot: {len(levels)} series fit; name one, with --scope or --source")
    draw_levels(levels[0]).savefig(path, dpi=DPI)
