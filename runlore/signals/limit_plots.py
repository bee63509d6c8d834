"""A growing series drawn with its limit, and when it may reach it."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.instants import to_us
from runlore.plots import style
from runlore.signals.actions.limits import LimitForecast, conclude_limit
from runlore.signals.actions.regressions import subject_of
from runlore.signals.plots import DPI
from runlore.signals.rules.series.grid import SECOND_US

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DPI", "draw_limit"]


def draw_limit(one: LimitForecast) -> "Figure":
    """The past, 90 % of the values to come, the limit, and the interval of its date, in UTC."""
    finding = conclude_limit(one)
    subtitle = f"{finding[:1].upper()}{finding[1:]}."
    figure, (axes,) = style.figure(subject_of(one.series), subtitle, height_in=3.6)
    past, step_s = one.past.values, one.past.step_s
    axes.plot(
        _times(to_us(one.first_at), step_s, -len(past)),
        past,
        color=style.INK,
        linewidth=1.2,
        label="seen",
    )
    axes.axhline(one.limit.limit, color=style.VERMILION, linewidth=1.4, label="limit")
    fan = one.crossing.fan
    if fan is not None:
        times = _times(to_us(one.first_at), step_s, fan.shape[1])
        axes.fill_between(
            times, fan[0], fan[2], color=style.SKY, alpha=0.35, linewidth=0, label="90 % of values"
        )
        axes.plot(times, fan[1], color=style.BLUE, linewidth=1.8, label="middle of what may come")
    early, late = one.at(one.crossing.early), one.at(one.crossing.late)
    if early and late:
        span = [np.datetime64(to_us(at), "us") for at in (early, late)]
        axes.plot(
            span,
            [one.limit.limit] * 2,
            color=style.VERMILION,
            linewidth=5,
            alpha=0.5,
            label="90 % of dates",
        )
    axes.set_xlabel("time (UTC)")
    axes.set_ylabel(one.series.unit or one.series.name)
    style.date_axis(axes)
    style.legend(axes)
    return figure


def _times(start_us: int, step_s: int, count: int) -> NDArray[np.datetime64]:
    """Of the steps from the first one to come, or of those before it."""
    steps = np.arange(count) if count > 0 else np.arange(count, 0)
    return (start_us + steps * step_s * SECOND_US).astype("datetime64[us]")
