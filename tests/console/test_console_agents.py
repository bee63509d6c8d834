"""The pages of agents: who they are and what they have shown; tasks, and why they went there."""

from uuid import UUID, uuid4

import httpx
import pytest

from runlore.agents.actions.registering import find_agent, register_agent
from runlore.agents.actions.task_steps import (
    complete_task,
    create_task,
    fail_task,
    lease_tasks,
    list_tasks,
)
from runlore.agents.queries.health import add_evidence, quarantine
from runlore.agents.queries.task_rows import TaskFilter
from runlore.agents.rules.registration import AgentProfile
from runlore.agents.rules.task import NewTask
from runlore.kernel import instants
from runlore.store.engine import Store
from tests.console.conftest import form_token

AGENTS, TASKS = "/console/agents", "/console/agent-tasks"
NAME = "<b class=pwned>ann</b>"


@pytest.fixture
def agent(world: Store) -> UUID:
    """One that completed a task, failed at another, and has a third."""
    row = register_agent(world, AgentProfile(NAME, "generator", capabilities=["text"]))
    for at in range(3):
        task = NewTask("write", f"{NAME} {at}", required_capabilities=["text"], max_retries=0)
        create_task(world, task, instants.now(), assign_by="fixed")
    done, failed, _ = lease_tasks(world, row.id, 3)
    complete_task(world, done.id, done.token or 0, {})
    fail_task(world, failed.id, failed.token or 0, f"{NAME} was ill")
    return row.id


def test_without_agents_the_pages_say_how(console: httpx.Client) -> None:
    assert "No agent is registered yet" in console.get(AGENTS).text
    assert "No task is open" in console.get(TASKS).text
    assert console.get(f"{AGENTS}/{uuid4()}").status_code == 404
    assert console.get(f"{TASKS}/1").status_code == 422
    assert console.get(AGENTS, params={"type": "robot"}).status_code == 422


def test_an_agent_shows_its_load_and_its_skills(
    console: httpx.Client, world: Store, agent: UUID
) -> None:
    listed = console.get(AGENTS).text
    assert "1 agent: 1 active" in listed
    assert "1 of 10" in listed
    page = console.get(f"{AGENTS}/{agent}").text
    assert "50 % of 2 attempts completed" in page
    assert "What is it good at?" in page
    assert '"low": [0.09' in listed  # Wilson's ends of 1 of 2
    assert '"high": [0.90' in listed
    assert "<b class=pwned>" not in listed + page
    form = {"form_token": form_token(page), "actor": "bob", "state": "draining", "reason": "old"}
    answer = console.post(f"{AGENTS}/{agent}/state", data=form)
    assert answer.status_code == 303
    row = find_agent(world, agent)
    assert (row.state, row.state_reason) == ("draining", "old (bob)")
    refused = console.post(f"{AGENTS}/{agent}/state", data=form | {"state": "asleep"})
    assert refused.status_code == 422


def test_an_agent_in_quarantine_says_why(console: httpx.Client, world: Store, agent: UUID) -> None:
    assert "It was never in quarantine." in console.get(f"{AGENTS}/{agent}").text
    with world.connect() as connection:
        why = f"{NAME} answers wrong"
        quarantine(connection, agent, why)
        row = {"agent": agent, "kind": "quarantined", "task": None, "detail": why}
        add_evidence(connection, [row | {"weight": 3.0, "score": 14.0}])
    assert "1 agent: 1 quarantine" in console.get(AGENTS).text
    page = console.get(f"{AGENTS}/{agent}").text
    assert "It gets nothing but probes" in page
    assert "<b class=pwned>" not in page


def test_a_task_tells_what_happened_and_why_it_went_there(
    console: httpx.Client, world: Store, agent: UUID
) -> None:
    listed = console.get(TASKS).text
    assert "0 tasks wait, 1 is in progress" in listed
    assert "How long have open tasks waited?" in listed
    failed = task_that_is(world, "failed")
    page = console.get(f"{TASKS}/{failed}").text
    assert "was ill" in page
    assert "by the policy fixed" in page
    assert "Why did it go there?" in page
    assert "<b class=pwned>" not in listed + page
    opened = task_that_is(world, "in_progress")
    page = console.get(f"{TASKS}/{opened}").text
    assert "fencing token" in page
    form = {"form_token": form_token(page), "actor": "bob", "reason": "no use"}
    assert console.post(f"{TASKS}/{opened}/cancel", data=form).status_code == 303
    assert "no use (bob)" in console.get(f"{TASKS}/{opened}").text
    assert console.get(TASKS, params={"status": "cancelled"}).text.count("/console/agents/") > 0


def task_that_is(store: Store, status: str) -> UUID:
    [task] = list_tasks(store, TaskFilter(status=status))
    return task.id
