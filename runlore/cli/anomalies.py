"""`runlore signals anomalies` and `runlore signals dismiss`: which points of series are unusual."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runlore.signals.actions.anomalies import AnomalyQuery, SeriesAnomaly
    from runlore.store.engine import Store

MOST_POINTS = 5_000_000
Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="Name of the series; without it: all.")
]
Scope = Annotated[str | None, typer.Option(help="Only series of this scope.")]
Since = Annotated[
    str | None, typer.Option(metavar="ISO", help="Only anomalies from then on.  [default: 7 days]")
]
Budget = Annotated[float, typer.Option(help="Alarms a week, over all these series.")]
Method = Annotated[
    str,
    typer.Option(
        help="neighbours, z-score, iqr, arima, isolation-forest or isolation-forest-together."
    ),
]
At = Annotated[
    str | None,
    typer.Option(metavar="ISO", help="Use only what was known at this instant.  [default: now]"),
]
Plot = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Draw one series: a .png, .svg or .pdf file.")
]
AnomalyId = Annotated[str, typer.Argument(metavar="ID", help="As `signals anomalies` shows it.")]
Actor = Annotated[str, typer.Option("--as", help="Who says so.")]
Because = Annotated[str, typer.Option(help="Why it is none.")]


def anomalies(
    name: Name = None,
    scope: Scope = None,
    since: Since = None,
    budget: Budget = 1.0,
    method: Method = "neighbours",
    at: At = None,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Find unusual points of series, at most as many a week as the budget says.

    A point is compared with the past of its series. Flat and missing stretches are listed, too;
    they spend nothing of the budget.

    Example: runlore signals anomalies cpu --scope web-1 --budget 5 --plot cpu.png
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.signals.actions.anomalies import AnomalyQuery, find_anomalies
    from runlore.signals.anomaly_views import anomaly_fields, anomaly_row

    as_of = instants.now() if at is None else instants.parse(at, "at")
    first = as_of - timedelta(days=7) if since is None else instants.parse(since, "since")
    query = AnomalyQuery(as_of, first, name, scope, budget, method, MOST_POINTS)
    with open_app() as app:
        found = find_anomalies(app.store, query)
        if plot is not None:
            _draw(app.store, query, found, plot)
    if json:
        emit_json({"anomalies": [anomaly_fields(one) for one in found]})
    elif found:
        count = "1 anomaly" if len(found) == 1 else f"{len(found)} anomalies"
        emit_table(count, [dict(anomaly_row(one)) for one in found])
        for one in found:
            if one.expected is not None and one.series:
                echo(f"none? runlore signals dismiss {one.id}")
    else:
        echo(f"No anomalies since {first:%Y-%m-%d %H:%M} UTC, at {budget:g} alarms a week.")
    if plot is not None and not json:
        echo(f"drawn: {plot}")


def dismiss(
    anomaly: AnomalyId, actor: Actor = "cli", because: Because = "", json: Json = False
) -> None:
    """Say that an anomaly is none; deviations like it are no longer reported.

    Like it: of the same series, in the same direction, and at most a quarter larger.

    Example: runlore signals dismiss 3f2a9c01b7de-6412f0a1c2000 --because "nightly backup"
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.signals.actions.anomalies import dismiss_anomaly
    from runlore.signals.anomaly_views import anomaly_fields

    with open_app() as app:
        made = dismiss_anomaly(app.store, anomaly, actor, because, instants.now())
    if json:
        emit_json(anomaly_fields(made))
    else:
        echo(f"Dismissed: {made.series} of {made.scope or '-'} at {made.since:%Y-%m-%d %H:%M} UTC")


def _draw(
    store: "Store", query: "AnomalyQuery", found: "Sequence[SeriesAnomaly]", path: Path
) -> None:
    from runlore.signals import anomaly_plots
    from runlore.signals.actions.anomalies import read_scored

    figure = anomaly_plots.draw_anomalies(read_scored(store, query), found)
    figure.savefig(path, dpi=anomaly_plots.DPI)
