"""Advice as Prefect renews it each day, after the attempts of agents."""

import pytest

from flows.advice import renew_advice
from runlore import settings
from runlore.agents.actions.registering import register_agent
from runlore.agents.actions.task_steps import complete_task, create_task, lease_tasks
from runlore.agents.rules.registration import AgentProfile
from runlore.agents.rules.task import NewTask
from runlore.kernel import instants
from runlore.store.engine import open_store

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("home")
def test_attempts_are_recorded_and_subjects_are_searched() -> None:
    with open_store(settings.read()) as store:
        agent = register_agent(store, AgentProfile("ann")).id
        create_task(store, NewTask("write", "a post"), instants.now())
        [task] = lease_tasks(store, agent)
        complete_task(store, task.id, task.token or 0, {})
        found = renew_advice()
        assert (found["attempts"], found["scored"], found["advised"]) == (1, 0, 0)
        assert found["subjects"] >= 0
        assert renew_advice()["attempts"] == 0
