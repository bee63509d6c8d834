"""Anomalies drawn: the series, the band of what was expected, and where it was left."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from runlore.kernel.instants import from_us, to_us
from runlore.plots import style
from runlore.signals.actions.anomalies import SeriesAnomaly
from runlore.signals.actions.scored_series import ScoredSeries

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 120
MOST_DRAWN = 2_000  # points


def draw_anomalies(one: ScoredSeries, found: Sequence[SeriesAnomaly]) -> "Figure":
    """The last MOST_DRAWN points over time in UTC."""
    last = slice(-MOST_DRAWN, None)
    times = one.at[last].astype("datetime64[us]")
    title = f"{one.series.name} of {one.series.scope}" if one.series.scope else one.series.name
    count = "1 anomaly" if len(found) == 1 else f"{len(found)} anomalies"
    subtitle = f"{count}. The band holds 98 % of past residuals."
    figure, (axes,) = style.figure(title, subtitle, height_in=3.6)
    low, high = one.low[last], one.high[last]
    is_known = np.isfinite(low)
    axes.fill_between(
        times, low, high, where=is_known, color=style.SKY, alpha=0.35, linewidth=0, label="expected"
    )
    axes.plot(times, one.values[last], color=style.INK, linewidth=1.0, label="seen")
    first = from_us(int(one.at[last][0]))
    marks = [anomaly for anomaly in found if anomaly.since >= first]
    axes.scatter(
        np.array([to_us(anomaly.since) for anomaly in marks], "datetime64[us]"),
        [anomaly.seen for anomaly in marks],
        color=style.VERMILION,
        s=28,
        zorder=3,
        label="anomaly" if marks else None,
    )
    axes.set_xlabel("time (UTC)")
    unit = f" ({one.series.unit})" if one.series.unit else ""
    axes.set_ylabel(f"{one.series.name}{unit}")
    style.date_axis(axes)
    style.legend(axes)
    return figure
