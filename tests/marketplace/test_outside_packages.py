"""Packages of agents elsewhere: their tasks go to the A2A and MCP servers that they name."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from runlore.agents.actions.cards import profile_of
from runlore.agents.actions.dispatching import DispatchPolicy, dispatcher
from runlore.agents.actions.outside_cards import read_card_again
from runlore.agents.actions.registering import change_agent, find_agent
from runlore.agents.actions.task_steps import create_task, find_task
from runlore.agents.delivery.outside import OutsideLimits
from runlore.agents.rules.task import NewTask
from runlore.kernel import instants
from runlore.kernel.errors import Refused
from runlore.marketplace.actions.catalog import package_id_of
from runlore.marketplace.actions.installing import install
from runlore.marketplace.actions.publishing import publish
from runlore.marketplace.queries.installations import InstallationRow
from runlore.marketplace.rules.archives import write_archive
from runlore.marketplace.rules.permissions import permission_of_address
from runlore.store.engine import Store
from tests.agents.outside_server import OutsideWorld, outside_world
from tests.marketplace.packed import KEY, manifest

HERE = DispatchPolicy(OutsideLimits(allows_private=True), attempt_s=20.0)


@pytest.fixture(scope="module")
def outside() -> Iterator[OutsideWorld]:
    with outside_world() as world:
        yield world


def installed(store: Store, name: str, form: str, entry: str, **skill: str) -> InstallationRow:
    permissions = [permission_of_address(entry)]
    skills = [{"id": "do", "name": "Do it", **skill}]
    card = {"title": name, "capabilities": [name], "skills": skills}
    made = manifest(name, form=form, entry=entry, permissions=permissions, card=card)
    publish(store, write_archive(made.model_copy(update={"files": {}}), {}, KEY))
    return install(store, package_id_of(store, name))


def test_tasks_of_a_remote_and_an_mcp_package_are_done_by_their_servers(
    store: Store, outside: OutsideWorld
) -> None:
    card = f"{outside.base}/.well-known/agent-card.json"
    writer = installed(store, "far-writer", "remote", card)
    counter = installed(store, "far-counter", "mcp", f"{outside.base}/mcp", tool="count_words")
    tasks = [
        create_task(
            store,
            NewTask("do", text, required_capabilities=(name,), input={"text": text}),
            instants.now(),
        ).task.id
        for name, text in (("far-writer", "a post"), ("far-counter", "a b c"))
    ]
    done = dispatcher(store, HERE, 2).run(until_idle=True)
    assert (done.completed, done.failed) == (2, 0)
    assert [find_task(store, one).output for one in tasks] == [
        {"text": "a post done"},
        {"words": 3},
    ]
    row = find_agent(store, writer.agent_id)
    assert (row.address, row.capabilities) == (f"{outside.base}/rpc", ["far-writer"])
    assert find_agent(store, counter.agent_id).tool == "count_words"
    again = read_card_again(store, writer.agent_id, OutsideLimits(allows_private=True)).agent
    assert (again.capabilities, again.version) == (["far-writer"], row.version)
    elsewhere = replace(profile_of(row), address="https://evil.example/rpc")
    with pytest.raises(Refused, match="its package decides address"):
        change_agent(store, writer.agent_id, elsewhere)


def test_a_package_cannot_reach_into_this_network(store: Store, outside: OutsideWorld) -> None:
    installed(store, "inside-reader", "remote", f"{outside.base}/.well-known/agent-card.json")
    task = create_task(store, NewTask("do", "x"), instants.now()).task
    done = dispatcher(store, DispatchPolicy(), 1).run(until_idle=True)
    assert (done.completed, done.failed) == (0, 1)
    row = find_task(store, task.id)
    assert (row.status, row.attempts) == ("failed", 1)
    assert "RUNLORE_AGENT_ADDRESSES" in str(row.failure)
