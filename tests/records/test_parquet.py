"""Parquet columns keep their types."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from runlore.kernel.errors import BadInput
from runlore.records.formats.parquet import parse, reader
from runlore.records.mapping import declare

AT = datetime(2024, 1, 1, 12, tzinfo=UTC)


def read(table, mapping):
    (batch,) = table.combine_chunks().to_batches()
    return parse(batch, 1, reader(table.schema, "log", declare(mapping)))


def test_typed_columns_need_no_guessing():
    table = pa.table(
        {
            "id": pa.array([7, 8]),
            "submitted": pa.array([AT, AT], pa.timestamp("ns", "UTC")),
            "actor": pa.array(["ann", None]).dictionary_encode(),
            "kind": pa.array(["a", "b"], pa.large_string()),
            "status": pa.array(["ok", "failed"]),
            "duration_s": pa.array([1.5, 2.5], pa.float32()),
            "flag": pa.array([True, False]),
            "price": pa.array([Decimal("1.25"), None], pa.decimal128(8, 2)),
            "load": pa.array([0.5, float("nan")]),
            "day": pa.array([date(2024, 1, 1)] * 2),
            "number": pa.array(["7", "x"]).dictionary_encode(),
        }
    )
    rows = read(table, {"inputs": ["flag", "price", "load", "day", "number"]}).records.to_pylist()
    assert [row["source_id"] for row in rows] == ["7", "8"]
    assert [row["actor"] for row in rows] == ["ann", ""]
    assert rows[0]["finished"] - rows[0]["submitted"] == 1_500_000
    assert json.loads(rows[0]["inputs"]) == {
        "flag": True,
        "price": 1.25,
        "load": 0.5,
        "day": "2024-01-01",
        "number": "7",
    }
    assert json.loads(rows[1]["inputs"]) == {"flag": False, "day": "2024-01-01", "number": "x"}


def test_naive_timestamps_take_the_mapping_s_zone():
    noon = datetime(2024, 7, 1, 12, tzinfo=UTC).replace(tzinfo=None)
    table = pa.table({"id": [1], "submitted": pa.array([noon], pa.timestamp("us"))})
    (row,) = read(table, {"timezone": "Europe/Paris"}).records.to_pylist()
    assert datetime.fromtimestamp(row["submitted"] / 1e6, UTC).hour == 10


def test_bad_rows_are_refused_by_number_and_shown_as_json():
    table = pa.table(
        {"id": ["1", "2"], "submitted": pa.array([AT, None], pa.timestamp("us", "UTC"))}
    )
    parsed = read(table, {})
    assert parsed.rejects.select(["line", "reason", "raw"]).to_pylist() == [
        {"line": 2, "reason": "submitted is empty", "raw": '{"id":"2"}'}
    ]


def test_text_with_a_nul_is_stored_without_it():
    table = pa.table({"id": ["1"], "submitted": [AT], "actor": ["a\0b"], "x": ["c\0d"]})
    (row,) = read(table, {"inputs": ["x"]}).records.to_pylist()
    assert row["actor"] == "a\N{REPLACEMENT CHARACTER}b"
    assert json.loads(row["inputs"]) == {"x": "c\N{REPLACEMENT CHARACTER}d"}


def test_nested_columns_are_refused_by_name():
    table = pa.table({"id": ["1"], "submitted": [AT], "tags": [["a"]]})
    with pytest.raises(BadInput, match="column 'tags': list"):
        read(table, {"inputs": ["tags"]})
    assert read(table, {}).records.num_rows == 1
