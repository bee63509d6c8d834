"""Parquet columns of lengths of time, and columns that cannot be used."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from runlore.kernel.errors import BadInput
from runlore.records.formats.parquet import parse, reader
from runlore.records.mapping import declare

AT = datetime(2024, 1, 1, 12, tzinfo=UTC)
LEAST = -(2**63)


def table(rows=1, **columns):
    plain = {"id": [str(n) for n in range(rows)], "submitted": [AT] * rows}
    return pa.table(plain | columns)


def read(log, mapping=None):
    (batch,) = log.combine_chunks().to_batches()
    return parse(batch, 1, reader(log.schema, "log", declare(mapping or {})))


def rows(log, mapping=None):
    return read(log, mapping).records.to_pylist()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("field", ["duration_s", "duration_ms"])
def test_a_length_of_time_is_seconds_whatever_its_unit(unit, field):
    lengths = pa.array([timedelta(seconds=5), None], pa.duration(unit))
    log = table(2, took=lengths, limit=lengths.dictionary_encode())
    mapping = {"columns": {field: "took"}, "inputs": ["limit"], "outcome": {"run": "took"}}
    first, second = rows(log, mapping)
    assert first["finished"] - first["submitted"] == 5_000_000
    assert (json.loads(first["inputs"]), json.loads(first["outcome"])) == (
        {"limit": 5},
        {"run": 5, "duration_s": 5},
    )
    assert (second["finished"], second["inputs"], second["outcome"]) == (None, "{}", "{}")


def test_parts_of_a_second_survive():
    log = table(took=pa.array([1_500_250], pa.duration("us")))
    (row,) = rows(log, {"columns": {"duration_s": "took"}, "inputs": ["took"]})
    assert row["finished"] - row["submitted"] == 1_500_250
    assert json.loads(row["inputs"]) == {"took": 1.50025}


@pytest.mark.parametrize(
    ("column", "mapping", "message"),
    [
        (pa.array([b"x"]), {"inputs": ["x"]}, "column 'x': binary is neither"),
        (pa.array([b"xy"], pa.binary(2)), {"outcome": ["x"]}, "column 'x': fixed_size_bin"),
        (pa.array([b"x"], pa.large_binary()), {"inputs": ["x"]}, "column 'x': large_binary"),
        (pa.array([{"a": 1}]), {"inputs": ["x"]}, "column 'x': struct"),
        (pa.array([[1]]), {"columns": {"actor": "x"}}, "column 'x': list"),
        (pa.array([True]), {"columns": {"started": "x"}}, "started: column 'x' is bool, which is"),
        (pa.array([5]), {"columns": {"finished": "x"}}, "'x' is int64; say --epoch s, ms or us"),
        (pa.array([AT]), {"columns": {"duration_s": "x"}}, "duration_s: column 'x' is timestamp"),
        (pa.array([True]), {"columns": {"duration_ms": "x"}}, "duration_ms: column 'x' is bool"),
    ],
)  # fmt: skip
def test_a_column_that_cannot_be_used_is_named(column, mapping, message):
    with pytest.raises(BadInput, match=message):
        read(table(x=column), mapping)


def test_a_star_leaves_out_what_cannot_be_an_input():
    log = table(n=[7], blob=[b"x"], tags=[["a"]])
    parsed = read(log, {"inputs": "*"})
    assert parsed.records["inputs"].to_pylist() == ['{"n":7}']
    assert [name.split("'")[1] for name in parsed.warnings] == ["blob", "tags"]
    assert read(log, {"inputs": ["n"]}).warnings == {}


def test_two_columns_of_one_name_are_named_when_they_are_used():
    log = pa.Table.from_arrays(
        [pa.array(["1"]), pa.array([AT]), pa.array([1]), pa.array([2])],
        names=["id", "submitted", "x", "x"],
    )
    assert len(rows(log)) == 1
    assert rows(log, {"inputs": "*"})[0]["inputs"] == "{}"
    with pytest.raises(BadInput, match="column 'x': the file has 2 of this name"):
        read(log, {"inputs": ["x"]})


def test_a_float_id_without_a_value_is_refused_and_a_whole_one_is_written_whole():
    log = pa.table({"id": [7.0, float("nan"), 123456789012.0, 7.5], "submitted": [AT] * 4})
    parsed = read(log)
    assert parsed.records["source_id"].to_pylist() == ["7", "123456789012", "7.5"]
    assert parsed.rejects["reason"].to_pylist() == ["source_id is empty"]


@pytest.mark.parametrize("epoch", ["s", "ms", "us"])
@pytest.mark.parametrize("sentinel", [LEAST, 2**63 - 1, -1])
def test_integers_that_stand_for_no_instant_are_none(epoch, sentinel):
    us_per = {"s": 10**6, "ms": 10**3, "us": 1}[epoch]
    at = 1_700_000_000_000_000 // us_per
    log = pa.table({"id": ["1"], "submitted": [at], "started": [sentinel], "n": [LEAST]})
    (row,) = rows(log, {"epoch": epoch, "inputs": ["n"]})
    assert (row["submitted"], row["started"], row["inputs"]) == (at * us_per, None, "{}")


def test_unsigned_integers_beyond_an_instant_are_refused():
    log = pa.table({"id": ["1"], "submitted": pa.array([2**64 - 1], pa.uint64())})
    assert "submitted" in read(log, {"epoch": "us"}).rejects["reason"][0].as_py()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_timestamps_at_the_ends_of_their_type_are_refused_or_none_and_never_crash(unit):
    log = table(3, started=pa.array([LEAST + 1, 2**63 - 1, None], pa.timestamp(unit)))
    parsed = read(log)
    assert parsed.records.num_rows + parsed.rejects.num_rows == 3
    log = table(1, started=np.array(["NaT"], f"datetime64[{unit}]"))
    assert rows(log)[0]["started"] is None


def test_columns_of_nulls_half_floats_and_times_of_day_are_read():
    log = table(
        nothing=pa.nulls(1),
        half=pa.array([1.5], pa.float16()),
        clock=pa.array([3_600], pa.time32("s")),
        huge=pa.array([2**64 - 1], pa.uint64()),
    )
    (row,) = rows(log, {"columns": {"started": "nothing"}, "inputs": ["half", "clock", "huge"]})
    assert json.loads(row["inputs"]) == {"half": 1.5, "clock": "01:00:00", "huge": 2**64 - 1}


def test_types_of_the_mapping_hold_for_typed_columns_too():
    log = table(2, release=[1.1, 2.0], size=["1,5", "7"], limit=["1-00:00:00", "90"])
    mapping = {
        "inputs": ["text:release", "number:size", "duration:limit"],
        "decimal": ",",
    }
    inputs = [json.loads(row["inputs"]) for row in rows(log, mapping)]
    assert inputs == [
        {"release": "1.1", "size": 1.5, "limit": 86400},
        {"release": "2", "size": 7, "limit": 90},
    ]
