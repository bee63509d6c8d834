"""What a policy would have been worth, from the choices of another one."""

from datetime import timedelta

import numpy as np
import pytest

from runlore.agents.actions.policy_values import compare_values
from runlore.agents.actions.registering import register_agent
from runlore.agents.actions.routing import RoutingPolicy
from runlore.agents.actions.task_steps import (
    cancel_task,
    complete_task,
    create_task,
    fail_task,
    lease_tasks,
    tell_task,
)
from runlore.agents.rules.policy_value import (
    MIN_CHOICES,
    LoggedAgent,
    LoggedChoice,
    estimate_value,
)
from runlore.agents.rules.registration import AgentProfile
from runlore.agents.rules.task import NewTask
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.store.engine import Store

CHANCES, LOGGED, TARGET = (0.9, 0.5, 0.2), (0.2, 0.2, 0.6), (0.7, 0.3, 0.0)


def ledger(
    generator: np.random.Generator, predicted: tuple[float, ...], size: int
) -> list[LoggedChoice]:
    choices = []
    for _ in range(size):
        agents = [LoggedAgent(*one) for one in zip(LOGGED, TARGET, predicted, strict=True)]
        chosen = int(generator.choice(3, p=LOGGED))
        agents.insert(0, agents.pop(chosen))
        choices.append(LoggedChoice(agents, bool(generator.random() < CHANCES[chosen])))
    return choices


@pytest.mark.parametrize("predicted", [CHANCES, (0.5, 0.5, 0.5), (0.1, 0.9, 0.9)])
def test_the_interval_holds_the_true_value_also_where_predictions_are_wrong(
    predicted: tuple[float, ...],
) -> None:
    true = sum(p * c for p, c in zip(TARGET, CHANCES, strict=True))
    held = []
    for seed in range(100):
        value = estimate_value("x", ledger(np.random.default_rng(seed), predicted, 300))
        assert value.low is not None
        assert value.high is not None
        assert value.high - value.low < 0.5
        held.append(value.low <= true <= value.high)
    assert np.mean(held) >= 0.88


def test_what_cannot_be_known_is_said_to_be_unknown() -> None:
    few = estimate_value("x", ledger(np.random.default_rng(0), CHANCES, MIN_CHOICES - 1))
    assert (few.value, few.low) == (None, None)
    one_sided = [
        LoggedChoice([LoggedAgent(1.0, 0.3, 0.5), LoggedAgent(0.0, 0.7, 0.5)], is_success=True)
    ] * 200
    value = estimate_value("x", one_sided)
    assert value.value is None
    assert "could not be made" in value.reason


def test_the_ledger_has_what_each_policy_would_have_chosen(store: Store) -> None:
    ids = {
        register_agent(store, AgentProfile(name, max_concurrent_tasks=99)).id: name
        for name in ("ann", "bob")
    }
    for agent in ids:
        lease_tasks(store, agent)
    for number in range(MIN_CHOICES + 1):
        task = create_task(
            store, NewTask("write", "x", max_retries=0), instants.now(), assign_by="learned"
        ).task
        [routing] = tell_task(store, task.id).routings
        assert routing.candidates[0]["agent_id"] == str(task.agent_id)
        assert sum(one["fixed"] for one in routing.candidates) == 1
        assert sum(one["learned"] for one in routing.candidates) == pytest.approx(1, abs=1e-4)
        assert task.agent_id is not None
        [leased] = lease_tasks(store, task.agent_id)
        if number == 0:
            cancel_task(store, task.id, "")
        elif ids[task.agent_id] == "ann":
            complete_task(store, task.id, leased.token or 0, {})
        else:
            fail_task(store, task.id, leased.token or 0, "no")
    now = instants.now()
    found = compare_values(store, now)
    assert found.choices == MIN_CHOICES  # not the cancelled one
    learned = {one.policy: one for one in found.policies}["learned"]
    assert (learned.value or 0) > 0.5
    assert compare_values(store, now - timedelta(hours=1)).choices == 0
    with pytest.raises(BadInput, match="window_d"):
        compare_values(store, now, -1)


@pytest.mark.parametrize("policy", ["fixed", "learned"])
def test_the_ledger_has_chances_and_draws_whoever_chose(
    store: Store, policy: RoutingPolicy
) -> None:
    good, bad = (register_agent(store, AgentProfile(name)).id for name in ("good", "bad"))
    for agent in (good, bad):
        for _ in range(6):
            create_task(store, NewTask("write", "x", max_retries=0), instants.now())
            [task] = lease_tasks(store, agent)
            if agent == good:
                complete_task(store, task.id, task.token or 0, {})
            else:
                fail_task(store, task.id, task.token or 0, "no")
    made = create_task(store, NewTask("write", "x"), instants.now(), assign_by=policy).task
    [routing] = tell_task(store, made.id).routings
    shown = {one["agent_id"]: one for one in routing.candidates}
    assert 0.6 < shown[str(good)]["chance"] <= 1
    assert 0 <= shown[str(bad)]["chance"] < 0.4
    assert shown[str(good)]["learned"] > 0.9
    assert sum(one["learned"] for one in routing.candidates) == pytest.approx(1, abs=1e-4)
    assert (shown[str(good)]["fixed"], shown[str(bad)]["fixed"]) == (1.0, 0.0)
