"""Load against capacity, drawn, with when the pool may be full."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.readable import readable_share
from runlore.planning.actions.capacity import PoolCapacity
from runlore.planning.actions.capacity_text import conclude_full
from runlore.planning.rules.capacity.full_date import week_sums
from runlore.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150


def draw_capacity(plans: list[PoolCapacity]) -> "Figure":
    """Demand and use of seven days in a row, what may come, and capacity; one panel a pool."""
    findings = "; ".join(f"{one.pool.name}: {conclude_full(one, one.outcomes[0])}" for one in plans)
    names = ", ".join(one.pool.name for one in plans)
    figure, panels = style.figure(
        f"Load and capacity of {names}"[:200],
        f"{findings}."[:400],
        height_in=3.2 * len(plans),
        heights=(1.0,) * len(plans),
    )
    for one, axes in zip(plans, panels, strict=True):
        days = _days(one, len(one.capacity))[6:]
        past = len(one.demand)
        axes.plot(days, week_sums(one.capacity), color=style.VERMILION, lw=1.4, label="capacity")
        axes.plot(days[: past - 6], week_sums(one.demand), color=style.INK, lw=1.2, label="demand")
        axes.plot(days[: past - 6], week_sums(one.used), color=style.GREY, lw=1.0, label="used")
        if one.week_fan is not None:
            low, middle, high = one.week_fan
            ahead = days[past - 6 :]
            level = readable_share(one.level)
            axes.fill_between(ahead, low, high, color=style.SKY, alpha=0.35, lw=0, label=level)
            axes.plot(ahead, middle, color=style.BLUE, lw=1.6, label="middle")
        full = one.outcomes[0].full
        if full.early:
            end = full.late or len(one.capacity) - past
            span = _days(one, len(one.capacity))[[past + full.early - 1, past + end - 1]]
            place = week_sums(one.capacity)[past - 6 + full.early - 1]
            axes.plot(span, [place] * 2, color=style.VERMILION, lw=5, alpha=0.5, label="full date")
        axes.set_ylabel(f"{one.pool.name[:30]}: slot-hours of 7 days")
        style.date_axis(axes)
        style.legend(axes)
    return figure


def _days(one: PoolCapacity, count: int) -> NDArray[np.datetime64]:
    return np.datetime64(one.first, "D") + np.arange(count)
