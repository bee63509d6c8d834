"""Keys in PostgreSQL: what works now, how often it was used, and one change at a time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from runlore.kernel import instants
from runlore.kernel.errors import Refused
from runlore.serving.actions.api_keys import create
from runlore.serving.queries import api_keys
from runlore.serving.queries.api_keys import ApiKey, KeyUses
from runlore.store.engine import Store

HOUR = timedelta(hours=1)


def add(store: Store, *keys: ApiKey) -> None:
    with api_keys.writing(store) as writer:
        for key in keys:
            writer.add(key)


def test_live_keys_are_those_neither_revoked_nor_expired(store: Store) -> None:
    now = instants.now()
    keys = [
        ApiKey("a", "ann", "0", ("predict", "read"), now),
        ApiKey("b", "ann", "0", ("read",), now, expires_at=now + HOUR),
        ApiKey("c", "bob", "0", ("read",), now - 2 * HOUR, expires_at=now - HOUR),
        ApiKey("d", "bob", "0", ("read",), now, revoked_at=now),
    ]
    add(store, *keys)
    with store.connect() as connection:
        assert api_keys.live(connection) == {"a": keys[0], "b": keys[1]}
    assert api_keys.every(store) == [keys[0], keys[1], keys[2], keys[3]]


def test_uses_add_up_and_the_newest_counts(store: Store) -> None:
    now = instants.now()
    add(store, *(ApiKey(each, each, "0", ("read",), now) for each in "abc"))
    with store.connect() as connection:
        api_keys.add_uses(
            connection, {"b": KeyUses(3, now), "a": KeyUses(1, now), "gone": KeyUses(1, now)}
        )
        api_keys.add_uses(connection, {"b": KeyUses(4, now - HOUR)})
    found = {key.id: (key.uses, key.last_used_at) for key in api_keys.every(store)}
    assert found == {"a": (1, now), "b": (7, now), "c": (0, None)}


def test_workers_that_count_at_once_lose_nothing(store: Store) -> None:
    now = instants.now()
    names = "abcdef"
    add(store, *(ApiKey(each, each, "0", ("read",), now) for each in names))

    def count(worker: int) -> None:
        order = names if worker % 2 else names[::-1]
        for _ in range(10):
            with store.connect() as connection:
                api_keys.add_uses(connection, {each: KeyUses(1, now) for each in order})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(4)))
    assert {key.uses for key in api_keys.every(store)} == {40}


def test_of_many_who_make_a_key_for_one_name_two_succeed(store: Store) -> None:
    def make(_: int) -> bool:
        try:
            create(store, "ci", ["predict"], instants.now())
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(make, range(6))) == 2
    assert len(api_keys.every(store)) == 2
