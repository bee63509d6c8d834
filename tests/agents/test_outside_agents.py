"""Agents of others: registered by their cards, and sent tasks by A2A and MCP.

The other side is made with the official SDKs.
"""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from runlore.agents.actions.dispatching import DispatchPolicy, dispatcher, visit_agents
from runlore.agents.actions.outside_cards import profile_by_card, read_card_again
from runlore.agents.actions.registering import find_agent, register_agent
from runlore.agents.actions.task_steps import cancel_task, create_task, find_task
from runlore.agents.delivery.outside import OutsideLimits
from runlore.agents.queries.registry import AgentRow
from runlore.agents.queries.task_rows import TaskRow
from runlore.agents.rules.a2a.outside_card import read_outside_card
from runlore.agents.rules.registration import AgentProfile, check_profile
from runlore.agents.rules.task import NewTask
from runlore.kernel import instants
from runlore.kernel.errors import BadInput, Unavailable
from runlore.store.engine import Store
from tests.agents.outside_server import OutsideWorld, outside_world

HERE = OutsideLimits(allows_private=True)
POLICY = DispatchPolicy(HERE, attempt_s=20.0)


@pytest.fixture(scope="module")
def outside() -> Iterator[OutsideWorld]:
    with outside_world() as world:
        yield world


def writer(store: Store, outside: OutsideWorld, **own: Any) -> AgentRow:
    url = f"{outside.base}/.well-known/agent-card.json"
    return register_agent(store, profile_by_card(url, own, HERE))


def tool(store: Store, outside: OutsideWorld, name: str = "count_words") -> AgentRow:
    profile = AgentProfile(
        name, capabilities=["count"], way="mcp", address=f"{outside.base}/mcp", tool=name
    )
    return register_agent(store, profile)


def add(store: Store, text: str, word: str = "text", **more: Any) -> TaskRow:
    task = NewTask("write", text, required_capabilities=(word,), input={"text": text}, **more)
    return create_task(store, task, instants.now()).task


def dispatched(store: Store, policy: DispatchPolicy = POLICY) -> tuple[int, int, int]:
    done = dispatcher(store, policy, 4).run(until_idle=True)
    return done.completed, done.failed, done.lost


def test_a_card_registers_an_agent_and_its_tasks_go_there(
    store: Store, outside: OutsideWorld
) -> None:
    row = writer(store, outside)
    assert (row.name, row.version, row.way) == ("Outside Writer", "2.1.0", "a2a")
    assert (row.capabilities, row.address) == (["text"], f"{outside.base}/rpc")
    outside.tokens.clear()
    tasks = [add(store, f"post {number}") for number in range(3)]
    assert dispatched(store) == (3, 0, 0)
    rows = [find_task(store, one.id) for one in tasks]
    assert [one.output for one in rows] == [{"text": f"post {n} done"} for n in range(3)]
    assert sorted(outside.tokens) == sorted(one.token or 0 for one in rows)
    assert find_agent(store, row.id).tasks_completed == 3


def test_a_tool_of_an_mcp_server_does_tasks(store: Store, outside: OutsideWorld) -> None:
    row = tool(store, outside)
    good, bad = add(store, "a b c", "count"), add(store, "fail", "count", max_retries=0)
    assert dispatched(store) == (1, 1, 0)
    assert find_task(store, good.id).output == {"words": 3}
    failed = find_task(store, bad.id)
    assert (failed.status, "no words" in (failed.failure or "")) == ("failed", True)
    assert find_agent(store, row.id).tasks_failed == 1


def test_failures_questions_and_time_limits_are_failed_attempts(
    store: Store, outside: OutsideWorld
) -> None:
    writer(store, outside)
    fail, ask = add(store, "fail", max_retries=0), add(store, "ask", max_retries=5)
    hang = add(store, "hang", max_retries=0)
    assert dispatched(store, DispatchPolicy(HERE, attempt_s=3.0)) == (0, 3, 0)
    rows = [find_task(store, one.id) for one in (fail, ask, hang)]
    assert [one.status for one in rows] == ["failed"] * 3
    assert rows[0].failure == "the agent failed: no ink"
    assert "which tea?" in (rows[1].failure or "")
    assert rows[1].attempts == 1  # nobody answers a question: no second attempt
    assert "no result in 3 s" in (rows[2].failure or "")


