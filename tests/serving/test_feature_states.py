"""States of features in PostgreSQL: every bit comes back, and everybody locks in one order."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from runlore.features.declaration import HistoryFeatures
from runlore.features.online import empty_state
from runlore.kernel.errors import Unavailable
from runlore.serving.queries import answering, feature_states, recording
from runlore.store.engine import Store, dedicated

HISTORY = HistoryFeatures(("actor",), ("failed",), (60.0, 3600.0))
OTHER = HistoryFeatures(("kind",), ("failed", "duration_s"), (60.0,))
WIDTH = empty_state(HISTORY).size


def replace(
    store: Store, history: HistoryFeatures, states: dict[str, np.ndarray], seq: int = 0
) -> None:
    with store.connect() as connection:
        feature_states.lock_out_recorders(connection)
        table = np.array(list(states.values())).reshape(len(states), -1)
        feature_states.replace_history(connection, history, list(states), table, seq)


def read(store: Store, *names: tuple[str, str]) -> dict:
    with store.connect() as connection:
        return feature_states.read_states(connection, names)[0]


@given(arrays.arrays(np.float64, (3, WIDTH), elements=st.floats(allow_subnormal=True)))
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_bit_of_a_state_comes_back(store: Store, states: np.ndarray) -> None:
    plain = np.where(np.isnan(states), np.nan, states)
    replace(store, HISTORY, dict(zip("abc", plain, strict=True)))
    found = read(store, *((HISTORY.digest, key) for key in "abc"))
    for key, state in zip("abc", plain, strict=True):
        kept = found[HISTORY.digest, key]
        np.testing.assert_array_equal(kept.view(np.uint64), state.view(np.uint64))
    with store.connect() as connection:
        names = {(HISTORY.digest, key): HISTORY for key in "abc"}
        locked, _ = feature_states.lock_states(connection, names)
        feature_states.write_states(connection, locked)
    again = read(store, *names)
    for name, state in found.items():
        np.testing.assert_array_equal(again[name].view(np.uint64), state.view(np.uint64))


def test_states_of_different_histories_are_read_in_one_go(store: Store) -> None:
    replace(store, HISTORY, {"ann": np.ones(WIDTH)})
    replace(store, OTHER, {"ann": np.ones(5), "x\\y\t\n'{}\x1f": np.zeros(5)})
    names = [(HISTORY.digest, "ann"), (OTHER.digest, "x\\y\t\n'{}\x1f"), (OTHER.digest, "eve")]
    assert set(read(store, *names)) == set(names[:2])


@pytest.mark.parametrize("is_async", [False, True])
def test_who_reads_more_keys_than_there_are_locks_waits_for_recorders(
    store: Store, monkeypatch: pytest.MonkeyPatch, is_async: bool
) -> None:
    monkeypatch.setattr(feature_states, "MOST_LOCKED", 1)
    replace(store, HISTORY, {"ann": np.ones(WIDTH), "bob": np.zeros(WIDTH)})
    names = [(HISTORY.digest, "ann"), (HISTORY.digest, "bob")]

    async def impatient() -> dict:
        connection = await answering.connect(store)
        try:
            await connection.execute("SET lock_timeout = '200ms'")
            return (await answering.read_states(connection, names))[0]
        finally:
            await answering.close(connection)

    def read_them() -> dict:
        if is_async:
            return asyncio.run(impatient())
        with dedicated(store) as connection:
            connection.execute("SET lock_timeout = '200ms'")
            return feature_states.read_states(connection, names)[0]

    with dedicated(store) as recorder, recorder.transaction():
        feature_states.hold_off_rebuilds(recorder)
        with pytest.raises((psycopg.errors.LockNotAvailable, asyncpg.LockNotAvailableError)):
            read_them()
    assert set(read_them()) == set(names)


def test_a_key_that_is_new_is_locked_with_an_empty_state(store: Store) -> None:
    names = {(HISTORY.digest, "ann"): HISTORY, (OTHER.digest, "build"): OTHER}
    with store.connect() as connection:
        states, _ = feature_states.lock_states(connection, names)
        for name, state in states.items():
            np.testing.assert_array_equal(state, empty_state(names[name]))
        feature_states.write_states(connection, states)
    assert {name: state.size for name, state in read(store, *names).items()} == {
        name: empty_state(history).size for name, history in names.items()
    }


def test_replacing_a_history_leaves_no_old_key_and_no_other_history(store: Store) -> None:
    replace(store, OTHER, {"build": np.ones(5)})
    replace(store, HISTORY, {"old": np.ones(WIDTH)}, 3)
    replace(store, HISTORY, {"new": np.ones(WIDTH)}, 9)
    names = [(HISTORY.digest, "old"), (HISTORY.digest, "new"), (OTHER.digest, "build")]
    assert set(read(store, *names)) == set(names[1:])
    with store.connect() as connection:
        assert feature_states.active(connection) == {HISTORY: 9, OTHER: 0}


def test_what_was_spoiled_is_fresh_again_once_it_was_replaced(store: Store) -> None:
    replace(store, HISTORY, {"ann": np.ones(WIDTH)}, 3)
    replace(store, OTHER, {"build": np.ones(5)})
    with store.connect() as connection:
        feature_states.spoil(connection)
    with store.connect() as connection:
        assert feature_states.fresh(connection) == set()
    replace(store, OTHER, {"build": np.ones(5)}, 4)
    with store.connect() as connection:
        assert feature_states.fresh(connection) == {OTHER}
        assert set(feature_states.active(connection)) == {HISTORY, OTHER}


def test_a_history_without_keys_becomes_active(store: Store) -> None:
    with store.connect() as connection:
        nothing = np.empty((0, WIDTH))
        feature_states.replace_history(connection, HISTORY, [], nothing, 0)
    with store.connect() as connection:
        assert list(feature_states.active(connection)) == [HISTORY]


def test_recorders_of_overlapping_keys_never_block_each_other_for_ever(store: Store) -> None:
    keys = [f"key-{n}" for n in range(6)]

    def one(n: int) -> None:
        rng = np.random.default_rng(n)
        for _ in range(10):
            chosen = rng.permutation(keys)[:4]
            names = {(each.digest, str(key)): each for key in chosen for each in (HISTORY, OTHER)}
            with store.connect() as connection:
                states, _ = feature_states.lock_states(connection, names)
                for state in states.values():
                    state[0] = 0 if np.isnan(state[0]) else state[0] + 1
                feature_states.write_states(connection, states)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(6)))
    found = read(store, *((HISTORY.digest, key) for key in keys))
    assert sum(state[0] + 1 for state in found.values()) == 6 * 10 * 4


@pytest.mark.parametrize("at_once", [1, 4])
def test_a_reader_sees_whole_states_while_they_are_replaced(store: Store, at_once: int) -> None:
    replace(store, HISTORY, dict.fromkeys("abcdef", np.zeros(WIDTH)))
    names = [(HISTORY.digest, key) for key in "abcdef"]

    def look(_: int) -> set[float]:
        found = [read(store, *names) for _ in range(30)]
        assert all(len(each) == len(names) for each in found)
        mixed = [len({state[0] for state in each.values()}) for each in found]
        assert set(mixed) == {1}
        return {each[names[0]][0] for each in found}

    with ThreadPoolExecutor(at_once) as pool:
        looks = [pool.submit(look, n) for n in range(at_once)]
        for n in range(15):
            replace(store, HISTORY, dict.fromkeys("abcdef", np.full(WIDTH, float(n))))
        for each in looks:
            each.result()


def test_a_recorder_that_is_frozen_is_ended_and_its_keys_are_free(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        feature_states, "LET_GO", "SET LOCAL idle_in_transaction_session_timeout = '200ms'"
    )
    names = {(HISTORY.digest, "ann"): HISTORY}

    def freeze() -> None:
        with store.connect() as recorder:
            recording.open_execution(recorder, "api", "one")
            feature_states.lock_states(recorder, names)
            time.sleep(0.6)
            with dedicated(store) as reader:
                reader.execute("SET lock_timeout = '200ms'")
                feature_states.read_states(reader, names)
            recorder.execute("SELECT 1")

    with pytest.raises(Unavailable, match="idle"):
        freeze()


def test_what_a_transaction_has_built_is_known_from_its_end_on(store: Store) -> None:
    with store.connect() as connection:
        feature_states.lock_out_recorders(connection)
        for history in (HISTORY, OTHER):
            width = empty_state(history).size
            feature_states.replace_history(connection, history, ["a"], np.ones((1, width)), 0)
            time.sleep(0.2)
        before = feature_states.clock(connection)
        feature_states.settle(connection, (HISTORY, OTHER))
    with store.connect() as connection:
        for history in (HISTORY, OTHER):
            built = feature_states.built_at(connection, [history])
            assert built is not None
            assert built >= before
