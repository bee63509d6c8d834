"""An objective drawn: its budget over the period, and how fast it burns."""

from typing import TYPE_CHECKING

import numpy as np

from runlore.kernel.readable import readable_duration
from runlore.plots import style
from runlore.signals.objective_views import BudgetStep, ObjectiveView
from runlore.signals.plots import DPI

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DPI", "draw_objective"]

COLOURS = (style.VERMILION, style.BLUE, style.GREEN, style.SKY, style.INK, style.GREY)


def draw_objective(view: ObjectiveView, steps: list[BudgetStep]) -> "Figure":
    """Above the share of the budget that is left, below the burn rates, over time in UTC."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    figure, (left, burns) = style.figure(view.description, view.conclusion, 5.4, (1.0, 1.0))
    times = np.array([step.at.replace(tzinfo=None) for step in steps], "datetime64[us]")
    shares = 100 * np.array([step.left for step in steps], np.float64)
    left.plot(times, shares, color=style.BLUE, linewidth=1.8)
    left.axhline(0, color=style.VERMILION, linewidth=1.0)
    left.set_ylabel("budget left, %")
    windows = list(steps[-1].burns) if steps else []
    for colour, window_s in zip(COLOURS, windows, strict=False):
        rates = np.array([step.burns[window_s] for step in steps], np.float64)
        burns.plot(times, rates, color=colour, linewidth=1.2, label=readable_duration(window_s))
    burns.axhline(1, color=style.GREY, linewidth=1.0)
    burns.set_ylabel("burn rate by window")
    burns.set_xlabel("time (UTC)")
    style.legend(burns)
    for axes in (left, burns):
        locator = AutoDateLocator()  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    return figure
