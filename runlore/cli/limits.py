"""`runlore signals limit`: when series reach their limits."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table
from runlore.cli.signals import Plot, Scope, Source

if TYPE_CHECKING:
    from runlore.app import App
    from runlore.signals.actions.limits import LimitForecast
    from runlore.signals.limit_views import LimitView

Name = Annotated[
    str | None,
    typer.Argument(
        metavar="[SERIES]", help="Name of a series.  [default: all with a declared limit]"
    ),
]
Limit = Annotated[
    float | None,
    typer.Option("--at", metavar="X", help="The limit.  [default: of its series spec, or 100 %]"),
]
Below = Annotated[bool, typer.Option("--below", help="The limit is reached from above.")]
Days = Annotated[
    float | None,
    typer.Option(help="How far to look ahead, in days.  [default: twice the past]"),
]
AsOf = Annotated[
    str | None,
    typer.Option(metavar="ISO", help="Use only what was known at this instant.  [default: now]"),
]


def limit(
    name: Name = None,
    at: Limit = None,
    below: Below = False,
    days: Days = None,
    scope: Scope = None,
    source: Source = None,
    as_of: AsOf = None,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Say when a series reaches a limit: a date with an interval, or how likely none is.

    Growth, noise, bursts and clean-ups of the past are simulated into the future. The exit code is
    1 if no date can be said of the series; the reason is printed.

    Example: runlore signals limit disk_used_percent --scope web-1 --at 100 --plot disk.png
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.kernel.errors import BadInput

    if name is None and (at is not None or below or days is not None or plot is not None):
        raise BadInput("SERIES: name one; --at, --below, --days and --plot are about one series")
    instant = instants.now() if as_of is None else instants.parse(as_of, "as-of")
    with open_app() as app:
        if name is None:
            _show_all(app, instant, as_json=json)
            return
        made = _forecast(app, (name, scope, source), instant, (at, below, days))
    _show_one(made, plot, as_json=json)


def _forecast(
    app: "App",
    names: tuple[str, str | None, str | None],
    instant: datetime,
    wanted: tuple[float | None, bool, float | None],
) -> "LimitForecast":
    from runlore.kernel.errors import BadInput
    from runlore.signals.actions import limits
    from runlore.signals.actions.forecasting import SeriesName

    at, below, days = wanted
    if below and at is None:
        raise BadInput("--below needs --at: the limit that is reached from above")
    given = None if at is None else limits.SeriesLimit(at, "below" if below else "above")
    return limits.forecast_limit(
        app.store, app.series_specs, SeriesName(*names), instant, given, days
    )


def _show_all(app: "App", instant: datetime, *, as_json: bool) -> None:
    from dataclasses import asdict

    from runlore.signals.actions.limits import forecast_limits
    from runlore.signals.limit_views import show_limit, tabulate_limit

    views = [show_limit(one) for one in forecast_limits(app.store, app.series_specs, instant)]
    if as_json:
        emit_json({"limits": [asdict(view) for view in views]})
    elif views:
        emit_table(f"{len(views)} series with a limit", [tabulate_limit(view) for view in views])
    else:
        echo("No series has a declared limit: set it in a series spec, or name SERIES and --at.")


def _show_one(made: "LimitForecast", plot: Path | None, *, as_json: bool) -> None:
    from dataclasses import asdict

    from runlore.signals.limit_plots import DPI, draw_limit
    from runlore.signals.limit_views import show_limit

    view = show_limit(made)
    if plot is not None:
        draw_limit(made).savefig(plot, dpi=DPI)
    if as_json:
        emit_json(asdict(view))
    else:
        _tell(view, plot)
    raise typer.Exit(int(view.state == "withheld"))


def _tell(view: "LimitView", plot: Path | None) -> None:
    from runlore.signals.limit_views import explain_growth

    name = f"{view.series} of {view.scope}" if view.scope else view.series
    echo(f"{name}: {view.finding}")
    growth = explain_growth(view)
    if growth:
        echo(growth)
    if view.last_value is not None:
        echo(f"last point: {view.last_value:g}, {view.last_point_at:%Y-%m-%d %H:%M} UTC")
    if plot is not None:
        echo(f"drawn: {plot}")
