"""A series drawn with its levels."""

from typing import TYPE_CHECKING

import numpy as np

from runlore.plots import style
from runlore.signals.actions.regressions import SeriesLevels, subject_of
from runlore.signals.plots import DPI
from runlore.signals.rules.series.grid import SECOND_US

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DPI", "draw_levels"]


def draw_levels(levels: SeriesLevels) -> "Figure":
    """The series without its cycles, and its level between changes, over time in UTC."""
    values, changes = levels.grid.values, levels.changes
    offsets = np.arange(len(values), dtype=np.int64) * levels.grid.step_s * SECOND_US
    times = (levels.grid.start_us + offsets).astype("datetime64[us]")
    subtitle = f"{len(changes)} lasting changes of level. Days and weeks are taken out."
    figure, (axes,) = style.figure(subject_of(levels.series), subtitle, height_in=3.6)
    axes.plot(times, values, color=style.INK, linewidth=1.0)
    ends = [*(change.start for change in changes[1:]), len(values) - 1]
    for change, end in zip(changes, ends, strict=True):
        axes.axvline(times[change.start], color=style.SKY, linewidth=1.0)
        span = [times[change.start], times[end]]
        axes.plot(span, [change.after] * 2, color=style.BLUE, linewidth=2.2)
    if changes:
        span = [times[0], times[changes[0].start]]
        axes.plot(span, [changes[0].before] * 2, color=style.BLUE, linewidth=2.2)
    axes.set_xlabel("time (UTC)")
    return figure
