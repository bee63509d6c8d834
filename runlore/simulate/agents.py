"""Simulated agents with known skills, some of which die: for the demo, never for conclusions."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.errors import BadInput

Floats = NDArray[np.float64]

# `wrong`: fails at all. `hangs`: takes its tasks and never ends them. `gone`: takes nothing more.
Death = Literal["wrong", "hangs", "gone"]
DEATHS: tuple[Death, ...] = ("wrong", "hangs", "gone")
TASK_TYPES = ("write", "review", "research")
LOWEST, HIGHEST = 0.3, 0.95  # chances of success


@dataclass(frozen=True)
class SimulatedAgents:
    """chances: agents x types, of success while alive. deaths: by agent. dead_from: share of all
    tasks after which these are dead."""

    chances: Floats
    deaths: dict[int, Death]
    dead_from: float = 0.4

    def chances_at(self, share: float) -> Floats:
        """Agents x types after this share of all tasks; 0 of the dead."""
        alive = np.ones((len(self.chances), 1))
        if share >= self.dead_from:
            alive[list(self.deaths)] = 0.0
        return self.chances * alive

    def death_at(self, agent: int, share: float) -> Death | None:
        return self.deaths.get(agent) if share >= self.dead_from else None


def simulate_agents(agents: int, seed: int) -> SimulatedAgents:
    """Skills drawn evenly; the best agent of each type dies, each in another way.

    Raises BadInput below 6 agents: three die.
    """
    if agents < 2 * len(DEATHS):
        raise BadInput(f"agents: give at least {2 * len(DEATHS)}; {len(DEATHS)} die", "agents")
    generator = np.random.default_rng(seed)
    chances = generator.uniform(LOWEST, HIGHEST, (agents, len(TASK_TYPES)))
    best: list[int] = []
    for kind in range(len(TASK_TYPES)):
        ranked = np.argsort(-chances[:, kind])
        best.append(next(int(one) for one in ranked if int(one) not in best))
    return SimulatedAgents(chances, dict(zip(best, DEATHS, strict=True)))
