"""`runlore signals issue` and `runlore signals skill`: forecasts on the ledger."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from runlore.cli.output import Json, cell_text, echo, emit_json, emit_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runlore.signals.queries.forecast_ledger import SeriesSkill

Name = Annotated[str | None, typer.Argument(metavar="[SERIES]", help="Only series of this name.")]


def issue(json: Json = False) -> None:
    """Forecast every series of the series specs, and score the forecasts whose time has come.

    A Prefect schedule does this every six hours. A horizon whose last forecast is younger than a
    quarter of it is left alone, so it can be repeated. Specs: RUNLORE_SERIES_SPECS.

    Example: runlore signals issue
    """
    from dataclasses import asdict

    from runlore.app import open_app
    from runlore.cli.ingest.running import progress_bar
    from runlore.kernel import instants
    from runlore.signals.actions import issued_forecasts
    from runlore.signals.actions.series_champions import read_champions

    with open_app() as app, progress_bar("forecasts") as progress:
        at = instants.now()
        scored = issued_forecasts.score(app.store, at)
        champions = read_champions(app.store, app.series_specs, app.champion_files, at)
        outcomes = issued_forecasts.issue(app.store, app.series_specs, at, progress, champions)
    if json:
        emit_json({"scored": scored, "specs": [asdict(one) for one in outcomes]})
        return
    for one in outcomes:
        echo(
            f"{one.spec}: {one.series} series; {one.issued} forecasts issued,"
            f" {one.refused} refused, {one.fresh} still new"
        )
    echo(f"{scored} scored; how right they were: runlore signals skill")


def skill(series: Name = None, json: Json = False) -> None:
    """Show how right the issued forecasts were, beside the last season again.

    Example: runlore signals skill cpu
    """
    from runlore.app import open_app
    from runlore.signals.actions import issued_forecasts
    from runlore.signals.views import show_skill, skill_rows

    with open_app() as app:
        found = issued_forecasts.read_skill(app.store, series)
    if json:
        emit_json({"series": [show_skill(one) for one in found]})
    elif found:
        title = (
            "Mean absolute error; baseline: that of the last season again; less: how much less\n"
            "the error is; held: the share of values inside the bands; v: the version that made\n"
            "the newest forecast"
        )
        emit_table(title, skill_rows(found))
        for reason in _reasons(found):
            echo(reason)
    else:
        echo("No forecast is on the ledger yet. Issue some: runlore signals issue")


def specs(json: Json = False) -> None:
    """List the series specs: which series are forecast regularly, and how far.

    Example: runlore signals specs
    """
    from dataclasses import asdict

    from runlore.app import open_app

    with open_app() as app:
        listed = [
            {name: value for name, value in asdict(spec).items() if _says_something(value)}
            for spec in app.series_specs
        ]
    if json:
        emit_json({"specs": listed})
    for spec in () if json else listed:
        echo(f"{spec['name']}: {', '.join(_said(spec))}")


def _said(spec: "Mapping[str, object]") -> Iterator[str]:
    for name, value in spec.items():
        if name != "name" and not isinstance(value, dict) and value not in ("", (), None):
            yield f"{name} {cell_text(value)}"


def _says_something(value: object) -> bool:
    """Whether it says something: infinite bounds do not."""
    return not isinstance(value, float) or abs(value) != float("inf")


def _reasons(skills: "Sequence[SeriesSkill]") -> Iterator[str]:
    """What the newest forecast of each says; mostly why it was refused."""
    from runlore.kernel.readable import readable_duration
    from runlore.signals.views import name_series

    for one in skills:
        if one.note:
            ahead = readable_duration(one.horizon_s)
            yield f"{name_series(one.name, one.scope)}, {ahead}: {one.note}"
