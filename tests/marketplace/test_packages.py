"""Packages through their life, against a real PostgreSQL."""

import hashlib
from typing import Any

import pytest
from sqlalchemy import text

from runlore.agents.actions.registering import find_agent, list_agents, remove_agent
from runlore.agents.actions.task_steps import complete_task, create_task, fail_task, lease_tasks
from runlore.agents.queries.registry import AgentFilter
from runlore.agents.rules.task import NewTask
from runlore.kernel import instants
from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.marketplace.actions.catalog import (
    find_package,
    package_id_of,
    read_totals,
    search_catalog,
)
from runlore.marketplace.actions.installing import (
    check_update,
    install,
    list_installed,
    load_installed,
    uninstall,
    update,
)
from runlore.marketplace.actions.publishing import publish, publisher_keys, rotate_key
from runlore.marketplace.actions.review import approve_package, held_packages, withdraw_package
from runlore.marketplace.queries import installations
from runlore.marketplace.queries.search import CatalogQuery
from runlore.marketplace.rules.signatures import SignedRotation, public_key_of, sign_rotation
from runlore.store.engine import Store
from tests.marketplace.packed import CODE, KEY, NEW_KEY, OTHER_KEY, packed


def names(store: Store, **wanted: Any) -> list[str]:
    return [row.name for row in search_catalog(store, CatalogQuery(**wanted)).packages]


def refuse(store: Store, archive: bytes, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        publish(store, archive)


def test_the_catalog_begins_with_the_five_of_runlore_without_ratings(store: Store) -> None:
    page = search_catalog(store, CatalogQuery(sort_by="name"))
    assert page.total == 5
    assert {(row.downloads, row.rating) for row in page.packages} == {(0, None)}
    assert names(store, text="trends analyz") == ["trend-analyzer"]
    assert read_totals(store).mean_rating is None


def test_search_finds_by_words_type_capability_price_and_pages(store: Store) -> None:
    publish(store, packed("post-writer", price={"cents": 900}))
    publish(store, packed("haiku-maker", card={"agent_type": "generator"}))
    assert names(store, text="wri ACM postWriter") == ["post-writer"]
    assert names(store, text="!!") == names(store, text="post Ж") == []
    assert names(store, type="generator", publisher="acme") == ["haiku-maker"]
    assert names(store, capabilities=["text"], max_price_cents=0, publisher="acme") == [
        "haiku-maker"
    ]
    assert names(store, publisher="acme", sort_by="price") == ["haiku-maker", "post-writer"]
    ordered = names(store, sort_by="name", limit=100)
    pages = [names(store, sort_by="name", limit=3, offset=at) for at in range(0, 9, 3)]
    assert [name for page in pages for name in page] == ordered
    assert search_catalog(store, CatalogQuery(offset=50)).total == 7
    with pytest.raises(BadInput, match="sort_by"):
        names(store, sort_by="stars")


def test_an_installed_agent_earns_the_rating_and_keeps_it_when_removed(store: Store) -> None:
    package = publish(store, packed())
    first = install(store, package.package_id)
    with pytest.raises(Refused, match="installed already"):
        install(store, package.package_id)
    second = install(store, package.package_id, "writer 2")
    with pytest.raises(Refused, match="exists"):
        install(store, package.package_id, "writer 2")
    for is_good in (True, True, False):
        create_task(store, NewTask("write", "w", max_retries=0), instants.now())
        [task] = lease_tasks(store, first.agent_id, 1)
        if is_good:
            complete_task(store, task.id, task.token, {})
        else:
            fail_task(store, task.id, task.token, "no")
    row = find_package(store, package.package_id).package
    assert (row.downloads, row.installed, row.tasks_completed, row.tasks_failed) == (2, 2, 2, 1)
    assert row.rating == pytest.approx(5 * 0.20765, abs=1e-3)  # Wilson, 2 of 3
    with pytest.raises(Refused, match="uninstall"):
        remove_agent(store, first.agent_id)
    uninstall(store, first.agent_id)
    with pytest.raises(NotFound):
        find_agent(store, first.agent_id)
    after = find_package(store, package.package_id).package
    assert (after.rating, after.downloads, after.installed) == (row.rating, 2, 1)
    assert [one.agent_id for one in list_installed(store)] == [second.agent_id]


def test_what_runs_is_exactly_what_was_accepted(store: Store) -> None:
    package = publish(store, packed())
    agent = install(store, package.package_id).agent_id
    loaded = load_installed(store, agent)
    assert (dict(loaded.files), loaded.permissions) == ({"agent.wasm": CODE}, frozenset())
    changed = packed(code=CODE + b"\0")  # signed by the publisher, and put into the table by hand
    with store.begin() as connection:
        connection.execute(
            text("UPDATE runlore.marketplace_versions SET archive = :a WHERE key <> ''"),
            {"a": changed},
        )
    with pytest.raises(Refused, match="not those that were accepted"):
        load_installed(store, agent)
    with pytest.raises(Refused, match="not those that were accepted"):
        install(store, package.package_id, "another")


def test_versions_only_rise_and_never_change_their_bytes(store: Store) -> None:
    old = packed(version="1.9.0")
    publish(store, old)
    assert publish(store, old).is_new is False
    refuse(store, packed(version="1.9.0", code=CODE + b"\0"), "other bytes.*agent.wasm")
    publish(store, packed(version="1.10.0"))
    refuse(store, old, "versions only rise")
    refuse(store, packed(version="1.10.0-rc.1"), "versions only rise")


def test_a_rotated_key_is_refused_and_so_is_its_statement_again(store: Store) -> None:
    publish(store, packed())
    refuse(store, packed(key=OTHER_KEY, version="1.1.0"), "wrong key")
    refuse(store, packed("haiku-maker", publisher="copycat"), "that of publisher acme")
    signed = sign_rotation("acme", 2, KEY, NEW_KEY)
    forged = SignedRotation(signed.statement, "0" * 128, signed.new_signature)
    with pytest.raises(Refused, match="old key did not sign"):
        rotate_key(store, forged)
    rotate_key(store, signed)
    with pytest.raises(Refused, match="does not rotate its present key"):
        rotate_key(store, signed)
    refuse(store, packed(version="1.1.0"), "retired key")
    with pytest.raises(Refused, match="used before"):
        rotate_key(store, sign_rotation("acme", 3, NEW_KEY, KEY))
    publish(store, packed(key=NEW_KEY, version="1.1.0"))
    assert [key.key for key in publisher_keys(store, "acme")] == [
        public_key_of(KEY),
        public_key_of(NEW_KEY),
    ]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("trend-analyser", "Trends"),
        ("trend-analyzer-official", "Trends"),
        ("tools", "TrendАnalyzer"),  # a Cyrillic А
        ("tools", "Trеnd"),  # a Cyrillic е: two scripts in a word
    ],
)
def test_a_name_that_looks_like_a_known_one_is_held(store: Store, name: str, title: str) -> None:
    package = publish(store, packed(name, card={"title": title}))
    assert package.status == "held"
    assert names(store, publisher="acme") == []
    assert [row.flags for row in held_packages(store)] == [list(package.flags)]
    with pytest.raises(Refused, match=r"is held.*approve"):
        install(store, package.package_id)
    approve_package(store, package.package_id)
    assert install(store, package.package_id).agent_name == title


