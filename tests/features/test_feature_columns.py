"""JSON objects and outcomes as columns."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.features.columns import expand, measure, number, number_words, numbers, singles, word
from runlore.features.declaration import LARGEST
from runlore.features.online import FactResult
from tests.features.logs import SCALARS, VALUES, frame, logs

LEAVES = SCALARS | st.floats(allow_nan=False) | st.integers() | st.text(max_size=5)
NESTED = st.sampled_from([[], [1, "a"], {}, {"b": {"c": 1}}, [[1], {}]])
OBJECTS = st.dictionaries(
    st.sampled_from(["a", "b", "", "ünï", 'q"\\']) | st.text(max_size=3), LEAVES | NESTED
)


def text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def expected(value: object) -> object:
    """What a cell says: text, a number, or nothing."""
    if isinstance(value, str):
        return value
    told = number(value)
    return None if math.isnan(told) else told


def cell(frame: pd.DataFrame, row: int, name: str) -> object:
    value = frame[name].iloc[row] if name in frame else None
    return None if isinstance(value, float) and math.isnan(value) else value


@given(st.lists(OBJECTS, max_size=8))
@settings(max_examples=150)
def test_each_cell_says_what_its_own_object_says(objects):
    found = expand(pd.Series([text(each) for each in objects], dtype=object))
    assert len(found) == len(objects)
    for i, each in enumerate(objects):
        for name in {*each, *found.columns}:
            assert cell(found, i, name) == expected(each.get(name)), (i, name)


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        ([1, 2], [1.0, 2.0]),
        ([1, None], [1.0, None]),
        ([True, False, None], [1.0, 0.0, None]),
        ([True, 2, 0.5], [1.0, 2.0, 0.5]),
        ([4, "4", None], [4.0, "4", None]),
        (["2026-01-02", "2026-01-02 03:04:05"], ["2026-01-02", "2026-01-02 03:04:05"]),
        (["12", "7"], ["12", "7"]),
        ([10**400, -(10**400), 1], [math.inf, -math.inf, 1.0]),
        ([2**53 + 1, 2**64], [2.0**53, 2.0**64]),
        ([{"b": 1}, 2], [None, 2.0]),
        ([[1, 2], "x"], [None, "x"]),
    ],
)
def test_a_column_of_mixed_values(values, cells):
    found = expand(pd.Series([text({"a": value}) for value in values], dtype=object))
    assert [cell(found, i, "a") for i in range(len(values))] == cells


def test_one_odd_row_changes_no_other_cell():
    plain = [text({"a": i, "b": str(i), "c": i % 2 == 0}) for i in range(50)]
    odd = text({"a": "x", "b": 5, "c": None, "d": "2026-01-02"})
    alone, among = (expand(pd.Series(rows, dtype=object)) for rows in (plain, [*plain, odd]))
    for name in ("a", "b", "c"):
        for i in range(50):
            assert cell(alone, i, name) == cell(among, i, name)


@pytest.mark.parametrize("objects", [[], ["{}"], ["{}", "{}"], ['{"a":null}', "{}"], ['{"a":{}}']])
def test_objects_that_say_nothing_have_no_columns(objects):
    found = expand(pd.Series(objects, dtype=object))
    assert found.shape == (len(objects), 0)


def test_rows_keep_their_places_when_a_log_is_larger_than_a_block(monkeypatch):
    monkeypatch.setattr("runlore.features.columns.JSON_BLOCK_BYTES", 2000)
    texts = [text({"a": i, "b": "x" * (i % 50)}) for i in range(500)]
    found = expand(pd.Series(texts, dtype=object))
    assert found["a"].tolist() == list(range(500))


def test_a_line_that_is_no_json_is_an_error():
    with pytest.raises(json.JSONDecodeError):
        expand(pd.Series(['{"a":1}', "oops"], dtype=object))


@given(st.lists(SCALARS, max_size=10))
def test_numbers_of_a_column_are_the_numbers_of_its_values(values):
    column = pd.Series(values, dtype=object)
    found = numbers(column)
    wanted = np.array([number(value) for value in values], dtype=np.float64)
    np.testing.assert_array_equal(found.view(np.uint64), wanted.view(np.uint64))


@given(st.lists(SCALARS, max_size=10))
def test_words_have_a_number_each(values):
    codes = number_words(pd.Series(values, dtype=object))
    for i, one in enumerate(values):
        assert (codes[i] == 0) == (word(one) == "")
        for j, other in enumerate(values):
            assert (codes[i] == codes[j]) == (word(one) == word(other))


@pytest.mark.parametrize("text", ["12", "nan", "inf", "1_000", " 5 ", "١"])
def test_text_is_no_number(text):
    assert math.isnan(number(text))


def test_no_number_is_too_large_for_a_feature_row():
    found = singles(np.array([math.inf, -1e300, math.nan, 1.5]))
    largest = np.float32(LARGEST)
    assert np.isfinite(largest - -largest)
    np.testing.assert_array_equal(found, np.array([largest, -largest, np.nan, 1.5], np.float32))


@given(logs())
@settings(max_examples=40)
def test_one_outcome_is_measured_as_in_a_whole_log(rows):
    facts = frame(rows)
    table = measure(facts, VALUES).table
    for i, row in enumerate(facts.to_dict("records")):
        instants = [row[name] for name in ("submitted", "started", "finished")]
        alone = FactResult(row["status"], *instants, json.loads(row["outcome"])).measured(VALUES)
        np.testing.assert_array_equal(alone.view(np.uint64), table[i].view(np.uint64))


def test_the_logarithm_of_a_duration_does_not_depend_on_its_place_in_a_log():
    seconds = np.random.default_rng(3).lognormal(5, 4, 4000)
    together = np.log1p(seconds)
    alone = np.array([np.log1p(seconds[i : i + 1])[0] for i in range(seconds.size)])
    np.testing.assert_array_equal(together.view(np.uint64), alone.view(np.uint64))
