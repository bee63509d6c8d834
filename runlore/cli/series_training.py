"""`runlore train` for series specs: learn how each series is forecast."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runlore.cli.output import echo, emit_table

if TYPE_CHECKING:
    from runlore.app import App
    from runlore.signals.actions.series_training import SeriesTrainOutcome
    from runlore.specs.series_spec import SeriesSpec


def train_series_specs(app: "App", specs: "Sequence[SeriesSpec]") -> dict[str, dict[str, Any]]:
    """Train them one after the other; a refusal is an outcome with its reasons."""
    from runlore.kernel.errors import RunloreError

    outcomes = {}
    for spec in specs:
        try:
            outcomes[spec.name] = _trained(app, spec).as_json()
        except RunloreError as error:
            outcomes[spec.name] = _refusal(spec, error)
    return outcomes


def _trained(app: "App", spec: "SeriesSpec") -> "SeriesTrainOutcome":
    from runlore.cli.ingest.running import progress_bar
    from runlore.kernel.instants import now
    from runlore.signals.actions import series_champions, series_retraining
    from runlore.signals.actions.series_retraining import SeriesTraining

    at = now()
    champions = series_champions.read_champions(app.store, [spec], app.champion_files, at)
    training = SeriesTraining("person", "runlore train", champions.get(spec.name))
    with progress_bar(spec.name) as progress:
        return series_retraining.run_training(app.store, app.registry, spec, training, at, progress)


def _refusal(spec: "SeriesSpec", error: Exception) -> dict[str, Any]:
    from runlore.signals.actions.series_training import SeriesTrainOutcome

    refused = SeriesTrainOutcome(spec.name, False, (str(error),), None, None, 0, (), "", "")
    return refused.as_json()


def show_series(trained: Mapping[str, dict[str, Any]]) -> None:
    """Print what was measured on held-out values, by horizon, and the verdict."""
    for name, outcome in trained.items():
        if outcome["horizons"]:
            emit_table(
                f"{name}: {outcome['series']} series, on held-out values",
                [_row(one) for one in outcome["horizons"]],
            )
        reasons = "; ".join(outcome["reasons"])
        if outcome["passed"]:
            echo(f"{name}: version {outcome['version']} is @champion: {reasons}")
        else:
            echo(f"runlore: {name}: refused: {reasons}", err=True)
        if outcome["page"]:
            echo(f"run: {outcome['page']}")


def _row(one: Mapping[str, Any]) -> dict[str, object]:
    from runlore.kernel.readable import readable_duration, readable_share

    learned, against = one["learned"], one["against"]
    is_measured = one["series"] > 0
    return {
        "ahead": readable_duration(one["horizon_s"]),
        "series": f"{one['series']} of {learned}",
        "error ratio": f"{one['ratio']:.3f}" if is_measured else "-",
        "to the champion": "-" if against is None else f"{against:.3f}",
        "band held": readable_share(one["coverage"]) if is_measured else "-",
        "last season again": readable_share(one["fallbacks"] / learned) if learned else "-",
    }