def test_a_cancelled_task_is_cancelled_at_the_agent(store: Store, outside: OutsideWorld) -> None:
    writer(store, outside)
    outside.cancelled.clear()
    outside.tokens.clear()
    task = add(store, "hang", lease_s=1.0)
    worker = dispatcher(store, POLICY, 1)
    running = threading.Thread(target=worker.run)
    running.start()
    _until(lambda: bool(outside.tokens))
    cancel_task(store, task.id, "not needed")
    _until(lambda: bool(outside.cancelled))
    worker.end.set()
    running.join()
    assert find_task(store, task.id).status == "cancelled"
    assert (worker.done.completed, worker.done.lost) == (0, 1)


def test_a_card_that_changes_is_shown(store: Store, outside: OutsideWorld) -> None:
    row = writer(store, outside, name="ann", max_concurrent_tasks=2)
    assert read_card_again(store, row.id, HERE).changes == []
    outside.skills = ["image"]
    try:
        read = read_card_again(store, row.id, HERE)
    finally:
        outside.skills = ["text"]
    assert read.changes == ["new capabilities: image", "capabilities that are gone: text"]
    kept = (read.agent.name, read.agent.max_concurrent_tasks, read.agent.capabilities)
    assert kept == ("ann", 2, ["image"])


def test_a_visit_marks_those_that_answer(store: Store, outside: OutsideWorld) -> None:
    there, tool_there = writer(store, outside), tool(store, outside)
    without = tool(store, outside, "no_such_tool")
    seen = {one.id: one.seen_at for one in (there, tool_there, without)}
    assert visit_agents(store, HERE) == [without.id]
    changed = {one for one, at in seen.items() if find_agent(store, one).seen_at != at}
    assert changed == {there.id, tool_there.id}


def test_private_addresses_are_refused(store: Store, outside: OutsideWorld) -> None:
    url = f"{outside.base}/.well-known/agent-card.json"
    for wrong in (url, "https://localhost/card", "https://[::ffff:10.0.0.1]/c", "https://0/c"):
        with pytest.raises(BadInput, match="RUNLORE_AGENT_ADDRESSES"):
            profile_by_card(wrong, {}, OutsideLimits())
    row, task = tool(store, outside), add(store, "a", "count")
    assert dispatched(store, DispatchPolicy(OutsideLimits())) == (0, 1, 0)
    failed = find_task(store, task.id)
    assert (failed.status, failed.agent_id) == ("failed", row.id)
    assert "RUNLORE_AGENT_ADDRESSES" in (failed.failure or "")


@pytest.mark.parametrize("host", ["a" * 70, f"xn--{'a' * 70}.example", "a..b", "[::g]"])
@pytest.mark.parametrize("limits", [HERE, OutsideLimits()])
def test_an_impossible_host_is_refused(host: str, limits: OutsideLimits) -> None:
    with pytest.raises((BadInput, Unavailable)):
        profile_by_card(f"https://{host}/card", {}, limits)


def test_what_is_no_card_is_refused(outside: OutsideWorld) -> None:
    with pytest.raises(Unavailable, match="404"):
        profile_by_card(f"{outside.base}/nothing", {}, HERE)
    small = OutsideLimits(allows_private=True, max_bytes=100)
    with pytest.raises(Unavailable, match="too large"):
        profile_by_card(f"{outside.base}/.well-known/agent-card.json", {}, small)
    url, card = "https://a.example/card", {**OutsideWorld("https://a.example").card()}
    assert read_outside_card(url, card).capabilities == ("text",)
    old = [{"url": "https://a.example/", "protocolBinding": "JSONRPC", "protocolVersion": "0.3"}]
    elsewhere = OutsideWorld("https://b.example").card()["supportedInterfaces"]
    for change, words in (
        ({"supportedInterfaces": old}, "no interface"),
        ({"supportedInterfaces": elsewhere}, "not on the card's host"),
        ({"name": ""}, "name"),
        ({"description": "x" * 70_000}, "more than"),
    ):
        with pytest.raises(BadInput, match=words):
            read_outside_card(url, card | change)


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "https://a.example"},
        {"way": "a2a"},
        {"way": "mcp", "address": "https://a.example"},
        {"way": "a2a", "address": "https://a.example", "tool": "x"},
        {"way": "a2a", "address": "file:///etc/passwd"},
        {"way": "a2a", "address": "https://ann:hush@a.example"},
        {"way": "a2a", "address": "https://a.example", "token_variable": "RUNLORE_DATABASE_URL"},
    ],
)
def test_ways_and_addresses_must_fit(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as error:
        check_profile(AgentProfile("ann", **wrong))
    assert error.value.field in {"address", "tool", "token_variable"}


def _until(is_so: Any, most_s: float = 15.0) -> None:
    until = time.monotonic() + most_s
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)
