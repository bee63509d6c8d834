"""Attempts at tasks become executions, each once."""

from typing import Any

from runlore.agents.actions.recording import record_attempts
from runlore.agents.actions.registering import change_agent, register_agent, remove_agent
from runlore.agents.actions.task_steps import (
    EMA_WEIGHT,
    cancel_task,
    complete_task,
    create_task,
    fail_task,
    lease_tasks,
    list_tasks,
)
from runlore.agents.queries.leases import COMPLETE
from runlore.agents.queries.task_rows import TaskFilter, note_lines
from runlore.agents.rules.learned_score import FORGETTING
from runlore.agents.rules.registration import AgentProfile
from runlore.agents.rules.task import NewTask
from runlore.kernel import instants
from runlore.store.engine import Store

RECORDED = """
SELECT actor, kind, scope, status, inputs->>'priority', inputs->>'attempt',
 finished >= started AND started >= submitted
FROM runlore.executions WHERE source = 'agents' ORDER BY source_id
"""


def recorded(store: Store) -> list[tuple[Any, ...]]:
    with store.connect() as connection:
        return sorted(connection.execute(RECORDED).fetchall())


def test_each_attempt_is_an_execution_once(store: Store) -> None:
    agent = register_agent(store, AgentProfile("ann", max_concurrent_tasks=9)).id
    for kind in ("write", "draw", "read", "wait"):
        task = NewTask(kind, kind, priority="high", max_retries=1)
        create_task(store, task, instants.now())
    by_type = {task.type: task for task in lease_tasks(store, agent, 4)}
    done, failed, given_up = (by_type[kind] for kind in ("write", "draw", "read"))
    complete_task(store, done.id, done.token or 0, {})
    fail_task(store, failed.id, failed.token or 0, "ink")
    cancel_task(store, failed.id, "no use")  # after its attempt has failed
    cancel_task(store, given_up.id, "no use")
    summary = record_attempts(store, instants.now())
    assert (summary.new, summary.rejected) == (3, 0)
    assert recorded(store) == [
        ("ann", "draw", "agents", "failed", "high", "1", True),
        ("ann", "read", "agents", "cancelled", "high", "1", True),
        ("ann", "write", "agents", "succeeded", "high", "1", True),
    ]
    assert record_attempts(store, instants.now()).new == 0
    last = by_type["wait"]
    complete_task(store, last.id, last.token or 0, {})
    assert record_attempts(store, instants.now()).new == 1
    assert len(recorded(store)) == 4


def test_a_log_line_hides_no_attempt_and_a_new_name_changes_none(store: Store) -> None:
    agent = register_agent(store, AgentProfile("eve")).id
    create_task(store, NewTask("log", "log"), instants.now())
    (task,) = lease_tasks(store, agent, 1)
    note_lines(store, task, ["half done"])
    complete_task(store, task.id, task.token or 0, {})
    assert record_attempts(store, instants.now()).new == 1
    before = recorded(store)
    change_agent(store, agent, AgentProfile("eva"))
    assert record_attempts(store, instants.now()).new == 0
    remove_agent(store, agent)
    assert record_attempts(store, instants.now()).new == 0
    assert recorded(store) == before


def test_an_end_that_is_committed_late_is_recorded_next_time(store: Store) -> None:
    for name in ("slow", "quick"):  # of two agents: their rows are locked apart
        agent = register_agent(store, AgentProfile(name, capabilities=[name])).id
        task = NewTask(name, name, required_capabilities=[name])
        create_task(store, task, instants.now())
        lease_tasks(store, agent, 1)
    by_type = {task.type: task for task in list_tasks(store, TaskFilter())}
    late, early = by_type["slow"], by_type["quick"]
    with store.connect() as connection:
        values = {"task": late.id, "token": late.token, "output": "{}"}
        values |= {"weight": EMA_WEIGHT, "forgetting": FORGETTING}
        connection.execute(COMPLETE, values)
        complete_task(store, early.id, early.token or 0, {})
        assert record_attempts(store, instants.now()).new == 1
    assert record_attempts(store, instants.now()).new == 1
    assert [row[0] for row in recorded(store)] == ["quick", "slow"]
