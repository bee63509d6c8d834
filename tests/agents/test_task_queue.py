"""One task, one owner: the queue of agents, against a real PostgreSQL."""

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from random import Random
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from runlore.agents.actions import messaging
from runlore.agents.actions.messaging import read_message, receive_messages, send_message
from runlore.agents.actions.registering import (
    change_agent,
    find_agent,
    hear_of_agent,
    list_agents,
    register_agent,
    remove_agent,
    set_agent_state,
)
from runlore.agents.actions.task_steps import (
    assign_task,
    cancel_task,
    complete_task,
    create_task,
    end_leases,
    fail_task,
    find_task,
    lease_tasks,
    list_tasks,
    renew_lease,
    tell_task,
)
from runlore.agents.queries.messages import NewMessage
from runlore.agents.queries.registry import AgentFilter, AgentRow
from runlore.agents.queries.task_rows import TaskFilter, TaskRow
from runlore.agents.rules.fixed_score import AgentRecord, score_agents
from runlore.agents.rules.registration import AgentProfile
from runlore.agents.rules.task import NewTask
from runlore.kernel import instants
from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.store.engine import Store

WRITE = NewTask("write", "Write a post", required_capabilities=("text",))


def add(store: Store, task: NewTask = WRITE) -> TaskRow:
    return create_task(store, task, instants.now()).task


def add_agent(store: Store, name: str = "ann", words: Sequence[str] = ("text",)) -> AgentRow:
    return register_agent(store, AgentProfile(name, capabilities=words))


def age_lease(store: Store, task_id: UUID) -> None:
    """The lease's end lies in the past."""
    with store.begin() as connection:
        late = "UPDATE runlore.agent_tasks SET lease_until = now() - interval '1 s' WHERE id = :id"
        connection.execute(text(late), {"id": task_id})


def end_pauses(store: Store) -> None:
    with store.begin() as connection:
        connection.execute(text("UPDATE runlore.agent_tasks SET available_at = now()"))


def test_a_task_goes_from_the_queue_to_an_agent_and_is_completed(store: Store):
    agent, task = add_agent(store), add(store)
    (leased,) = lease_tasks(store, agent.id)
    assert (leased.id, leased.status, leased.attempts) == (task.id, "in_progress", 1)
    done = complete_task(store, task.id, leased.token or 0, {"text": "Hello"})
    assert (done.status, done.output) == ("completed", {"text": "Hello"})
    assert complete_task(store, task.id, leased.token or 0, {"text": "again"}).output == done.output
    row = find_agent(store, agent.id)
    assert (row.tasks_completed, row.tasks_failed, row.in_hand) == (1, 0, 0)
    assert row.mean_duration_s is not None
    story = tell_task(store, task.id)
    assert [event.event for event in story.events] == ["created", "leased", "completed"]


def test_an_agent_that_lost_its_lease_changes_nothing(store: Store):
    slow, quick, task = add_agent(store, "slow"), add_agent(store, "quick"), add(store)
    (first,) = lease_tasks(store, slow.id)
    age_lease(store, task.id)
    assert end_leases(store) == 1
    assert "no heartbeat" in (find_task(store, task.id).failure or "")
    end_pauses(store)
    (second,) = lease_tasks(store, quick.id)
    assert (second.token or 0) > (first.token or 0)
    for step in (renew_lease, lambda *args: complete_task(*args, {})):
        with pytest.raises(Refused, match="not that of the present lease"):
            step(store, task.id, first.token or 0)
    with pytest.raises(Refused, match="lost"):
        fail_task(store, task.id, first.token or 0, "too late")
    assert complete_task(store, task.id, second.token or 0, {}).status == "completed"
    assert find_agent(store, slow.id).tasks_failed == 1


def test_a_silent_agents_task_comes_back_although_the_queue_is_long(store: Store):
    silent, busy = add_agent(store, "silent"), add_agent(store, "busy")
    first = add(store)
    lease_tasks(store, silent.id)
    for _ in range(6):
        add(store)
    age_lease(store, first.id)
    assert [row.id for row in lease_tasks(store, busy.id)] != [first.id]
    assert find_task(store, first.id).status == "pending"
    end_pauses(store)
    assert [row.id for row in lease_tasks(store, busy.id)] == [first.id]


