"""The picture of what two policies cost."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from runlore.agents.actions.simulated_work import SimulatedWork
from runlore.plots import style
from runlore.simulate.agents import SimulatedAgents

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 120
COLOURS = {"fixed": style.VERMILION, "learned": style.BLUE}


def draw_regret(works: Sequence[SimulatedWork], agents: SimulatedAgents) -> "Figure":
    """Regret summed over the tasks, of each policy and of agents at random."""
    said = ", ".join(f"{one.policy} {style.percent(one.share)}" for one in works)
    figure, [axes] = style.figure(
        f"Regret beside agents at random: {said}",
        "Successes lost against always choosing the best living agent, summed over tasks."
        " At the line the best agent of each type dies.",
        height_in=4.2,
    )
    tasks = len(works[0].regret)
    numbers = np.arange(1, tasks + 1)
    axes.plot(numbers, works[0].random, color=style.GREY, linestyle=style.DASHES, label="random")
    for one in works:
        axes.plot(numbers, one.regret, color=COLOURS[one.policy], label=one.policy)
    axes.axvline(agents.dead_from * tasks, color=style.GREY, linestyle=style.DOTS, linewidth=1)
    axes.set_xlim(0, tasks)
    axes.set_ylim(0)
    axes.set_xlabel("tasks")
    axes.set_ylabel("successes lost")
    style.as_count(axes.xaxis, axes.yaxis)
    style.legend(axes, "upper left")
    return figure
