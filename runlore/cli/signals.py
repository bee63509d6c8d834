"""`runlore forecast` and `runlore signals`: what series will do next."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runlore.signals.actions.forecasting import SeriesForecast
    from runlore.signals.views import ForecastPoint, ForecastView

HOUR_S = 3_600.0
MOST_ROWS = 24

Series = Annotated[str, typer.Argument(metavar="SERIES", help="Name of the series.")]
Scope = Annotated[str | None, typer.Option(help="Its scope, where several have the name.")]
Source = Annotated[str | None, typer.Option(help="Its source, where several have the name.")]
Hours = Annotated[float, typer.Option(min=0.01, help="How far to look ahead, in hours.")]
Level = Annotated[
    float, typer.Option(min=0.5, max=0.99, help="Share of the values to come inside the band.")
]
At = Annotated[
    str | None,
    typer.Option(metavar="ISO", help="Use only what was known at this instant.  [default: now]"),
]
Zone = Annotated[
    str | None,
    typer.Option(
        metavar="ZONE",
        help="Whose clocks its rhythm follows: Europe/Berlin.  [default: its spec's, or UTC]",
    ),
]
Holidays = Annotated[
    str | None,
    typer.Option(
        metavar="COUNTRY",
        help="Whose holidays count: DE, DE-BY, US-CA.  [default: its spec's, or none]",
    ),
]
Plot = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Draw it: a .png, .svg or .pdf file.")
]

group = typer.Typer(
    no_args_is_help=True,
    help="Show the series that are in the log.\n\nExample: runlore signals list",
)


def forecast(
    series: Series,
    hours: Hours = 24.0,
    scope: Scope = None,
    source: Source = None,
    level: Level = 0.9,
    at: At = None,
    zone: Zone = None,
    holidays: Holidays = None,
    plot: Plot = None,
    record: Annotated[
        bool, typer.Option(help="Put it on the ledger, to be scored when its time has come.")
    ] = True,
    json: Json = False,
) -> None:
    """Forecast a series, with a band that is checked on its past.

    Several ways to continue the series are tried on its past, from up to ten instants, and
    combined by how wrong they were. Where nothing beats the last season again, that is the
    forecast. The exit code is 1 if the series cannot be forecast; the reason is printed.

    It goes on the ledger, as the spec "on request" of `runlore signals skill`; one with --at does
    not, since what came then is known already.

    Example: runlore forecast cpu --scope web-1 --hours 24 --plot cpu.png
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.signals.actions import forecasting, issued_forecasts
    from runlore.signals.actions.series_calendars import CalendarChoice
    from runlore.signals.views import show_forecast

    as_of = instants.now() if at is None else instants.parse(at, "at")
    wanted = forecasting.SeriesName(series, scope, source)
    with open_app() as app:
        calendars = CalendarChoice(app.series_specs, zone, holidays)
        made = forecasting.forecast_series(
            app.store, wanted, as_of, hours * HOUR_S, level, calendars
        )
        if record and at is None:
            issued_forecasts.record(app.store, made, hours * HOUR_S, as_of)
    view = show_forecast(made)
    if plot is not None:
        _draw(made, view, plot)
    if json:
        emit_json(asdict(view))
    else:
        _show(view, plot)


@group.command("list")
def list_series(json: Json = False) -> None:
    """List the series: from when to when they have points, and the last value.

    Example: runlore signals list
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.signals.actions import forecasting
    from runlore.signals.views import series_row

    with open_app() as app:
        stored = forecasting.list_series(app.store)
    if json:
        emit_json({"series": [asdict(series) for series in stored]})
    elif stored:
        emit_table(f"{len(stored)} series", [series_row(series) for series in stored])
    else:
        echo("No series yet. Bring points in: runlore ingest csv FILE --metrics")


@group.command("incidents")
def list_incidents(
    every: Annotated[bool, typer.Option("--all", help="List resolved ones, too.")] = False,
    json: Json = False,
) -> None:
    """List incidents: which series deviate now, since when, and how unlikely that is.

    Series of one scope that deviate at one time are one incident, and one alert.

    Example: runlore signals incidents --all
    """
    from runlore.app import open_app
    from runlore.signals.actions.incident_list import read_incidents

    with open_app() as app:
        found = read_incidents(app.store, is_all=every)
    if json:
        emit_json({"incidents": found})
    elif found:
        title = "1 incident" if len(found) == 1 else f"{len(found)} incidents"
        emit_table(title, [_incident_row(row) for row in found])
    else:
        echo("No incidents." if every else "No open incidents.")


def _incident_row(row: "Mapping[str, Any]") -> dict[str, object]:
    until = row["resolved_at"]
    return {
        "id": row["id"],
        "since (UTC)": f"{row['since']:%Y-%m-%d %H:%M}",
        "until (UTC)": "open" if until is None else f"{until:%Y-%m-%d %H:%M}",
        "what": row["what"],
    }


def _draw(made: "SeriesForecast", view: "ForecastView", path: Path) -> None:
    from runlore.signals import plots
    from runlore.signals.views import conclude_forecast, title_forecast

    title, finding = title_forecast(view), conclude_forecast(view)
    name = _name_of_axis(made)
    figure = plots.draw_forecast(title, finding, made.past, made.ahead, name)
    figure.savefig(path, dpi=plots.DPI)


def _name_of_axis(made: "SeriesForecast") -> str:
    series = made.series
    unit = f"{series.unit} per second" if series.kind == "counter" else series.unit
    return f"{series.name} ({unit.strip()})" if unit.strip() else series.name


def _show(view: "ForecastView", plot: Path | None) -> None:
    from runlore.kernel.readable import readable_share
    from runlore.signals.views import conclude_forecast, title_forecast

    echo(f"{title_forecast(view)}: {conclude_forecast(view)}")
    echo(
        f"bands for {readable_share(view.level)} of the values held"
        f" {readable_share(view.coverage)} of the past ones;"
        f" last point: {view.last_point_at:%Y-%m-%d %H:%M} UTC"
    )
    if view.zone != "UTC":
        echo(f"the rhythm follows the clocks of {view.zone}")
    if view.level_changed_at is not None:
        echo(
            f"its level changed at {view.level_changed_at:%Y-%m-%d %H:%M} UTC; the past before"
            " counts as if it had been there"
        )
    every = -(-len(view.points) // MOST_ROWS)
    emit_table("", [_row(point) for point in view.points[::every]])
    if every > 1:
        echo(f"every {every}th step is shown; --json has all {len(view.points)}")
    if plot is not None:
        echo(f"drawn: {plot}")


def _row(point: "ForecastPoint") -> dict[str, object]:
    from runlore.kernel.readable import readable_number

    numbers = {"forecast": point.value, "low": point.low, "high": point.high}
    return {"from (UTC)": point.at} | {n: readable_number(v) for n, v in numbers.items()}
