"""Alive means "did a task": probes, quarantine and return, against a real PostgreSQL."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import text

from runlore.agents.actions.health_alerts import FALLEN_KIND, KIND, watch_alerts
from runlore.agents.actions.health_watch import HealthLook, watch_health
from runlore.agents.actions.probing import add_probe, read_health, read_overview, remove_probe
from runlore.agents.actions.registering import find_agent, register_agent
from runlore.agents.actions.routing import RoutingRequest, choose_agent
from runlore.agents.actions.task_steps import (
    assign_task,
    complete_task,
    create_task,
    fail_task,
    lease_tasks,
    list_tasks,
)
from runlore.agents.actions.workload import read_workload
from runlore.agents.queries.registry import AgentRow
from runlore.agents.queries.task_rows import TaskFilter, TaskRow
from runlore.agents.rules.health import (
    FALSE_ALARMS,
    OUTCOMES,
    HealthState,
    add_outcome,
    weight_of,
)
from runlore.agents.rules.probe import NewProbe
from runlore.agents.rules.registration import AgentProfile
from runlore.agents.rules.task import NewTask
from runlore.alerts.queries.anomalies import read_open
from runlore.kernel import instants
from runlore.kernel.errors import BadInput, Refused
from runlore.store.engine import Store

ADDS = NewProbe("adds", "sum", {"includes": {"sum": 4}}, ("math",), {"of": [2, 2]}, 10, 60)
Answer = Callable[[Store, TaskRow], Any]


def right(store: Store, task: TaskRow) -> None:
    complete_task(store, task.id, task.token or 0, {"sum": sum(task.input.get("of", []))})


def wrong(store: Store, task: TaskRow) -> None:
    complete_task(store, task.id, task.token or 0, {"sum": 5})


def refusing(store: Store, task: TaskRow) -> None:
    fail_task(store, task.id, task.token or 0, "405 Method Not Allowed", may_retry=False)


def silent(store: Store, task: TaskRow) -> None:
    return


def agent(store: Store, name: str) -> AgentRow:
    return register_agent(store, AgentProfile(name, capabilities=("math",)))


def turn_on(store: Store) -> None:
    """Nobody waits: what is due later is due now, and events are old enough to be read."""
    with store.begin() as connection:
        for change in (
            "agent_health SET next_probe_at = NULL",
            "agent_probe_runs SET due_at = now() - interval '1 s' WHERE verdict IS NULL",
            "agent_task_events SET at = at - interval '2 s'",
        ):
            connection.execute(text(f"UPDATE runlore.{change}"))


def look(store: Store, answers: dict[UUID, Answer]) -> HealthLook:
    """A look that sends probes, the agents' answers, and the look that judges them."""
    watch_health(store)
    for agent_id, answer in answers.items():
        for task in lease_tasks(store, agent_id, 10):
            answer(store, task)
    turn_on(store)
    return watch_health(store)


@pytest.mark.parametrize("broken", [wrong, refusing, silent])
def test_a_broken_agent_gets_nothing_but_probes_until_it_passes_them(store: Store, broken: Answer):
    add_probe(store, ADDS)
    good, bad = agent(store, "good"), agent(store, "bad")
    third = agent(store, "third")
    for _ in range(5):
        assert find_agent(store, bad.id).quarantined_at is None
        look(store, {good.id: right, third.id: right, bad.id: broken})
    assert find_agent(store, bad.id).quarantined_at is not None
    assert find_agent(store, good.id).quarantined_at is None
    choice = choose_agent(store, RoutingRequest(("math",)))
    assert bad.id not in {one.agent_id for one in choice.considered}
    task = create_task(store, NewTask("sum", "A sum"), instants.now()).task
    with pytest.raises(Refused):
        assign_task(store, task.id, bad.id)
    watch_alerts(store)
    health = read_health(store, bad.id, instants.now())
    assert health.is_quarantined
    assert [one.kind for one in health.evidence].count("quarantined") == 1
    with store.begin() as connection:
        assert [one.subject for one in read_open(connection, KIND)] == ["bad"]
    for _ in range(5):
        assert find_agent(store, bad.id).quarantined_at is not None
        look(store, {good.id: right, third.id: right, bad.id: right})
    assert find_agent(store, bad.id).quarantined_at is None
    watch_alerts(store)
    with store.begin() as connection:
        assert read_open(connection, KIND) == []


