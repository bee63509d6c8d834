"""Routing by what agents have shown: learned from the queue, explored, and on the ledger."""

from collections import Counter
from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.agents.actions.registering import register_agent
from runlore.agents.actions.routing import RoutingRequest, choose_agent
from runlore.agents.actions.task_steps import (
    complete_task,
    create_task,
    fail_task,
    lease_tasks,
    tell_task,
)
from runlore.agents.rules.learned_score import (
    EXPLORED,
    FORGETTING,
    ShownSkill,
    on_time,
    posterior,
    sample_agents,
)
from runlore.agents.rules.registration import AgentProfile
from runlore.agents.rules.task import NewTask
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.store.engine import Store

counts = st.floats(0, 50)


def skill(number: int, successes: float = 0.0, failures: float = 0.0) -> ShownSkill:
    return ShownSkill(UUID(int=number), f"agent {number}", 0, 5, successes, failures)


@settings(max_examples=60)
@given(st.lists(st.tuples(counts, counts, counts, counts), min_size=1, max_size=8), st.integers(0))
def test_propensities_are_shares_and_nobody_is_shut_out(
    seen: list[tuple[float, float, float, float]], seed: int
) -> None:
    skills = [
        replace(skill(i, s, f), other_successes=a, other_failures=b)
        for i, (s, f, a, b) in enumerate(seen)
    ]
    sampled = sample_agents(skills, None, np.random.default_rng(seed))
    assert {one.agent_id for one in sampled} == {one.agent_id for one in skills}
    assert sum(one.propensity for one in sampled) == pytest.approx(1)
    assert min(one.propensity for one in sampled) >= EXPLORED / len(skills) - 1e-12
    assert all(0 <= one.chance <= 1 for one in sampled)
    a, b = posterior(skills)
    assert (a > 0).all()
    assert (b > 0).all()


def test_choices_are_as_frequent_as_their_propensities_say() -> None:
    skills = [skill(1, 6, 4), skill(2, 5, 5), skill(3)]
    chosen: Counter[UUID] = Counter()
    stated: Counter[UUID] = Counter()
    for seed in range(1500):
        sampled = sample_agents(skills, None, np.random.default_rng(seed))
        chosen[sampled[0].agent_id] += 1
        for one in sampled:
            stated[one.agent_id] += one.propensity  # type: ignore[assignment]
    for one in skills:
        spread = 4 * np.sqrt(1500 * 0.25)
        assert abs(chosen[one.agent_id] - stated[one.agent_id]) < spread


def test_who_succeeds_more_is_preferred_and_full_agents_are_left_out() -> None:
    good, bad = skill(1, 40, 2), skill(2, 5, 37)
    best = sample_agents([bad, good], None, np.random.default_rng(0))
    assert max(best, key=lambda one: one.propensity).agent_id == good.agent_id
    full = replace(good, in_hand=5)
    assert [one.agent_id for one in sample_agents([bad, full], None, np.random.default_rng(0))] == [
        bad.agent_id
    ]


def test_a_slow_agent_is_not_chosen_for_a_task_that_is_due_soon() -> None:
    hour, minute = np.log(3600), np.log(60)
    slow = replace(skill(1, 40, 0), log_s=40 * hour, log_s2=40 * hour**2)
    quick = replace(skill(2, 30, 10), log_s=30 * minute, log_s2=30 * minute**2)
    assert on_time(slow, 300) < 0.01
    assert on_time(quick, 300) > 0.99
    sampled = sample_agents([slow, quick], 300, np.random.default_rng(0))
    assert max(sampled, key=lambda one: one.propensity).agent_id == quick.agent_id


def test_an_agents_other_types_tell_of_this_one_where_types_are_alike() -> None:
    alike = [
        replace(skill(i, s, 10 - s), other_successes=4 * s, other_failures=40 - 4 * s)
        for i, s in enumerate([9.0, 5.0, 5.0, 2.0, 8.0, 4.0])
    ]
    new = replace(skill(9), other_successes=38.0, other_failures=2.0)
    a, b = posterior([*alike, new])
    mean = a / (a + b)
    assert mean[-1] > mean[1:4].max()


def test_what_the_queue_shows_is_learned_with_forgetting(store: Store) -> None:
    agent = register_agent(store, AgentProfile("ann", max_concurrent_tasks=9))
    register_agent(store, AgentProfile("bob"))
    expected, order = [0.0, 0.0], [True, False, True, True]
    for success in order:
        task = create_task(store, NewTask("write", "x", max_retries=0), instants.now()).task
        [leased] = lease_tasks(store, agent.id)
        if success:
            complete_task(store, task.id, leased.token or 0, {})
        else:
            fail_task(store, task.id, leased.token or 0, "no")
        expected = [FORGETTING * old for old in expected]
        expected[0 if success else 1] += 1
    with store.connect() as connection:
        [row] = connection.execute(
            "SELECT task_type, successes, failures FROM runlore.agent_skills"
        ).fetchall()
    assert row[0] == "write"
    assert row[1:] == pytest.approx(tuple(expected))
    request = RoutingRequest(task_type="write", policy="learned")
    considered = choose_agent(store, request).considered
    assert {one.name for one in considered} == {"ann", "bob"}
    created = create_task(store, NewTask("write", "y"), instants.now(), assign_by="learned")
    [routing] = tell_task(store, created.task.id).routings
    assert routing.policy == "learned"
    assert routing.propensity == pytest.approx(routing.candidates[0]["propensity"])
    assert 0 < (routing.propensity or 0) <= 1
    with pytest.raises(BadInput, match="policy"):
        choose_agent(store, replace(request, policy="best"))  # type: ignore[arg-type]
