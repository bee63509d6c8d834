"""What a backtest found, drawn: titles say what was found, subtitles how to read it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.backtest.rules.comparison import PolicyPredictions, PolicyScores
from runlore.backtest.rules.replay import PolicyReplay
from runlore.models import scores
from runlore.models.score_names import display
from runlore.plots import style
from runlore.specs.model_spec import HIGHER_IS_BETTER, ModelSpec
from runlore.training.plots.weekly import weekly

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

COLOURS: Mapping[str, str] = {
    "static": style.GREY,
    "weekly": style.SKY,
    "drift": style.VERMILION,
    "loop": style.GREEN,
    "baseline": style.INK,
}
SERVING = ("serves", "promoted")
MONTH = 4


def over_time(
    spec: ModelSpec, answers: PolicyPredictions, replayed: Sequence[PolicyReplay]
) -> "Figure":
    """Each policy's score week by week, as a mean of four, and when it retrained."""
    better = "higher" if spec.select_by in HIGHER_IS_BETTER else "lower"
    name = display(spec.select_by)
    finding, others = _finding(spec, answers, name)
    made, (above, below) = style.figure(
        finding,
        f"Over all: {others}. Drawn: {name} by week of submission, mean of the last {MONTH} weeks, "
        f"{better} is better. Below, a mark per retraining: filled where its version came to serve,"
        " hollow where it did not.",
        height_in=5.6,
        heights=(2.6, 0.9),
    )
    for policy, prediction in answers.of.items():
        _line(above, spec, answers, policy, prediction)
    above.set_ylabel(f"{name}, {better} is better")
    style.legend(above)
    _marks(below, replayed)
    below.set_xlim(above.get_xlim())
    below.set_xlabel("submission (UTC)")
    return made


def _finding(spec: ModelSpec, answers: PolicyPredictions, name: str) -> tuple[str, str]:
    values = {
        policy: scores.measure(spec.select_by, answers.target, prediction)
        for policy, prediction in answers.of.items()
    }
    pick = max if spec.select_by in HIGHER_IS_BETTER else min
    best = pick(values, key=lambda policy: values[policy])
    others = ", ".join(f"{p} {style.score(v)}" for p, v in values.items() if p != best)
    return f"{best} does best: {name} {style.score(values[best])}", others


def _line(
    axes: "Axes", spec: ModelSpec, answers: PolicyPredictions, policy: str, prediction: Floats
) -> None:
    def measure(actual: Floats, predicted: Floats) -> float:
        return scores.measure(spec.select_by, actual, predicted)

    weeks = weekly(answers.as_of_us, answers.target, prediction, measure)
    smooth = np.array(
        [
            np.nanmean(part)
            if np.isfinite(part := weeks.values[max(at - MONTH + 1, 0) : at + 1]).any()
            else np.nan
            for at in range(len(weeks.values))
        ]
    )
    shape = "--" if policy == "baseline" else "-"
    at = weeks.starts_us.astype("datetime64[us]")
    axes.plot(at, smooth, shape, color=COLOURS[policy], linewidth=1.8, label=policy)


def _marks(axes: "Axes", replayed: Sequence[PolicyReplay]) -> None:
    for row, replay in enumerate(replayed):
        for retraining in replay.retrainings:
            face = COLOURS[replay.policy] if retraining.outcome in SERVING else "white"
            axes.plot(
                np.datetime64(retraining.at_us, "us"),
                row,
                "o",
                markersize=5,
                markerfacecolor=face,
                markeredgecolor=COLOURS[replay.policy],
            )
    axes.set_yticks(range(len(replayed)), [replay.policy for replay in replayed])
    axes.set_ylim(len(replayed) - 0.5, -0.5)


def by_cost(
    spec: ModelSpec, standings: Mapping[str, PolicyScores], replayed: Sequence[PolicyReplay]
) -> "Figure":
    """Plot each policy's score by the cost of its trainings."""
    name = display(spec.select_by)
    better = "higher" if spec.select_by in HIGHER_IS_BETTER else "lower"
    cheapest = min(replayed, key=lambda replay: replay.cpu_s)
    dearest = max(replayed, key=lambda replay: replay.cpu_s)
    made, (axes,) = style.figure(
        f"{dearest.policy} costs {style.number(dearest.cpu_s / cheapest.cpu_s)} times what "
        f"{cheapest.policy} does",
        f"{name} over all of the replay with its 95 % block-bootstrap interval, by CPU seconds of "
        "training, the first training included. In brackets: how often it retrained.",
        height_in=4.4,
    )
    for replay in replayed:
        score = standings[replay.policy].scores[spec.select_by]
        apart = [[score.value - score.low], [score.high - score.value]]
        axes.errorbar(
            [replay.cpu_s],
            [score.value],
            yerr=np.maximum(apart, 0),
            fmt="o",
            capsize=4,
            color=COLOURS[replay.policy],
            label=f"{replay.policy} ({replay.trained})",
        )
    naive = standings["baseline"].scores[spec.select_by].value
    axes.axhline(naive, color=style.INK, linestyle="--", linewidth=1.2, label="baseline")
    axes.set_xlabel("CPU seconds of training")
    axes.set_ylabel(f"{name}, {better} is better")
    style.legend(axes)
    return made
