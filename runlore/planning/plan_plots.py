"""Load of a plan against the slots of its pools, over time."""

from typing import TYPE_CHECKING

import numpy as np

from runlore.planning.allocation_views import PlanView
from runlore.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_POOLS = 6
DPI = 110


def draw_load(view: PlanView, sizes: dict[str, int]) -> "Figure":
    """Slots in use, of each pool; dashed: its size. Pools with the most work first."""
    work: dict[str, float] = {}
    for task in view.tasks:
        hours = (task.end - task.start).total_seconds() / 3600
        work[task.pool] = work.get(task.pool, 0.0) + hours * task.slots
    names = sorted(work, key=lambda name: -work[name])[:MOST_POOLS]
    figure, (axes,) = style.figure("Load and capacity of the plan", view.summary, height_in=3.6)
    colours = [style.BLUE, style.VERMILION, style.SKY, style.INK]
    for at, name in enumerate(names):
        times, load = _steps(view, name)
        colour = colours[at % len(colours)]
        axes.step(times, load, where="post", color=colour, linewidth=1.6, label=name[:40])
        axes.axhline(sizes.get(name, 1), color=colour, linewidth=1.0, linestyle="--")
    axes.set_ylabel("slots")
    axes.set_xlabel("time, UTC")
    axes.legend(frameon=False)
    figure.autofmt_xdate()
    return figure


def _steps(view: PlanView, pool: str) -> tuple[np.ndarray, np.ndarray]:
    events = [(task.start, task.slots) for task in view.tasks if task.pool == pool]
    events += [(task.end, -task.slots) for task in view.tasks if task.pool == pool]
    events.sort(key=lambda event: event[0])
    times = np.array([at.replace(tzinfo=None) for at, _ in events], dtype="datetime64[s]")
    return times, np.cumsum([change for _, change in events])
