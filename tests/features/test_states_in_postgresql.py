"""A state rests in PostgreSQL as float8."""

import numpy as np

from runlore.features import fold

LAST_INSTANT_US = 7_258_118_399_999_999  # the end of 2199


def test_a_state_comes_back_with_every_bit(store):
    state = fold.empty_state(2, 2)
    half_lives_us = np.array([1e6, 3e6])
    fold.submit(state, LAST_INSTANT_US - 1, half_lives_us)
    fold.finish(state, LAST_INSTANT_US, 2**53 - 1, np.array([1 / 3, 5e-324]), half_lives_us)
    with store.connect() as connection:
        row = connection.execute("SELECT %s::float8[]", (state.tolist(),), binary=True).fetchone()
    again = np.array(row[0], dtype=np.float64)
    np.testing.assert_array_equal(again.view(np.uint64), state.view(np.uint64))


def test_every_instant_that_is_taken_is_a_whole_float8():
    assert int(float(LAST_INSTANT_US)) == LAST_INSTANT_US
    assert LAST_INSTANT_US < 2**53
