"""Columns before and after: all rows are in some bar, as few as a person compares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.monitoring.rules.before_after import MISSING, MOST_BARS, OTHERS, before_after
from runlore.monitoring.rules.histogram import count, reference_profile

VALUES = st.lists(
    st.one_of(st.floats(-1e6, 1e6, width=32), st.just(float("nan"))), min_size=1, max_size=60
)
CODES = st.lists(st.integers(-1, 30), min_size=1, max_size=60)


def both(before, after, categorical=()):
    rows = [np.array(side, dtype=np.float32)[:, np.newaxis] for side in (before, after)]
    reference = reference_profile(rows[0], ["x"], categorical)
    return reference.columns[0], count(reference.bins, rows[1]).columns[0]


@given(VALUES, VALUES)
def test_every_row_of_a_number_is_in_one_bar(before, after) -> None:
    compared = before_after(*both(before, after))
    assert_whole(compared)


@given(CODES, CODES)
def test_every_row_of_a_category_is_in_one_bar(before, after) -> None:
    compared = before_after(*both(before, after, ["x"]), [f"w{code}" for code in range(31)])
    assert_whole(compared)


def assert_whole(compared) -> None:
    assert len(compared.labels) == len(compared.before) == len(compared.after)
    assert len(compared.labels) == len(set(compared.labels)) <= MOST_BARS + 1
    assert sum(compared.before) == pytest.approx(1)
    assert sum(compared.after) == pytest.approx(1)


def test_ranges_are_of_about_equal_size_in_the_training() -> None:
    values = np.random.default_rng(1).normal(size=5_000)
    compared = before_after(*both(values, values + 3))
    assert len(compared.labels) == MOST_BARS
    assert max(compared.before) < 0.12
    assert compared.after[-1] > 0.5
    assert compared.labels[0].startswith("up to ")
    assert compared.labels[-1].startswith("above ")


def test_rare_words_come_together_and_missing_values_are_told() -> None:
    before = [code for code in range(20) for _ in range(20 - code)]
    compared = before_after(*both(before, [*before, float("nan")], ["x"]), ["a", "b"])
    assert compared.labels[:3] == ("a", "b", "word 2")
    assert compared.labels[-2:] == (OTHERS, MISSING)


def test_whole_numbers_are_named_by_themselves_and_empty_ranges_left_out() -> None:
    compared = before_after(*both([0, 0, 0, 1], [0, 1, 1, 1]))
    assert compared.labels == ("0", "1 or more")
    assert (compared.before, compared.after) == ((0.75, 0.25), (0.25, 0.75))
