"""A forecast drawn: the past, what comes, and the band."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.plots import style
from runlore.signals.rules.forecasts.forecasting import Forecast
from runlore.signals.rules.series.grid import SECOND_US, SeriesGrid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 120
PAST_HORIZONS = 4  # of the past that are drawn
LEAST_PAST = 50


def draw_forecast(
    title: str, finding: str, past: SeriesGrid, ahead: Forecast, y_name: str = ""
) -> "Figure":
    """The last of the past and the forecast with its band, over time in UTC.

    y_name: what is drawn, with its unit.
    """
    shown = max(PAST_HORIZONS * len(ahead.value), LEAST_PAST)
    values = past.values[-shown:]
    first_us = past.end_us - len(values) * past.step_s * SECOND_US
    subtitle = (
        f"{finding[:1].upper()}{finding[1:]}. The band should hold {style.percent(ahead.level)} of"
        f" the values to come; bands made in the same way held"
        f" {style.percent(ahead.skill.coverage)} of the past ones."
    )
    figure, (axes,) = style.figure(title, subtitle, height_in=3.6)
    seen = _times(first_us, past.step_s, len(values))
    axes.plot(seen, values, color=style.INK, linewidth=1.2, label="seen")
    times = _times(ahead.start_us, ahead.step_s, len(ahead.value))
    axes.plot(times, ahead.value, color=style.BLUE, linewidth=1.8, label="forecast")
    band = f"band for {style.percent(ahead.level)} of values"
    axes.fill_between(
        times, ahead.low, ahead.high, color=style.SKY, alpha=0.35, linewidth=0, label=band
    )
    axes.set_xlabel("time (UTC)")
    axes.set_ylabel(y_name)
    style.date_axis(axes)
    style.legend(axes)
    return figure


def _times(start_us: int, step_s: int, count: int) -> NDArray[np.datetime64]:
    microseconds = start_us + np.arange(count, dtype=np.int64) * step_s * SECOND_US
    return microseconds.astype("datetime64[us]")
