"""Plots of probabilities: their calibration, and the share of events among the highest."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

BINS = 10
SHARE = 0.1


def calibration(actual: Floats, predicted: Floats, event: str = "failed") -> "Figure":
    """Observed rates against predicted probabilities, in ten groups of equal size.

    actual: (n,) of 0 and 1. predicted: (n,) probabilities. event: what a 1 is.
    """
    if not len(actual):
        return style.empty("Calibration is unknown", "There are no predictions to look at.")
    groups = style.groups(predicted, BINS)
    said = np.array([predicted[group].mean() for group in groups])
    counts = np.array([len(group) for group in groups], dtype=np.float64)
    hits = np.array([actual[group].sum() for group in groups])
    came = hits / counts
    off = float((np.abs(said - came) * counts).sum() / counts.sum())
    made, (above, below) = style.figure(
        f"Predictions are {style.number(100 * off)} percentage points off on average",
        f"{len(actual):,} executions in {len(groups)} groups of about equal size. "
        "On the diagonal, what is predicted is what comes.",
        height_in=6.2,
        heights=(3.2, 1.0),
    )
    end = _end(predicted, came)
    _reliability(above, said, came, style.wilson(hits, counts), end)
    above.set_ylabel(f"actual share: {event}")
    _histogram(below, actual, predicted, end, event)
    return made


def _end(predicted: Floats, came: Floats) -> float:
    """The end of the axes, since rare events would crowd the corner of a unit square."""
    highest = float(np.quantile(predicted, 0.998))
    return min(1.0, 1.05 * max(highest, float(came.max()), 0.01))


def _reliability(
    axes: "Axes", said: Floats, came: Floats, bounds: tuple[Floats, Floats], end: float
) -> None:
    axes.plot([0, end], [0, end], color=style.GREY, linewidth=1.2, linestyle=style.DASHES)
    axes.errorbar(
        said,
        came,
        yerr=np.abs(np.array(bounds) - came),
        color=style.BLUE,
        ecolor=style.SKY,
        elinewidth=2.5,
        marker="o",
        markersize=6,
        linewidth=1.5,
        label="group, with its 95 % interval",
    )
    axes.set_xlim(0, end)
    axes.set_ylim(0, min(1.0, max(end, 1.05 * float(bounds[1].max()))))
    style.as_percent(axes.xaxis, axes.yaxis)
    style.legend(axes, "upper left")


def _histogram(axes: "Axes", actual: Floats, predicted: Floats, end: float, event: str) -> None:
    shown = np.clip(predicted, 0, end)
    axes.hist(
        [shown[actual > 0], shown[actual == 0]],
        bins=np.linspace(0, end, 41).tolist(),
        stacked=True,
        color=[style.VERMILION, style.SKY],
        label=[event, f"not {event}"],
    )
    axes.set_xlim(0, end)
    style.as_percent(axes.xaxis)
    style.as_count(axes.yaxis)
    axes.set_xlabel(f"predicted probability: {event}")
    axes.set_ylabel("executions")
    style.legend(axes, "upper right", columns=2)


def gain(
    actual: Floats, predicted: Floats, baseline: Floats | None = None, event: str = "failed"
) -> "Figure":
    """The cumulative gain: the share of all events among the highest predictions.

    baseline: (n,), the naive baseline's predictions for the same executions.
    """
    total = actual.sum()
    if total in (0, len(actual)):
        return style.empty(
            "There is nothing to find", f"All {len(actual):,} executions came out the same."
        )
    curve = _gain_curve(actual, predicted)
    share = float(np.interp(SHARE, np.linspace(0, 1, len(curve)), curve))
    made, (axes,) = style.figure(
        f"The highest {style.percent(SHARE)} of predictions hold {style.percent(share)} "
        f"of all {event}",
        f"{style.number(share / SHARE)} times as many as a random pick. "
        f"There are {int(total):,} among {len(actual):,} executions.",
    )
    _gains(axes, curve, None if baseline is None else _gain_curve(actual, baseline))
    rate = float(total / len(actual))
    axes.plot([0, rate, 1], [0, 1, 1], color=style.GREEN, linestyle=style.DOTS, label="perfect")
    axes.plot([SHARE], [share], "o", color=style.BLUE, markersize=7)
    axes.set_xlabel("executions looked at, highest prediction first")
    axes.set_ylabel(f"share found of all {event}")
    style.legend(axes, "lower right")
    return made


def _gains(axes: "Axes", ours: Floats, theirs: Floats | None) -> None:
    at = np.linspace(0, 1, len(ours))
    axes.fill_between(at, at, ours, color=style.SKY, alpha=0.18, linewidth=0)
    axes.plot(at, ours, color=style.BLUE, linewidth=2.2, label="this model")
    if theirs is not None:
        axes.plot(at, theirs, color=style.VERMILION, linewidth=1.6, label="baseline")
    axes.plot(at, at, color=style.GREY, linewidth=1.2, linestyle=style.DASHES, label="random pick")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    style.as_percent(axes.xaxis, axes.yaxis)


def _gain_curve(actual: Floats, predicted: Floats) -> Floats:
    """(n + 1,): the share of events among the k highest; equal predictions share them evenly."""
    order = np.argsort(-predicted, kind="stable")
    ranked, hits = predicted[order], np.r_[0.0, np.cumsum(actual[order])]
    ends = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1], True])
    curve: Floats = np.interp(np.arange(len(actual) + 1), ends, hits[ends]) / hits[-1]
    return curve