def test_a_failed_attempt_waits_longer_each_time_and_ends_for_good(store: Store):
    agent, task = add_agent(store), add(store, replace(WRITE, max_retries=2))
    pauses = []
    for attempt in range(1, 4):
        (leased,) = lease_tasks(store, agent.id)
        failed = fail_task(store, task.id, leased.token or 0, "no luck")
        pauses.append((failed.available_at - failed.updated_at).total_seconds())
        assert failed.status == ("pending" if attempt < 3 else "failed")
        assert lease_tasks(store, agent.id) == []
        end_pauses(store)
    assert 1.0 <= pauses[0] <= 2.01
    assert 2.0 <= pauses[1] <= 4.01
    assert find_task(store, task.id).failure == "no luck"
    events = [event.event for event in tell_task(store, task.id).events]
    assert events == ["created", "leased", "retried", "leased", "retried", "leased", "failed"]


def test_urgent_tasks_come_first_and_none_starves(store: Store):
    agent = add_agent(store)
    low = add(store, replace(WRITE, priority="low"))
    critical = add(store, replace(WRITE, priority="critical"))
    soon = instants.now() + timedelta(seconds=30)
    due = add(store, replace(WRITE, priority="low", deadline=soon))
    assert [row.id for row in lease_tasks(store, agent.id, 3)] == [critical.id, due.id, low.id]
    # A low task that has waited for an hour comes before a critical one of now.
    old, new = add(store, replace(WRITE, priority="low")), add(store, replace(WRITE))
    with store.begin() as connection:
        earlier = "UPDATE runlore.agent_tasks SET due_at = due_at - interval '1 h' WHERE id = :id"
        connection.execute(text(earlier), {"id": old.id})
    assert [row.id for row in lease_tasks(store, agent.id, 2)] == [old.id, new.id]


def test_a_task_waits_for_those_that_it_depends_on(store: Store):
    agent, first, other = add_agent(store), add(store), add(store)
    last = add(store, replace(WRITE, name="last", depends_on=(first.id, other.id)))
    tail = add(store, replace(WRITE, name="tail", depends_on=(last.id,)))
    assert (last.waits_for, tail.waits_for) == (2, 1)
    leased = lease_tasks(store, agent.id, 10)
    assert {row.id for row in leased} == {first.id, other.id}
    for row in leased:
        complete_task(store, row.id, row.token or 0, {})
    (next_one,) = lease_tasks(store, agent.id, 10)
    assert next_one.id == last.id
    fail_task(store, last.id, next_one.token or 0, "wrong input", may_retry=False)
    lost = find_task(store, tail.id)
    assert (lost.status, lost.failure) == (
        "failed",
        "a task that it depends on failed or was cancelled",
    )
    with pytest.raises(BadInput, match="has failed"):
        add(store, replace(WRITE, depends_on=(last.id,)))
    after = add(store, replace(WRITE, depends_on=(first.id,)))
    assert after.waits_for == 0


def test_the_same_idempotency_key_is_the_same_task(store: Store):
    task = replace(WRITE, idempotency_key="post-7")
    first, second = (create_task(store, task, instants.now()) for _ in range(2))
    assert (first.is_new, second.is_new) == (True, False)
    assert first.task.id == second.task.id
    with pytest.raises(Refused, match="idempotency_key"):
        create_task(store, replace(task, name="Another"), instants.now())


def test_a_task_is_assigned_to_the_best_agent_which_must_begin_in_time(store: Store):
    add_agent(store, "painter", ["image"])
    agent = add_agent(store)
    created = create_task(store, WRITE, instants.now(), assign_by="fixed")
    assert created.choice is not None
    assert (created.task.status, created.task.agent_id) == ("assigned", agent.id)
    assert created.choice.reason in tell_task(store, created.task.id).routings[0].reason
    assert find_agent(store, agent.id).in_hand == 1
    age_lease(store, created.task.id)
    assert end_leases(store) == 1
    back = find_task(store, created.task.id)
    assert (back.status, back.attempts) == ("pending", 0)
    assign_task(store, back.id, agent.id)
    assert lease_tasks(store, agent.id)[0].id == back.id