def test_a_name_of_another_publisher_or_of_runlore_is_refused(store: Store) -> None:
    publish(store, packed())
    refuse(store, packed(key=OTHER_KEY, publisher="evil", version="9.0.0"), "dependency confusion")
    refuse(store, packed("trend-analyzer", version="9.0.0"), "Runlore's own")
    refuse(store, packed("any-tool", publisher="runlore"), "Runlore's own")


def test_an_update_that_asks_for_more_stops_until_a_person_grants_it(store: Store) -> None:
    package = publish(store, packed(permissions=["clock"]))
    agent = install(store, package.package_id).agent_id
    for minor in range(1, 16):
        code = CODE + bytes([minor])
        changelog = f"Good {minor}"
        publish(
            store,
            packed(version=f"1.{minor}.0", code=code, permissions=["clock"], changelog=changelog),
        )
        assert update(store, agent).version == f"1.{minor}.0"
    evil = packed(version="1.16.0", permissions=["clock", "net:evil.example"], changelog="Fixes")
    publish(store, evil)
    with pytest.raises(Refused, match=r"asks for more: net:evil\.example.*file agent\.wasm"):
        update(store, agent)
    found = check_update(store, agent)
    assert [one.changelog for one in found.versions] == ["Fixes"]
    assert found.decision is not None
    assert found.decision.difference.asks == ("net:evil.example",)
    assert load_installed(store, agent).manifest.version == "1.15.0"
    assert update(store, agent, ["net:evil.example"]).version == "1.16.0"
    assert load_installed(store, agent).permissions == {"clock", "net:evil.example"}
    assert find_agent(store, agent).version == "1.16.0"


def test_a_raised_limit_is_asked_for_and_another_form_is_never_accepted(store: Store) -> None:
    package = publish(store, packed(limits={"memory_bytes": 1 << 20}))
    agent = install(store, package.package_id).agent_id
    publish(store, packed(version="1.1.0", limits={"memory_bytes": 1 << 28}))
    with pytest.raises(Refused, match="limit:memory_bytes"):
        update(store, agent)
    assert update(store, agent, ["limit:memory_bytes"]).version == "1.1.0"
    form = {"form": "remote", "entry": "https://evil.example/a2a"}
    publish(store, packed(version="1.2.0", permissions=["net:evil.example"], **form))
    with pytest.raises(Refused, match="its form is another"):
        update(store, agent, ["net:evil.example"])


def test_a_withdrawn_package_runs_no_more(store: Store) -> None:
    package = publish(store, packed())
    agent = install(store, package.package_id).agent_id
    withdraw_package(store, package.package_id, "steals")
    assert names(store, publisher="acme") == []
    with pytest.raises(Refused, match="withdrawn"):
        load_installed(store, agent)
    refuse(store, packed(version="2.0.0"), "withdrawn: steals")


def test_a_built_in_package_installs_and_loads(store: Store) -> None:
    row = install(store, package_id_of(store, "trend-analyzer"))
    loaded = load_installed(store, row.agent_id)
    assert (loaded.manifest.entry, dict(loaded.files)) == ("trend-analyzer", {})
    assert find_agent(store, row.agent_id).plugin_author == "runlore"
    assert len(row.digest) == len(hashlib.sha256().hexdigest())


def test_an_installation_that_breaks_leaves_no_agent(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = publish(store, packed()).package_id

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(installations, "add_installation", fail)
        with pytest.raises(OSError, match="disk"):
            install(store, package)
    assert not list_agents(store, AgentFilter()).agents
    install(store, package)
