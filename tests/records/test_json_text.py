"""JSON made of columns is what the json module reads."""

import json
import math

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.records.formats.json_text import JsonText, infer_json, objects

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.none() | TEXT, st.none() | TEXT), min_size=1, max_size=6), TEXT)
def test_any_text_survives(rows, key):
    columns = {
        key: pa.array([a for a, _ in rows], pa.string()),
        key + "2": pa.array([b for _, b in rows], pa.string()),
    }
    read = [json.loads(text) for text in objects(columns, len(rows)).to_pylist()]
    expected = [
        {name: value for name, value in ((key, a), (key + "2", b)) if value is not None}
        for a, b in rows
    ]
    assert read == expected


@settings(deadline=None, max_examples=100)
@given(st.lists(st.none() | st.floats() | st.integers(-(2**53), 2**53), min_size=1, max_size=6))
def test_numbers_survive_and_what_is_not_finite_is_left_out(values):
    floats = [None if value is None else float(value) for value in values]
    read = [
        json.loads(t)
        for t in objects({"x": pa.array(floats, pa.float64())}, len(values)).to_pylist()
    ]
    assert read == [{} if v is None or not math.isfinite(v) else {"x": v} for v in floats]


def test_keys_are_in_order_and_rows_without_values_are_empty_objects():
    columns = {"b": pa.array([1, None]), "a": pa.array([True, None])}
    assert objects(columns, 2).to_pylist() == ['{"a":true,"b":1}', "{}"]
    assert objects({}, 2).to_pylist() == ["{}", "{}"]


def test_a_cell_is_a_number_only_when_it_is_written_like_one():
    cells = [
        "7",
        "-1.50",
        "1e5",
        "007",
        "+1",
        "1.",
        ".5",
        "1e999",
        "0x1",
        "TRUE",
        "false",
        "1 2",
        "NaN",
    ]
    told = infer_json(pa.array(cells))
    values = [json.loads(t)["x"] for t in objects({"x": JsonText(told)}, len(cells)).to_pylist()]
    assert values == [
        7, "-1.50", 1e5, "007", 1, 1, 0.5, "1e999", "0x1", True, False, "1 2", "NaN",
    ]  # fmt: skip


def test_a_cell_s_value_does_not_depend_on_its_neighbours():
    alone = infer_json(pa.array(["7"])).to_pylist()
    assert infer_json(pa.array(["7", "x"])).to_pylist()[:1] == alone
