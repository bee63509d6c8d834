"""A task is split into parts, waits without a slot, and comes back when all have ended."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from runlore.agents.actions.registering import register_agent
from runlore.agents.actions.splitting import MAX_DEPTH, split_task
from runlore.agents.actions.task_steps import (
    cancel_task,
    complete_task,
    create_task,
    fail_task,
    find_task,
    lease_tasks,
    list_tasks,
    tell_task,
)
from runlore.agents.queries.task_rows import TaskFilter, TaskRow
from runlore.agents.rules.registration import AgentProfile
from runlore.agents.rules.task import NewTask
from runlore.kernel import instants
from runlore.kernel.errors import BadInput, Refused
from runlore.store.engine import Store

PART = NewTask("write", "a part", max_retries=0)


def begin(store: Store, agent: UUID) -> TaskRow:
    [row] = lease_tasks(store, agent)
    return row


def split(store: Store, row: TaskRow, parts: int = 3) -> list[TaskRow]:
    done = split_task(store, row.id, row.token or 0, [PART] * parts, instants.now())
    return list(done.parts)


def test_a_split_task_waits_without_a_slot_and_is_leased_again_with_its_parts(store: Store) -> None:
    [ann, bob] = [register_agent(store, AgentProfile(name)).id for name in ("ann", "bob")]
    whole = create_task(store, NewTask("plan", "all", max_retries=0), instants.now()).task
    first = begin(store, ann)
    parts = split(store, first)
    assert {part.parent_id for part in parts} == {whole.id}
    assert split_task(store, whole.id, first.token or 0, [PART], instants.now()).parts == ()
    one, two = begin(store, ann), begin(store, bob)  # ann's only slot is free
    complete_task(store, one.id, one.token or 0, {"text": "x"})
    fail_task(store, two.id, two.token or 0, "no")
    assert (find_task(store, whole.id).status, find_task(store, whole.id).waits_for) == (
        "pending",
        1,
    )
    with pytest.raises(Refused, match="lease was lost"):
        complete_task(store, whole.id, first.token or 0, {})
    [left] = [part for part in parts if part.id not in {one.id, two.id}]
    cancel_task(store, left.id, "")
    again = begin(store, bob)
    assert (again.id, again.attempts) == (whole.id, 1)
    assert (again.token or 0) > (first.token or 0)
    ended = list_tasks(store, TaskFilter(parent_id=whole.id))
    assert sorted(row.status for row in ended) == ["cancelled", "completed", "failed"]
    complete_task(store, whole.id, again.token or 0, {})
    assert "split" in [event.event for event in tell_task(store, whole.id).events]


def test_parts_that_end_at_once_free_their_task(store: Store) -> None:
    ann = register_agent(store, AgentProfile("ann", max_concurrent_tasks=50)).id
    for _ in range(5):
        create_task(store, NewTask("plan", "all"), instants.now())
    for row in lease_tasks(store, ann, 5):
        split(store, row, 8)
    leased = lease_tasks(store, ann, 40)
    assert len(leased) == 40
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda row: complete_task(store, row.id, row.token or 0, {}), leased))
    assert {row.type for row in lease_tasks(store, ann, 10)} == {"plan"}
    assert len(list_tasks(store, TaskFilter(type="plan", status="in_progress"))) == 5


def test_wrong_parts_change_nothing_and_parts_of_parts_have_an_end(store: Store) -> None:
    ann = register_agent(store, AgentProfile("ann", max_concurrent_tasks=50)).id
    create_task(store, PART, instants.now())
    row = begin(store, ann)
    lost = NewTask("write", "x", depends_on=(UUID(int=1),))
    with pytest.raises(BadInput, match="depends_on"):
        split_task(store, row.id, row.token or 0, [PART, lost], instants.now())
    assert find_task(store, row.id).status == "in_progress"
    assert list_tasks(store, TaskFilter(parent_id=row.id)) == []
    with pytest.raises(BadInput, match="tasks"):
        split_task(store, row.id, row.token or 0, [], instants.now())
    for _ in range(MAX_DEPTH - 1):
        split(store, row, 1)
        row = begin(store, ann)
    with pytest.raises(Refused, match="deep"):
        split(store, row, 1)
