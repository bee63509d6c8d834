"""Numbers as people write them, and the text that only looks like one."""

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.records.formats.json_text import JsonText, infer_json, objects
from runlore.records.formats.number_marks import remarks_on_marks
from runlore.records.formats.number_text import (
    ALONE,
    POINT,
    TEXT,
    CellRule,
    NumberForm,
    json_numbers,
    rule_of,
)

GERMAN = NumberForm(",", ".")


def read(cells, rule=None, form=POINT):
    column = pa.array(cells, pa.string())
    rule = rule_of(column, form) if rule is None else rule
    text = objects({"x": JsonText(infer_json(column, rule, form))}, len(cells))
    return [json.loads(row).get("x") for row in text.to_pylist()]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (".5", 0.5),
        ("-.25", -0.25),
        (" 10", 10),
        ("30 ", 30),
        ("+3", 3),
        ("+.5", 0.5),
        ("1.", 1),
        ("-7.", -7),
        ("1e5", 1e5),
        ("1E+300", 1e300),
        ("1e-200", 1e-200),
        ("-0", 0),
        ("3.0", 3.0),
        ("0.1", 0.1),
        ("123456789012345", 123456789012345),
        ("TRUE", True),
        ("false", False),
    ],
)
def test_the_usual_forms_are_numbers(cell, value):
    assert read([cell], ALONE) == [value]


@pytest.mark.parametrize(
    "cell",
    [
        "007",
        "-007",
        "00.5",
        "1.10",
        "2.00",
        "12345678901234567890",
        "1234567890123456",
        "1e400",
        "0x1F",
        "1,234",
        "12,5",
        "12%",
        "1_000",
        "1 000",
        ".",
        "-",
        "1.2.3",
        "inf",
        "Infinity",
        "1e",
        "٣",
    ],
)
def test_what_would_not_come_back_the_same_stays_text(cell):
    assert read([cell], ALONE) == [cell]


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        (["1.1", "1.10", "2.1"], TEXT),  # releases
        (["3.9", "3.10", "3.11"], TEXT),
        (["007", "012", "123"], TEXT),  # codes
        (["01067", "80331"], TEXT),
        (["1234567890123456", "12"], TEXT),  # identifiers
        (["7f3a", "1234", "1e5", "beef"], TEXT),  # hashes
        (["main", "7"], TEXT),
        (["12.50", "3.10", "106.23", "4"], CellRule(decimals=2)),  # prices
        (["20.04", "22.04", "18.10"], CellRule(decimals=2)),
        (["3.0", "12.5", "0.25"], ALONE),  # as pandas writes them
        (["1", "2", "unknown"], ALONE),
        (["true", "false"], ALONE),
        ([None, None], ALONE),
        ([], ALONE),
    ],
)
def test_the_first_cells_of_a_column_suggest_how_it_is_read(cells, rule):
    assert rule_of(pa.array(cells, pa.string())) == rule


def test_releases_are_different_values_and_prices_are_numbers():
    assert read(["1.1", "1.10", "2"]) == ["1.1", "1.10", "2"]
    assert read(["12.50", "3.10", "7"]) == [12.5, 3.1, 7]


def test_a_later_release_is_text_where_the_first_ones_looked_like_numbers():
    assert read(["1.1", "1.10"], rule_of(pa.array(["1.1", "1.9"]))) == [1.1, "1.10"]


@pytest.mark.parametrize(
    ("form", "cells", "values"),
    [
        (GERMAN, ["106,23", "1.234,5", "1.234", "7"], [106.23, 1234.5, 1234, 7]),
        (GERMAN, ["12.5", "1.23,4", "1,2,3"], ["12.5", "1.23,4", "1,2,3"]),
        (NumberForm(","), ["0,5", ",5", "1.5"], [0.5, 0.5, "1.5"]),
        (NumberForm(".", ","), ["1,234", "1,234.5", "12,5"], [1234, 1234.5, "12,5"]),
        (NumberForm(",", " "), ["1 234,5", "1\N{NARROW NO-BREAK SPACE}234"], [1234.5, 1234]),
        (NumberForm(".", "'"), ["1'234'567.5"], [1234567.5]),
    ],
)  # fmt: skip
def test_marks_within_numbers_are_those_of_the_mapping(form, cells, values):
    assert read(cells, ALONE, form) == values


@pytest.mark.parametrize("cells", [["0,5", "1,10"], ["1.234,50", "0,5", "12"], ["3,10", "3,9"]])
def test_a_decimal_comma_makes_numbers_whatever_their_zeros(cells):
    rule = rule_of(pa.array(cells), GERMAN)
    assert all(isinstance(value, int | float) for value in read(cells, rule, GERMAN))


@pytest.mark.parametrize(
    ("form", "cells", "rows"),
    [
        (POINT, ["1,234", "12", "2,234.5", None], [True, False, True, False]),
        (POINT, ["12,5", "x"], [True, False]),
        (POINT, ["1.234,50", "1.234,5"], [True, True]),
        (NumberForm(","), ["1.234", "12,5"], [True, False]),
        (GERMAN, ["1.234", "12,5"], None),
        (POINT, ["1.10", "7f,3a", "ann,bob", "3.11.2"], None),
        (POINT, ["main", "dev", "1,234"], None),
    ],
)
def test_a_column_of_numbers_with_marks_that_stays_text_is_named(form, cells, rows):
    remarks = remarks_on_marks({"a": pa.array(cells)}, form)
    assert [mask.tolist() for mask in remarks.values()] == ([rows] if rows else [])
    assert all("`a`" in text and "--decimal" in text for text in remarks)


def test_a_column_of_numbers_takes_leading_zeros_and_long_ones():
    cells = pa.array(["007", "1.10", "12345678901234567890", "+00.5", "abc", "1e400", None])
    texts = json_numbers(cells).to_pylist()
    assert texts == ["7", "1.10", "12345678901234567890", "0.5", None, None, None]


NUMBERISH = st.text(st.sampled_from("0159.,+-eE '"), max_size=6)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.none() | NUMBERISH, min_size=1, max_size=8), st.lists(NUMBERISH, max_size=8))
def test_a_cell_is_read_by_itself_and_loses_nothing(cells, first):
    rule = rule_of(pa.array(first, pa.string()))
    together = read(cells, rule)
    assert together == [value for cell in cells for value in read([cell], rule)]
    for cell, value in zip(cells, together, strict=True):
        if cell is not None and not isinstance(value, str):
            assert float(cell) == value