def test_probes_count_for_health_and_not_for_work(store: Store):
    add_probe(store, ADDS)
    one = agent(store, "one")
    look(store, {one.id: right})
    row = find_agent(store, one.id)
    assert (row.tasks_completed, row.tasks_failed, row.mean_duration_s) == (0, 0, None)
    assert list_tasks(store, TaskFilter()) == []
    assert read_workload(store).ended.completed == 0


def test_a_probe_that_most_agents_fail_is_at_fault_itself(store: Store):
    add_probe(store, ADDS)
    agents = [agent(store, name) for name in "abcd"]
    for _ in range(8):
        look(store, {one.id: wrong for one in agents})
    assert read_overview(store).quarantined == []


def test_real_failures_and_lost_leases_count_with_what_is_usual(store: Store):
    """An agent that always failed a tenth of its tasks and now fails all is taken out."""
    one, other = agent(store, "one"), agent(store, "other")
    watch_health(store)
    for number in range(60):
        create_task(store, NewTask("sum", "A sum", max_retries=0), instants.now())
        (task,) = lease_tasks(store, one.id)
        (refusing if number % 10 == 0 else right)(store, task)
    turn_on(store)
    assert watch_health(store).quarantined == []
    for _ in range(30):
        create_task(store, NewTask("sum", "A sum", max_retries=0), instants.now())
        for task in lease_tasks(store, one.id):
            refusing(store, task)
    turn_on(store)
    assert watch_health(store).quarantined == [one.id]
    watch_alerts(store)
    overview = read_overview(store)
    assert [(skill.agent_id, skill.task_type) for skill in overview.fallen] == [(one.id, "sum")]
    with store.begin() as connection:
        assert [row.subject for row in read_open(connection, FALLEN_KIND)] == ["one: sum"]
    assert find_agent(store, other.id).quarantined_at is None


def test_silence_while_the_service_was_away_is_no_evidence(store: Store):
    add_probe(store, ADDS)
    one = agent(store, "one")
    watch_health(store)
    with store.begin() as connection:
        past = "UPDATE runlore.agent_health_watermark SET looked_at = now() - interval '1 hour'"
        connection.execute(text(past))
    turn_on(store)
    watch_health(store)
    assert read_health(store, one.id, instants.now()).evidence == []


def test_false_quarantines_stay_below_the_stated_rate():
    """Agents that fail 2 % of probes, over as many as the rate is stated for."""
    generator = np.random.default_rng(5)
    fails = generator.random((100, OUTCOMES)) < 0.02
    up, down = (weight_of(0.0, is_failure=one) for one in (True, False))
    score, highest = np.zeros(100), np.zeros(100)
    for number in range(OUTCOMES):
        score = np.maximum(0, score + np.where(fails[:, number], up, down))
        highest = np.maximum(highest, score)
    assert (highest >= np.log(OUTCOMES / FALSE_ALARMS)).mean() <= FALSE_ALARMS
    state = HealthState()
    for failed in fails[0, :500]:
        state = add_outcome(state, up if failed else down, is_probe=True).state
    assert not state.is_quarantined


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({}, "empty"),
        ({"like": 1}, "unknown"),
        ({"includes": 4}, "no object"),
        ({"fields": "a"}, "no list"),
    ],
)
def test_a_wrong_rule_is_named(store: Store, rule: dict[str, Any], message: str):
    with pytest.raises(BadInput, match=message) as caught:
        add_probe(store, NewProbe("a", "sum", rule))
    assert caught.value.field == "rule"


def test_a_name_is_taken_once(store: Store):
    row = add_probe(store, ADDS)
    with pytest.raises(Refused, match="remove it first"):
        add_probe(store, ADDS)
    remove_probe(store, row.id)
    add_probe(store, ADDS)
