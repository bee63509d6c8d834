"""`runlore backtest`: compare retraining policies on a log."""

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from runlore.cli.monitoring import DAY_S, Spec
from runlore.cli.output import Json, echo, emit_json, emit_table

if TYPE_CHECKING:
    from runlore.backtest.actions import BacktestOptions, BacktestOutcome
    from runlore.backtest.rules.comparison import PolicyScores
    from runlore.backtest.rules.replay import PolicyReplay
    from runlore.specs.model_spec import Score
    from runlore.training.rules.gates import ScoreInterval

BASELINE = "baseline"
Policies = Annotated[
    list[str] | None,
    typer.Option("--policy", help="static, weekly, drift or loop; repeat, or separate by commas."),
]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="ISO", help="Replay executions submitted from this time on."),
]
Rows = Annotated[
    int | None, typer.Option(min=200, help="Replay only this many of the newest executions.")
]
WindowDays = Annotated[
    float | None,
    typer.Option(min=0.01, help="Length of a window.  [default: from the spec's policy]"),
]
Share = Annotated[
    float, typer.Option(min=0.05, max=0.9, help="Share of the rows before the first training.")
]
Candidates = Annotated[
    list[str] | None,
    typer.Option("--candidate", help="Train only this kind of candidate; repeat for more."),
]
Anew = Annotated[
    bool,
    typer.Option(
        "--choose-anew", help="Choose the candidate at every training, not only at the first."
    ),
]
MaxRows = Annotated[
    int | None,
    typer.Option(min=200, help="Newest known rows to train on.  [default: from the spec]"),
]
Source = Annotated[
    list[str] | None,
    typer.Option("--source", help="Only executions of this source; repeat for more."),
]
Plots = Annotated[
    Path | None, typer.Option(help="Folder for the plots.  [default: the reports folder]")
]


def backtest(
    spec: Spec,
    policy: Policies = None,
    begin: From = None,
    rows: Rows = None,
    window_days: WindowDays = None,
    taught_share: Share = 0.3,
    candidate: Candidates = None,
    choose_anew: Anew = False,
    max_rows: MaxRows = None,
    source: Source = None,
    plots: Plots = None,
    json: Json = False,
) -> None:
    """Replay the log and compare retraining policies.

    static never retrains, weekly does every seven days, drift when monitoring detects drift. loop
    also retrains when a score falls below its floor; then the data must keep the contract and the
    new version must beat the old one. Outcomes become known when the log came to know them. Shows
    scores, retrainings and CPU seconds of training for each policy, and gains over static, weekly
    and the baseline with 95 % intervals. Draws two plots.

    Example: runlore backtest failure-risk --policy static,loop --rows 50000 --candidate xgboost
    """
    from dataclasses import replace

    from runlore.app import open_app
    from runlore.backtest import actions

    with open_app() as app:
        model_spec = app.spec(spec)
        if max_rows is not None:
            model_spec = replace(model_spec, split=replace(model_spec.split, max_rows=max_rows))
        choice = replace(
            _choice(policy, begin, candidate),
            rows=rows,
            taught_share=taught_share,
            window_s=None if window_days is None else window_days * DAY_S,
            chooses_anew=choose_anew,
        )
        outcome = actions.backtest(app.store, model_spec, choice, source, _say)
        drawn = actions.draw(outcome, plots or app.settings.reports / "backtest")
    if json:
        emit_json({**as_json(outcome), "plots": drawn})
    else:
        show(outcome, drawn)


def _say(text: str) -> None:
    echo(text, err=True)