def test_nobody_gets_a_task_that_he_cannot_do(store: Store):
    painter, task = add_agent(store, "painter", ["image"]), add(store)
    assert lease_tasks(store, painter.id) == []
    with pytest.raises(Refused, match="required capabilities"):
        assign_task(store, task.id, painter.id)
    created = create_task(store, WRITE, instants.now(), assign_by="fixed")
    assert created.task.status == "pending"
    assert created.choice is not None
    assert created.choice.reason == "no active agent with a free slot has text"


def test_draining_agents_finish_and_those_in_maintenance_get_nothing(store: Store):
    agent, task = add_agent(store), add(store)
    assign_task(store, task.id, agent.id)
    add(store)
    set_agent_state(store, agent.id, "draining", "new version")
    leased = lease_tasks(store, agent.id, 10)
    assert [row.id for row in leased] == [task.id]
    fail_task(store, task.id, leased[0].token or 0, "moved", may_retry=True)
    set_agent_state(store, agent.id, "maintenance", "disk")
    end_pauses(store)
    assert lease_tasks(store, agent.id, 10) == []


def test_an_agent_never_has_more_tasks_than_slots(store: Store):
    agent = register_agent(
        store, AgentProfile("two", capabilities=("text",), max_concurrent_tasks=2)
    )
    for _ in range(8):
        add(store)
    with ThreadPoolExecutor(6) as threads:
        rows = list(threads.map(lambda _: lease_tasks(store, agent.id, 2), range(6)))
    assert sum(map(len, rows)) == 2
    assert find_agent(store, agent.id).in_hand == 2


def test_an_agent_that_has_fewer_slots_now_begins_no_more_of_its_assigned_tasks(store: Store):
    agent = register_agent(
        store, AgentProfile("two", capabilities=("text",), max_concurrent_tasks=2)
    )
    for _ in range(2):
        assign_task(store, add(store).id, agent.id)
    change_agent(
        store, agent.id, AgentProfile("two", capabilities=("text",), max_concurrent_tasks=1)
    )
    assert len(lease_tasks(store, agent.id, 2)) == 1


def test_messages_of_many_senders_are_numbered_in_the_order_of_their_commits(store: Store):
    """A reader that goes on from the last number misses none, whoever commits first."""
    senders, reader = [add_agent(store, f"s{i}") for i in range(4)], add_agent(store, "reader")
    done = threading.Event()
    received: list[int] = []

    def send(sender: AgentRow) -> None:
        for number in range(25):
            message = NewMessage(sender.id, reader.id, "note", str(number), {})
            send_message(store, message)

    def read() -> None:
        while not (done.is_set() and len(received) >= 100):
            after = received[-1] if received else 0
            received.extend(row.id for row in receive_messages(store, reader.id, after))
            if done.is_set() and not receive_messages(store, reader.id, received[-1]):
                return

    reading = threading.Thread(target=read)
    reading.start()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(send, senders))
    done.set()
    reading.join()
    assert len(received) == len(set(received)) == 100


