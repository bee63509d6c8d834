"""Simulated agents do tasks through the real queue; three of them die."""

import numpy as np
import pytest

from runlore.agents.actions.registering import list_agents
from runlore.agents.actions.simulated_work import capability_of, simulate_work
from runlore.agents.queries.registry import AgentFilter
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.simulate.agents import DEATHS, TASK_TYPES, SimulatedAgents, simulate_agents
from runlore.store.engine import Store


def test_the_best_of_each_type_dies() -> None:
    agents = simulate_agents(8, seed=1)
    assert sorted(agents.deaths.values()) == sorted(DEATHS)
    assert (agents.chances_at(0.3) == agents.chances).all()
    dead = list(agents.deaths)
    assert (agents.chances_at(0.4)[dead] == 0).all()
    best = agents.chances.argmax(axis=0)
    assert set(best) <= set(dead)
    with pytest.raises(BadInput, match="at least 6"):
        simulate_agents(5, seed=1)


def test_among_equal_agents_no_choice_is_regretted(store: Store) -> None:
    alike = SimulatedAgents(np.full((6, len(TASK_TYPES)), 1.0), {})
    work = simulate_work(store, alike, "fixed", 10, 1, instants.now)
    assert (work.regret[-1], work.counts.completed) == (0.0, 10)
    one_able = alike.chances.copy()
    one_able[1:] = 0.75
    work = simulate_work(store, SimulatedAgents(one_able, {}), "fixed", 10, 1, instants.now)
    assert set(np.diff(work.regret, prepend=0.0)) <= {0.0, 0.25}
    assert work.regret[0] == 0.0  # of equal scores the first name is chosen, which is the able one


def test_every_task_ends_though_agents_die_and_regret_is_that_of_the_choices(
    store: Store,
) -> None:
    agents, tasks = simulate_agents(6, seed=3), 40
    simulate_work(store, agents, "learned", 1, 3, instants.now)  # its agents are removed
    work = simulate_work(store, agents, "learned", tasks, 3, instants.now)
    assert work.counts.open == 0
    assert work.counts.completed + work.counts.failed == tasks
    assert work.counts.retries > 0
    assert (np.diff(work.regret) >= 0).all()
    most = agents.chances.max() * tasks
    assert 0 < work.regret[-1] < most
    named = list_agents(store, AgentFilter(capabilities=(capability_of("learned"),))).agents
    assert len(named) == 6
