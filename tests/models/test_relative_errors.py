"""Errors as shares of the truth, against sums written out."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.models.relative_errors import measure_relative_errors

AMOUNTS = st.lists(
    st.tuples(st.floats(0, 1e6, width=32), st.floats(0, 1e6, width=32)), min_size=1, max_size=12
)


@given(AMOUNTS)
def test_shares_are_those_of_rows_counted_one_by_one(rows: list[tuple[float, float]]) -> None:
    actual, predicted = np.array(rows).T
    told = measure_relative_errors(actual, predicted)
    near = [
        guess == true or (true > 0 and abs(guess - true) / true <= 0.15) for true, guess in rows
    ]
    assert told.pred_15 == pytest.approx(np.mean(near), abs=1e-12)
    assert told.pred_15 <= told.pred_25
    apart = [abs(one - other) for one, other in permutations(actual.tolist(), 2)]
    if sum(apart) == 0:
        assert told.sa is None
    else:
        error = np.abs(actual - predicted).mean()
        assert told.sa == pytest.approx(1 - error / np.mean(apart), rel=1e-9, abs=1e-9)


def test_of_a_truth_of_zero_only_zero_is_near() -> None:
    told = measure_relative_errors(np.array([0.0, 0.0, 10.0]), np.array([0.0, 0.1, 8.0]))
    assert (told.pred_15, told.pred_25) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert told.md_mre == pytest.approx(0.2)