def test_an_agent_that_does_not_read_gets_no_more(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(messaging, "MAX_WAITING", 2)
    ann, bob = add_agent(store), add_agent(store, "bob")
    message = NewMessage(ann.id, bob.id, "note", "hi", {})
    sent = [send_message(store, message) for _ in range(2)]
    with pytest.raises(Refused, match="2 unread"):
        send_message(store, message)
    first = sent[0].message
    assert first is not None
    read_message(store, bob.id, first.public_id)
    assert send_message(store, message).is_new


def test_the_fixed_score_is_the_sum_of_its_five_parts():
    record = AgentRecord(uuid4(), "a", frozenset({"text"}), 2, 8, 30, 10, 61.0)
    [scored] = score_agents([record], frozenset({"text"}))
    assert scored.score == 30 + 25 * 0.75 + 20 * 0.75 + 15 * 0.75 + 5
    assert score_agents([record], frozenset({"image"})) == []
    assert score_agents([replace(record, in_hand=8)], frozenset()) == []
    [fresh] = score_agents([replace(record, unseen_s=59.0)], frozenset())
    assert fresh.score == scored.score + 5


def test_a_removed_agents_task_comes_back(store: Store):
    gone, task = add_agent(store, "gone"), add(store)
    lease_tasks(store, gone.id)
    remove_agent(store, gone.id)
    with pytest.raises(NotFound):
        hear_of_agent(store, gone.id)
    with pytest.raises(NotFound, match="register it"):
        lease_tasks(store, gone.id)
    age_lease(store, task.id)
    end_leases(store)
    end_pauses(store)
    again = add_agent(store, "gone")
    assert [row.id for row in lease_tasks(store, again.id)] == [task.id]


def test_cancelled_and_late_tasks_end(store: Store):
    agent, task = add_agent(store), add(store)
    (leased,) = lease_tasks(store, agent.id)
    assert cancel_task(store, task.id, "not needed").status == "cancelled"
    assert cancel_task(store, task.id, "again").failure == "not needed"
    with pytest.raises(Refused, match="has cancelled already"):
        complete_task(store, task.id, leased.token or 0, {})
    late = add(store, replace(WRITE, deadline=instants.now() + timedelta(seconds=60)))
    with store.begin() as connection:
        past = "UPDATE runlore.agent_tasks SET deadline = now() - interval '1 s' WHERE id = :id"
        connection.execute(text(past), {"id": late.id})
    end_leases(store)
    assert find_task(store, late.id).failure == "the deadline passed before it was done"


@pytest.mark.parametrize(
    ("task", "field"),
    [
        (replace(WRITE, type=" "), "task_type"),
        (replace(WRITE, priority="urgent"), "priority"),  # type: ignore[arg-type]
        (replace(WRITE, lease_s=0.1), "lease_s"),
        (replace(WRITE, max_retries=-1), "max_retries"),
        (replace(WRITE, required_capabilities=("a b",)), "required_capabilities"),
        (replace(WRITE, depends_on=(uuid4(),)), "depends_on"),
        (replace(WRITE, parent_id=uuid4()), "parent_id"),
    ],
)
def test_a_wrong_field_is_named(store: Store, task: NewTask, field: str):
    with pytest.raises(BadInput, match=field) as caught:
        add(store, task)
    assert caught.value.field == field
    assert list_tasks(store, TaskFilter()) == []


def test_agents_are_listed_by_type_capability_and_page(store: Store):
    for number in range(5):
        profile = AgentProfile(f"a{number}", "reviewer" if number % 2 else "custom")
        register_agent(store, replace(profile, capabilities=("text",) if number else ()))
    assert [row.name for row in list_agents(store, AgentFilter(type="reviewer")).agents] == [
        "a1",
        "a3",
    ]
    page = list_agents(store, AgentFilter(capabilities=("text",), limit=2))
    assert page.next_after == "a2"
    rest = list_agents(store, AgentFilter(capabilities=("text",), limit=2, after="a2"))
    assert [row.name for row in rest.agents] == ["a3", "a4"]
    with pytest.raises(Refused, match="choose another name"):
        add_agent(store, "a0")


def test_many_workers_that_die_do_each_task_once(store: Store):
    """Workers stop half-way, come too late and go on: each effect is counted by its token."""
    tasks = [add(store, replace(WRITE, name=str(number), max_retries=50)) for number in range(60)]
    effects: Counter[UUID] = Counter()
    highest: dict[UUID, int] = {}
    lock = threading.Lock()

    def receive(task: TaskRow) -> bool:
        with lock:
            if highest.get(task.id, 0) >= (task.token or 0):
                return False
            highest[task.id] = task.token or 0
            return True

    def work(seed: int) -> None:
        fate_of, agent = Random(seed), add_agent(store, f"worker {seed}")  # noqa: S311
        for _ in range(400):
            if all(find_task(store, one.id).status == "completed" for one in tasks[:: len(tasks)]):
                remaining = list_tasks(store, TaskFilter(status="completed"))
                if len(remaining) == len(tasks):
                    return
            for task in lease_tasks(store, agent.id, 3):
                fate = fate_of.random()
                if fate < 0.2:
                    age_lease(store, task.id)  # it died
                    continue
                if fate < 0.3:
                    age_lease(store, task.id)  # it slept, and goes on
                    end_leases(store)
                if not receive(task):
                    continue
                try:
                    complete_task(store, task.id, task.token or 0, {})
                except Refused:
                    continue
                with lock:
                    effects[task.id] += 1
            end_pauses(store)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    assert {one.id: 1 for one in tasks} == effects
