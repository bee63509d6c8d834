"""How right forecasters were on held-out values, drawn: by series, and by horizon."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from runlore.kernel.readable import readable_duration
from runlore.plots import style
from runlore.signals.rules.forecasts.forecast_gates import HorizonEvidence
from runlore.specs.series_spec import ForecastGates

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = (style.BLUE, style.VERMILION, style.GREEN, style.INK, style.SKY)
SPREAD = 4.0  # how far the axis of ratios reaches, at most, in both directions


def draw_skill(ratios: Mapping[float, Sequence[float]]) -> "Figure":
    """The error ratio of each series, the best first, by horizon in seconds."""
    shown = {horizon_s: np.sort(one) for horizon_s, one in ratios.items() if len(one)}
    if not shown:
        return style.empty("Skill is unknown", "No series has enough points to be judged on.")
    every = np.concatenate(list(shown.values()))
    figure, (axes,) = style.figure(
        f"{style.percent(float(np.mean(every <= 1)))} of the forecasts are no worse than the last"
        " season again",
        "Mean absolute error on held-out values, as a share of that of the last season again. Each"
        " dot is a series; below 1 is better.",
        height_in=3.4,
    )
    for (horizon_s, one), colour in zip(shown.items(), COLOURS * len(shown), strict=False):
        places = (np.arange(len(one)) + 0.5) / len(one)
        held = np.clip(one, 1 / SPREAD, SPREAD)
        axes.plot(
            places, held, "o-", color=colour, markersize=3.5, linewidth=0.8,
            label=f"{readable_duration(horizon_s)} ahead",
        )  # fmt: skip
    axes.axhline(1, color=style.GREY, linestyle=style.DASHES, linewidth=1)
    axes.set_yscale("log", base=2)
    style.as_count(axes.yaxis)
    style.as_percent(axes.xaxis)
    axes.set_xlabel("share of the series")
    axes.set_ylabel("error ratio")
    style.legend(axes)
    return figure


def draw_coverage(
    horizons: Sequence[HorizonEvidence], level: float, gates: ForecastGates
) -> "Figure":
    """The share of held-out values that bands held, by horizon, beside what passes."""
    shown = [one for one in horizons if one.is_measured]
    if not shown:
        return style.empty("Coverage is unknown", "No series has enough points to be judged on.")
    worst = max(shown, key=lambda one: abs(one.coverage - level))
    figure, (axes,) = style.figure(
        f"Bands for {style.percent(level)} held {style.percent(worst.coverage)}"
        f" {readable_duration(worst.horizon_s)} ahead, where they are furthest off",
        "Share of held-out values inside the bands, the mean over series. What lies in the grey"
        " area passes the gate.",
        height_in=2.6,
    )
    places = np.arange(len(shown))
    low, high = level - gates.most_coverage_gap, min(level + gates.most_coverage_gap, 1.0)
    axes.axhspan(low, high, color=style.PALE, alpha=0.6, linewidth=0)
    axes.axhline(level, color=style.GREY, linestyle=style.DASHES, linewidth=1)
    axes.plot(places, [one.coverage for one in shown], "o", color=style.BLUE, markersize=8)
    names = [
        f"{readable_duration(one.horizon_s)}\n{one.series} series" for one in shown
    ]  # by place
    axes.set_xticks(places, names)
    axes.set_xlim(-0.5, len(shown) - 0.5)
    style.as_percent(axes.yaxis)
    axes.set_ylabel("coverage")
    return figure
