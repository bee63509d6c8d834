from itertools import product

import numpy as np
import pytest
from sqlalchemy import text

from runlore.registry import alias_history
from runlore.registry.alias_history import AliasHistoryEntry, Change
from runlore.store.engine import Store

PLACES = list(product(("duration", "failure-risk"), ("champion", "challenger"), ("arms", "found")))


@pytest.fixture
def history(store: Store) -> list[AliasHistoryEntry]:
    """Of one spec and alias nothing, of the others 1 to some 20 changes in no order."""
    drawn = np.random.default_rng(7).integers(len(PLACES) - 2, size=80)
    with alias_history.writing(store) as writer:
        return [
            writer.add(Change(spec, alias, str(number), action, "tester", "drawn"))
            for number, (spec, alias, action) in enumerate(PLACES[place] for place in drawn)
        ]


def test_what_stands_is_the_newest_change_of_each_place(
    store: Store, history: list[AliasHistoryEntry]
) -> None:
    newest = {(each.spec, each.alias, each.action): each for each in history}
    assert len(newest) == len(PLACES) - 2
    assert alias_history.standing(store) == sorted(newest.values(), key=lambda each: each.id)
    of_arms = {
        each.spec: each for each in history if (each.alias, each.action) == ("champion", "arms")
    }
    assert alias_history.newest(store, "champion", "arms") == of_arms


def test_what_stands_does_not_hang_on_the_index(
    store: Store, history: list[AliasHistoryEntry]
) -> None:
    with store.begin() as connection:
        connection.execute(text("SET LOCAL enable_indexscan = off"))
        found = connection.execute(alias_history.STANDING).all()
    assert [row.id for row in found] == [each.id for each in alias_history.standing(store)]


def test_nothing_stands_where_nothing_was_changed(store: Store) -> None:
    assert alias_history.standing(store) == []


def test_only_the_newest_changes_of_a_spec_oldest_first(
    store: Store, history: list[AliasHistoryEntry]
) -> None:
    mine = [each for each in history if each.spec == "duration"]
    assert alias_history.entries(store, "duration", newest=5) == mine[-5:]
    assert alias_history.entries(store, "duration") == mine
    assert alias_history.count(store, "duration") == len(mine)
