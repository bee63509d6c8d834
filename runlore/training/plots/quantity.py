"""Plots of predicted quantities: their residuals, and the coverage of their intervals."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

TOLERANCE = 0.02
GROUPS = 10
CELLS = 55


def residuals(actual: Floats, predicted: Floats, what: str, unit: str) -> "Figure":
    """Predicted against actual values on logarithmic axes, coloured by density.

    what, unit: of the quantity, such as `duration` and `s`. Values far below the usual ones are
    drawn at a thousandth of the median, since 0 has no logarithm.
    """
    if not len(actual):
        return style.empty("Errors are unknown", "There are no predictions to look at.")
    least = _least(actual)
    said, came = np.maximum(predicted, least), np.maximum(actual, least)
    ratio = np.log(came / said)
    half, most = np.exp(np.quantile(np.abs(ratio), [0.5, 0.9]))
    made, (axes,) = style.figure(
        f"Half of the predictions are within a factor of {style.number(float(half))}",
        f"{len(actual):,} executions. Nine of ten are within a factor of "
        f"{style.number(float(most))}. {_lean(float(np.median(ratio)))}"
        + _floor(actual, least, unit),
        height_in=5.8,
    )
    _density(made, axes, said, came)
    axes.set_xlabel(f"predicted {what}, {unit}")
    axes.set_ylabel(f"actual {what}, {unit}")
    return made


def _least(actual: Floats) -> float:
    above = actual[actual > 0]
    return float(np.median(above)) / 1000 if len(above) else 1e-3


def _lean(middle: float) -> str:
    """Describe the bias of the median prediction; `middle` is a logarithm."""
    away = float(np.expm1(abs(middle)))
    if away < 0.005:
        return "In the middle they are neither too high nor too low."
    return f"In the middle they are {style.percent(away)} too {'low' if middle > 0 else 'high'}."


def _floor(actual: Floats, least: float, unit: str) -> str:
    small = int((actual < least).sum())
    return f" {small:,} below {style.number(least)} {unit} are drawn there." if small else ""


def _density(made: "Figure", axes: "Axes", said: Floats, came: Floats) -> None:
    both = np.concatenate([said, came])
    ends = np.array([both.min() / 1.3, both.max() * 1.3])
    cells = axes.hexbin(
        said,
        came,
        gridsize=CELLS,
        xscale="log",
        yscale="log",
        bins="log",
        mincnt=1,
        cmap=style.shades(),
        linewidths=0.1,
        extent=(*np.log10(ends), *np.log10(ends)),
    )
    axes.plot(ends, ends, color=style.VERMILION, linewidth=1.6, label="right")
    for factor in (0.5, 2.0):
        axes.plot(
            ends,
            ends * factor,
            color=style.VERMILION,
            linewidth=1.1,
            linestyle=style.DASHES,
            label="twice or half as much" if factor > 1 else None,
        )
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    style.as_count(axes.xaxis, axes.yaxis)
    bar = made.colorbar(cells, ax=axes, pad=0.02, aspect=32)
    bar.set_label("executions", fontsize=10.5, color=style.INK)
    bar.outline.set_visible(False)
    style.as_count(bar.ax.yaxis)
    style.legend(axes)


def coverage(
    actual: Floats,
    bounds: tuple[Floats, Floats],
    predicted: Floats,
    target: float,
    unit: str,
) -> "Figure":
    """The share of actual values inside the intervals, and their widths, by size of the prediction.

    bounds: lower and upper, (n,) each. target: the share that the intervals should hold.
    """
    if not len(actual):
        return style.empty("Coverage is unknown", "There are no intervals to look at.")
    low, high = bounds
    held = ((low <= actual) & (actual <= high)).astype(np.float64)
    groups = style.groups(predicted, GROUPS)
    counts = np.array([len(group) for group in groups], dtype=np.float64)
    hits = np.array([held[group].sum() for group in groups])
    made, (above, below) = style.figure(
        f"Intervals hold {style.percent(float(held.mean()))} of what came; "
        f"{style.percent(target)} are meant",
        f"{len(actual):,} executions in {len(groups)} groups by size of the prediction, "
        "smallest first",
        height_in=6.2,
        heights=(2.2, 1.0),
    )
    _shares(above, hits, counts, target)
    widths = np.array([np.median(high[group] - low[group]) for group in groups])
    _widths(below, widths, [f"{style.number(float(np.median(predicted[g])))}" for g in groups])
    below.set_xlabel(f"typical prediction of the group, {unit}")
    below.set_ylabel(f"typical width, {unit}")
    return made


def _shares(axes: "Axes", hits: Floats, counts: Floats, target: float) -> None:
    share, bounds = hits / counts, np.array(style.wilson(hits, counts))
    at = np.arange(len(share))
    axes.axhspan(
        target - TOLERANCE,
        min(target + TOLERANCE, 1.0),
        color=style.GREEN,
        alpha=0.15,
        linewidth=0,
        label=f"meant: {style.percent(target)}, give or take {style.percent(TOLERANCE)}",
    )
    axes.axhline(target, color=style.GREEN, linewidth=1.2)
    axes.errorbar(
        at,
        share,
        yerr=np.abs(bounds - share),
        color=style.BLUE,
        ecolor=style.SKY,
        elinewidth=2.5,
        linestyle="none",
        marker="o",
        markersize=7,
        label="group, with its 95 % interval",
    )
    low = float(min(bounds.min(), target - 2 * TOLERANCE))
    axes.set_ylim(max(low - 0.02, 0.0), 1.0)
    axes.set_xlim(-0.5, len(share) - 0.5)
    axes.set_xticks(at, [""] * len(at))
    axes.set_ylabel("share held")
    style.as_percent(axes.yaxis)
    style.legend(axes)


def _widths(axes: "Axes", widths: Floats, labels: list[str]) -> None:
    at = np.arange(len(widths))
    bars = axes.bar(at, widths, width=0.6, color=style.SKY)
    if (widths > 0).all() and widths.max() > 20 * widths.min():
        axes.set_yscale("log")
    axes.bar_label(bars, [style.number(float(w)) for w in widths], fontsize=9.5, color=style.INK)
    axes.margins(y=0.25)
    axes.set_xlim(-0.5, len(widths) - 0.5)
    axes.set_xticks(at, labels)
    axes.tick_params(axis="y", which="both", left=False, labelleft=False)
    axes.grid(visible=False)