def _choice(
    policy: list[str] | None, begin: str | None, candidate: list[str] | None
) -> "BacktestOptions":
    from typing import get_args

    from runlore.backtest.actions import BacktestOptions
    from runlore.backtest.rules.policy import POLICIES, named
    from runlore.kernel import instants
    from runlore.kernel.errors import BadInput
    from runlore.specs.model_spec import CandidateKind

    unknown = sorted(set(candidate or ()) - set(get_args(CandidateKind)))
    if unknown:
        known = ", ".join(get_args(CandidateKind))
        raise BadInput(f"candidate {unknown[0]!r}: give some of {known}", "candidate")
    return BacktestOptions(
        policies=named(",".join(policy)) if policy else POLICIES,
        begin=None if begin is None else instants.parse(begin, "from"),
        candidates=cast("list[CandidateKind]", candidate or ()),
    )


def as_json(outcome: "BacktestOutcome") -> dict[str, Any]:
    return {
        "spec": outcome.spec.name,
        "from": outcome.begin.isoformat(),
        "replay_from": outcome.replay_from.isoformat(),
        "to": outcome.end.isoformat(),
        "rows": outcome.rows,
        "windows": outcome.windows,
        "candidate": outcome.candidate,
        "select_by": outcome.spec.select_by,
        "policies": {replay.policy: _policy(replay) for replay in outcome.replayed},
        "standings": {name: _standing(scores) for name, scores in outcome.standings.items()},
    }


def _policy(replay: "PolicyReplay") -> dict[str, Any]:
    from runlore.kernel.instants import from_us

    return {
        "retrainings": replay.trained,
        "cpu_s": round(replay.cpu_s, 3),
        "history": [
            {
                "at": from_us(retraining.at_us).isoformat(),
                "outcome": retraining.outcome,
                "reasons": list(retraining.reasons),
                "cpu_s": round(retraining.cpu_s, 3),
            }
            for retraining in replay.retrainings
        ],
    }


def _standing(standing: "PolicyScores") -> dict[str, Any]:
    return {
        "scores": {score: _plain(value) for score, value in standing.scores.items()},
        "gains": {
            score: {other: _plain(value) for other, value in of.items()}
            for score, of in standing.gains.items()
        },
    }


def _plain(value: "ScoreInterval") -> dict[str, float | None]:
    parts = {"value": value.value, "low": value.low, "high": value.high}
    return {name: part if isfinite(part) else None for name, part in parts.items()}


def show(outcome: "BacktestOutcome", drawn: tuple[Path, Path]) -> None:
    from runlore.models.score_names import display

    score = outcome.spec.select_by
    emit_table(
        f"{outcome.spec.name}: {outcome.rows:,} executions in {outcome.windows} windows,"
        f" {outcome.replay_from:%Y-%m-%d} to {outcome.end:%Y-%m-%d}, by {outcome.candidate}",
        [_row(outcome, name, score) for name in outcome.standings],
    )
    emit_table(
        f"Gains in {display(score)} with 95 % intervals; above 0 the first policy is better",
        [
            {"gain of": name, "over": other, **_columns("gain", gain)}
            for name, standing in outcome.standings.items()
            for other, gain in standing.gains[score].items()
            if name != BASELINE
        ],
    )
    for replay in outcome.replayed:
        for retraining in replay.retrainings if replay.policy in ("drift", "loop") else ():
            event = f"{_date(retraining.at_us)} {retraining.outcome}"
            echo(f"{replay.policy}: {event}: {retraining.reasons[0]}")
    for path in drawn:
        echo(f"plot: {path}")


def _date(at_us: int) -> str:
    from runlore.kernel.instants import from_us

    return f"{from_us(at_us):%Y-%m-%d}"


def _row(outcome: "BacktestOutcome", name: str, score: "Score") -> dict[str, object]:
    from runlore.models.score_names import display

    costs = {str(replay.policy): replay for replay in outcome.replayed}
    return {
        "policy": name,
        **_columns(display(score), outcome.standings[name].scores[score]),
        "retrainings": costs[name].trained if name in costs else "",
        "CPU s": f"{costs[name].cpu_s:.1f}" if name in costs else "",
    }


def _columns(name: str, value: "ScoreInterval") -> dict[str, str]:
    return {name: f"{value.value:.4f}", "low": f"{value.low:.4f}", "high": f"{value.high:.4f}"}
