"""Every change of what serves: who, why, on what evidence; and a chain that cannot be altered."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from handmade import SPECS, plan_of, register, write_bundle
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from runlore.kernel import instants
from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.registry import Registry, alias_history, connect
from runlore.registry.alias_history import Change
from runlore.serving.actions import promotion
from runlore.serving.actions.promotion import Arms, ChangeReason
from runlore.settings import Settings
from runlore.store.engine import Store

NAME = "failure-risk"
ME = ChangeReason("me", "a test", {"auc": "0.8"})


@pytest.fixture
def registry(store: Store, tmp_path: Path) -> Iterator[Registry]:
    found = connect(Settings(home=tmp_path), store)
    yield found
    for alias in promotion.ALIASES:
        if NAME in found.aliases([NAME]) and found.aliases([NAME])[NAME].get(alias):
            found.remove_alias(NAME, alias)


@pytest.fixture
def three(registry: Registry, tmp_path: Path) -> list[str]:
    """Versions of which none has a name yet."""
    seeds = [instants.now().microsecond + at for at in range(3)]
    return [register(registry, write_bundle(tmp_path / f"{s}", NAME, s)).version for s in seeds]


def places(registry: Registry) -> dict[str, str]:
    return {alias: found.version for alias, found in registry.aliases([NAME])[NAME].items()}


def put(store: Store, registry: Registry, version: str) -> tuple[str, ...]:
    return promotion.announce(store, registry, registry.version(NAME, version), ME)


def told(store: Store) -> list[tuple[str, str, str | None, str | None]]:
    entries = alias_history.entries(store, NAME)
    return [(each.action, each.alias, each.previous, each.version) for each in entries]


def test_the_first_is_champion_the_next_challenger_and_a_promotion_moves_it_up(
    store: Store, registry: Registry, three: list[str]
) -> None:
    one, two, _ = three
    assert put(store, registry, one) == ("champion",)
    assert put(store, registry, two) == ("challenger",)
    entry = promotion.promote(store, registry, NAME, ME)
    assert (entry.version, entry.previous, entry.actor) == (two, one, "me")
    assert entry.evidence["auc"] == "0.8"
    assert entry.evidence["digest"] == registry.version(NAME, two).digest
    assert places(registry) == {"champion": two}
    assert told(store) == [
        ("announce", "champion", None, one),
        ("announce", "challenger", None, two),
        ("promote", "champion", one, two),
        ("promote", "challenger", two, None),
    ]


def test_a_rollback_goes_back_step_by_step_and_stops_at_the_first(
    store: Store, registry: Registry, three: list[str]
) -> None:
    put(store, registry, three[0])
    for version in three[1:]:
        promotion.promote(store, registry, NAME, ME, version)
    assert promotion.rollback(store, registry, NAME, ME).version == three[1]
    assert promotion.rollback(store, registry, NAME, ME).version == three[0]
    assert places(registry) == {"champion": three[0]}
    with pytest.raises(Refused, match="nothing to roll back to"):
        promotion.rollback(store, registry, NAME, ME)
    promotion.promote(store, registry, NAME, ME, three[2])
    assert promotion.rollback(store, registry, NAME, ME).version == three[0]


def test_what_cannot_be_promoted_is_refused_and_nothing_changes(
    store: Store, registry: Registry, three: list[str], tmp_path: Path
) -> None:
    put(store, registry, three[0])
    with pytest.raises(Refused, match="no @challenger"):
        promotion.promote(store, registry, NAME, ME)
    with pytest.raises(Refused, match="champion already"):
        promotion.promote(store, registry, NAME, ME, three[0])
    with pytest.raises(NotFound):
        promotion.promote(store, registry, NAME, ME, "999999")
    folder = tmp_path / "serving"
    probe = {"rows": [[0.0] * len(plan_of(SPECS[NAME]).names)], "raw": [0.123]}
    other = register(registry, write_bundle(tmp_path / "other", NAME, 99, probe=probe)).version
    with pytest.raises(Refused, match="where its training"):
        promotion.promote(store, registry, NAME, ME, other, folder)
    assert places(registry) == {"champion": three[0]}
    assert len(told(store)) == 1


def test_an_alias_moved_elsewhere_is_found_and_can_be_rolled_back(
    store: Store, registry: Registry, three: list[str]
) -> None:
    put(store, registry, three[0])
    registry.set_alias(NAME, "champion", three[1])
    promotion.reconcile(store, registry, NAME)
    promotion.reconcile(store, registry, NAME)
    assert told(store)[1:] == [("found", "champion", three[0], three[1])]
    assert alias_history.entries(store, NAME)[-1].actor == promotion.ELSEWHERE
    assert promotion.rollback(store, registry, NAME, ME).version == three[0]


def test_as_of_tells_which_version_answered_and_why(
    store: Store, registry: Registry, three: list[str]
) -> None:
    before = instants.now()
    put(store, registry, three[0])
    between = alias_history.entries(store, NAME)[0].at + timedelta(microseconds=1)
    promotion.promote(store, registry, NAME, ChangeReason("ann", "better"), three[1])
    with pytest.raises(NotFound, match="nothing is on record"):
        promotion.as_of(store, NAME, before - timedelta(days=1))
    assert promotion.as_of(store, NAME, between)["champion"].version == three[0]
    now = promotion.as_of(store, NAME, instants.now() + timedelta(minutes=1))["champion"]
    assert (now.version, now.actor, now.reason) == (three[1], "ann", "better")


def test_arms_hold_for_the_challenger_they_were_given_to(
    store: Store, registry: Registry, three: list[str]
) -> None:
    put(store, registry, three[0])
    with pytest.raises(Refused, match="no @challenger"):
        promotion.set_arms(store, registry, NAME, Arms(0.1), ME)
    put(store, registry, three[1])
    assert promotion.arms(store) == {}
    promotion.set_arms(store, registry, NAME, Arms(0.25, "scope", True), ME)
    assert promotion.arms(store) == {NAME: Arms(0.25, "scope", True)}
    put(store, registry, three[2])
    assert promotion.arms(store) == {}
    for wrong in ({"share": 1.5}, {"unit": "moon"}):
        with pytest.raises(BadInput):
            Arms(**wrong)


def test_rows_are_only_added_and_a_tampered_one_is_found(store: Store) -> None:
    with alias_history.writing(store) as history:
        for version in ("1", "2", "3"):
            change = Change(NAME, "champion", version, "promote", "me", "test", {"gain": 0.1})
            history.add(change)
    assert promotion.audit(store) == []
    for forbidden in ("UPDATE runlore.alias_changes SET actor = 'you'", "DELETE FROM {}"):
        with pytest.raises(DBAPIError, match="only ever added"), store.begin() as connection:
            connection.execute(text(forbidden.format("runlore.alias_changes")))
    alter(store, "UPDATE runlore.alias_changes SET reason = 'another' WHERE id = 2")
    assert [line.split(" (")[0] for line in promotion.audit(store)] == ["row 2"]
    alter(store, "UPDATE runlore.alias_changes SET reason = 'test' WHERE id = 2")
    assert promotion.audit(store) == []
    alter(store, "DELETE FROM runlore.alias_changes WHERE id = 2")
    assert promotion.audit(store)[0] == "row 2: missing before row 3"


def alter(store: Store, statement: str) -> None:
    """As somebody with all rights would."""
    with store.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(statement))


def test_a_rollback_that_passed_over_a_lost_version_leaves_that_behind() -> None:
    moves = [("1", "promote"), ("2", "promote"), ("3", "promote"), ("1", "rollback")]
    changes = [Change(NAME, "champion", version, action, "me", "test") for version, action in moves]
    assert promotion.champions(changes[:3]) == ["1", "2", "3"]
    assert promotion.champions(changes) == ["1"]
