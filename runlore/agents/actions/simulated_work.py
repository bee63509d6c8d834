"""Let simulated agents do tasks through the real queue, and measure what a policy costs.

Regret of a task: the best living agent's chance of success minus that of the agent that the policy
chose. Nobody could avoid the rest.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from runlore.agents.actions.registering import list_agents, register_agent, remove_agent
from runlore.agents.actions.routing import RoutingPolicy
from runlore.agents.actions.task_steps import complete_task, create_task, fail_task, lease_tasks
from runlore.agents.queries.registry import AgentFilter
from runlore.agents.queries.task_counts import TaskCounts, count_tasks
from runlore.agents.queries.task_rows import TaskRow
from runlore.agents.rules.registration import AgentProfile
from runlore.agents.rules.task import NewTask
from runlore.simulate.agents import TASK_TYPES, SimulatedAgents
from runlore.store.engine import Store

LEASE_S = 1.0
PAUSE_S = 0.2  # between two rounds of the last tasks
SLOTS = 4

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SimulatedWork:
    """regret, random: summed up to each task, by the policy and by any able agent at random.

    counts: how the tasks ended.
    """

    policy: RoutingPolicy
    regret: Floats
    random: Floats
    counts: TaskCounts

    @property
    def share(self) -> float:
        """Regret beside that of agents at random."""
        return float(self.regret[-1] / self.random[-1])


@dataclass
class _Crew:
    """The agents of one run, and the tasks so far. ids: in the order of the chances."""

    store: Store
    agents: SimulatedAgents
    ids: list[UUID]
    generator: np.random.Generator
    tasks: list[UUID] = field(default_factory=list)

    def work(self, agent: int, share: float) -> None:
        """One agent asks for tasks, and does them, each in its way."""
        death = self.agents.death_at(agent, share)
        if death == "gone":
            return
        tasks = lease_tasks(self.store, self.ids[agent], SLOTS)
        for task in tasks if death != "hangs" else ():
            self._end(task, agent, share)

    def _end(self, task: TaskRow, agent: int, share: float) -> None:
        chance = self.agents.chances_at(share)[agent, TASK_TYPES.index(task.type)]
        token = task.token or 0
        if self.generator.random() < chance:
            complete_task(self.store, task.id, token, {})
        else:
            fail_task(self.store, task.id, token, "it failed")


def simulate_work(
    store: Store,
    agents: SimulatedAgents,
    policy: RoutingPolicy,
    tasks: int,
    seed: int,
    clock: Callable[[], datetime],
    progress: Callable[[int, int], None] | None = None,
) -> SimulatedWork:
    """Register the agents, create the tasks one after the other, and wait until all have ended.

    Agents of an earlier run with the same policy are removed before. progress: gets how many tasks
    were created, and of how many.
    """
    crew = _Crew(store, agents, _register(store, agents, policy), np.random.default_rng(seed))
    regret, random = np.zeros(tasks), np.zeros(tasks)
    for number in range(tasks):
        share, kind = number / tasks, int(crew.generator.integers(len(TASK_TYPES)))
        chances = agents.chances_at(share)[:, kind]
        chosen = _add(store, crew, policy, TASK_TYPES[kind], number, clock())
        if chosen is not None:
            regret[number] = chances.max() - chances[chosen]
            crew.work(chosen, share)
        random[number] = chances.max() - chances.mean()
        if progress is not None:
            progress(number + 1, tasks)
    counts = _finish(crew)
    return SimulatedWork(policy, np.cumsum(regret), np.cumsum(random), counts)


def capability_of(policy: RoutingPolicy) -> str:
    """Agents of one policy do not take tasks of the other."""
    return f"demo-{policy}"


def _register(store: Store, agents: SimulatedAgents, policy: RoutingPolicy) -> list[UUID]:
    able = [capability_of(policy)]
    while True:
        earlier = list_agents(store, AgentFilter(capabilities=tuple(able))).agents
        if not earlier:
            break
        for row in earlier:
            remove_agent(store, row.id)
    return [
        register_agent(
            store,
            AgentProfile(
                f"demo {policy} {number + 1:02}", capabilities=able, max_concurrent_tasks=SLOTS
            ),
        ).id
        for number in range(len(agents.chances))
    ]


def _add(
    store: Store, crew: _Crew, policy: RoutingPolicy, kind: str, number: int, now: datetime
) -> int | None:
    """The agent that the policy chose; None: nobody had a free slot, and the task waits."""
    task = NewTask(
        kind,
        f"demo {policy} {number + 1}",
        required_capabilities=[capability_of(policy)],
        lease_s=LEASE_S,
    )
    made = create_task(store, task, now, assign_by=policy)
    crew.tasks.append(made.task.id)
    chosen = made.choice.chosen if made.choice is not None else None
    return None if chosen is None else crew.ids.index(chosen.agent_id)


def _finish(crew: _Crew) -> TaskCounts:
    """Living agents take what failed, hung or was never begun, until all has ended."""
    alive = [one for one in range(len(crew.ids)) if one not in crew.agents.deaths]
    while (counts := count_tasks(crew.store, crew.tasks)).open:
        for agent in alive:
            crew.work(agent, 1.0)
        time.sleep(PAUSE_S)
    return counts
