"""`runlore performance`: score the champion's predictions against their outcomes."""

from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlore.cli.monitoring import DAY_S, At, Spec
from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.performance.actions.windows import PerformanceOutcome
    from runlore.performance.rules.windows import WindowPerformance
    from runlore.training.rules.gates import ScoreInterval

WindowDays = Annotated[
    float | None,
    typer.Option(min=0.01, help="Length of a window.  [default: from the spec's policy]"),
]


def performance(
    spec: Spec, window_days: WindowDays = None, at: At = None, json: Json = False
) -> None:
    """Score predictions against their outcomes, window by window.

    The predictions are those of the champion on the ledger. Running work is treated as censored.
    The score of predictions without outcomes is estimated; the estimate is withdrawn if one of its
    assumptions fails. The output says whether the model is below its floor, and whether score or
    latency got worse by more than 20 %. The exit code is 0 if there were enough outcomes for a
    verdict, good or bad, and 1 otherwise.

    Example: runlore performance failure-risk --window-days 7
    """
    from runlore.app import open_app
    from runlore.kernel import instants
    from runlore.performance.actions import windows

    window_s = None if window_days is None else window_days * DAY_S
    with open_app() as app:
        model_spec = app.spec(spec)
        end = instants.now() if at is None else instants.parse(at, "at")
        reports = app.settings.reports
        outcome = windows.performance(app.store, app.registry, model_spec, end, reports, window_s)
    if json:
        emit_json(as_json(outcome))
    else:
        show(outcome, model_spec.select_by)
    if not outcome.is_answerable:
        raise typer.Exit(1)


def as_json(outcome: "PerformanceOutcome") -> dict[str, Any]:
    from dataclasses import asdict

    from runlore.performance.views import conclude

    return {
        "spec": outcome.spec,
        "version": outcome.version,
        "at": outcome.at.isoformat(),
        "mature_until": outcome.mature_until and outcome.mature_until.isoformat(),
        **asdict(conclude(outcome)),
        "windows": [_window(window) for window in outcome.windows],
        "levels": [_plain(asdict(held)) for held in outcome.levels],
        "groups": [_plain(asdict(group)) for group in outcome.groups],
        "is_below_floor": outcome.is_below_floor,
        "floors": [_plain(asdict(floor)) for floor in outcome.floors],
        "regressions": [_plain(asdict(regression)) for regression in outcome.regressions],
        "plot": outcome.plot,
        "anomaly": outcome.anomaly,
        "note": outcome.note,
    }


def _window(window: "WindowPerformance") -> dict[str, Any]:
    from dataclasses import asdict

    from runlore.kernel.instants import from_us

    fields: dict[str, Any] = {
        "from": from_us(window.first_us).isoformat(),
        "to": from_us(window.last_us).isoformat(),
        "answers": window.answers,
        "labelled": window.realised.labels,
        "maturity": window.maturity,
        "rate": window.realised.rate,
        "realised": {name: asdict(value) for name, value in window.realised.scores.items()},
        "estimated": {name: asdict(value) for name, value in window.estimated.items()},
        "assumptions": [asdict(assumption) for assumption in window.assumptions],
    }
    plain: dict[str, Any] = _plain(fields)
    return plain


def _plain(value: Any) -> Any:  # noqa: ANN401  (whatever json can hold)
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def show(outcome: "PerformanceOutcome", score: str) -> None:
    from runlore.models.score_names import display
    from runlore.performance.views import conclude

    echo(f"{outcome.spec} version {outcome.version}: {conclude(outcome)}")
    if outcome.windows:
        title = f"{outcome.spec} version {outcome.version}: {display(score)} by window"
        emit_table(title, [_row(window, score, outcome.unit) for window in outcome.windows])
        for assumption in outcome.windows[-1].assumptions:
            state = {True: "holds", False: "fails, the estimate is withdrawn", None: "not tested"}
            echo(f"estimate: {assumption.name}: {state[assumption.holds]}: {assumption.reason}")
            echo(f"    assumes: {assumption.text}")
    for held in outcome.levels:
        echo(f"quantile {held.level:g}: {held.share} of {held.rows:,} outcomes did not exceed it")
    for group in outcome.groups:
        if group.is_off:
            where = f"{group.slice} {group.label}"
            echo(f"intervals of {where} held {group.share} of {group.rows:,} outcomes")
    if outcome.mature_until:
        echo(f"mature until {outcome.mature_until:%Y-%m-%d %H:%M} UTC")
    verdicts: list[tuple[str, str]] = [(floor.answer, floor.reason) for floor in outcome.floors]
    verdicts += [(regression.answer, regression.reason) for regression in outcome.regressions]
    for answer, reason in verdicts:
        echo(f"{answer}: {reason}")
    if outcome.note:
        echo(outcome.note)
    if outcome.anomaly:
        echo(f"anomaly of {outcome.spec}: {outcome.anomaly}")
    if outcome.plot:
        echo(f"plot: {outcome.plot}")


def _row(window: "WindowPerformance", score: str, unit: str) -> dict[str, object]:
    from runlore.kernel.instants import from_us

    withdrawn = f"withdrawn: {window.withdrawn[0].name}" if window.withdrawn else ""
    realised = {str(name): value for name, value in window.realised.scores.items()}
    estimated = {str(name): value for name, value in window.estimated.items()}
    return {
        "window end": f"{from_us(window.last_us):%Y-%m-%d %H:%M}",
        "predictions": f"{window.answers:,}",
        "known outcomes": f"{window.realised.labels:,}",
        "maturity": f"{window.maturity:.0%}",
        "realised": _score_text(realised, score, unit),
        "estimated": withdrawn or _score_text(estimated, score, unit),
    }


def _score_text(scores: "dict[str, ScoreInterval]", score: str, unit: str) -> str:
    from runlore.training.rules.gates import interval_text

    return interval_text(score, scores[score], unit) if score in scores else ""
