"""Columns of instants."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.kernel.instants import parse, to_us
from runlore.records.formats.instants import microseconds


def us(*cells, timezone="UTC", epoch=None):
    return microseconds(pa.array(cells), timezone, epoch).to_pylist()


def at(text):
    return to_us(parse(text))


@pytest.mark.parametrize(
    ("cell", "instant"),
    [
        ("2024-03-01T12:00:00Z", "2024-03-01T12:00:00Z"),
        ("2024-03-01 12:00:00", "2024-03-01T12:00:00Z"),
        (" 2024-03-01 12:00 ", "2024-03-01T12:00:00Z"),
        ("2024-03-01", "2024-03-01T00:00:00Z"),
        ("2024-03-01T12:00:00.123456789+02:00", "2024-03-01T10:00:00.123456Z"),
        ("2024-03-01T12:00:00,5+0530", "2024-03-01T06:30:00.5Z"),
        ("2024-03-01 12:00:00 UTC", "2024-03-01T12:00:00Z"),
        ("2024-03-01 12:00:00-08", "2024-03-01T20:00:00Z"),
    ],
)
def test_iso_8601_is_read_alone_and_among_other_spellings(cell, instant):
    assert us(cell) == [at(instant)]
    assert us(cell, "2024-01-01 00:00:00.25", "2024-01-01T00:00:00Z", "no", None) == [
        at(instant),
        at("2024-01-01T00:00:00.25Z"),
        at("2024-01-01T00:00:00Z"),
        None,
        None,
    ]


@pytest.mark.parametrize(
    "cell", ["", "xx", "2024", "20240301", "2024-13-01", "2024-02-30", "01/02/2024", "1709294400"]
)
def test_what_is_no_instant_is_null(cell):
    assert us(cell, "2024-01-01T00:00:00Z") == [None, at("2024-01-01T00:00:00Z")]


def test_only_instants_without_a_zone_take_the_mapping_s():
    cells = ("2024-07-01 12:00:00", "2024-07-01 12:00:00Z", "2024-01-01 12:00:00")
    assert us(*cells, timezone="Europe/Paris") == [
        at("2024-07-01T10:00:00Z"),
        at("2024-07-01T12:00:00Z"),
        at("2024-01-01T11:00:00Z"),
    ]
    assert us(cells[0], timezone="Europe/Paris") == [at("2024-07-01T10:00:00Z")]


def test_an_hour_that_comes_twice_is_its_first():
    assert us("2024-10-27 02:30:00", timezone="Europe/Paris") == [at("2024-10-27T00:30:00Z")]


def test_an_hour_that_never_comes_is_still_read():
    assert us("2024-03-31 02:30:00", timezone="Europe/Paris")[0] is not None


@pytest.mark.parametrize(
    ("cell", "epoch"),
    [
        ("1709294400", "s"),
        ("1709294400.0", "s"),
        ("1709294400000", "ms"),
        ("1709294400000000", "us"),
    ],
)
def test_numbers_are_instants_when_their_unit_is_told(cell, epoch):
    wanted = at("2024-03-01T12:00:00Z")
    assert us(cell, epoch=epoch) == [wanted]
    assert us(cell, "x", None, epoch=epoch) == [wanted, None, None]
    assert us(float(cell), epoch=epoch) == [wanted]


def test_absurd_numbers_are_no_instants():
    assert us("1e300", "nan", "inf", epoch="s") == [None, None, None]


def test_typed_timestamps_and_dates_need_no_parsing():
    column = pa.array([at("2024-03-01T12:00:00Z") * 1000 + 7]).cast(pa.timestamp("ns"))
    assert microseconds(column, "UTC", None).to_pylist() == [at("2024-03-01T12:00:00Z")]
    zoned = column.cast(pa.timestamp("ns", "America/New_York"))
    assert microseconds(zoned, "Europe/Paris", None).to_pylist() == [at("2024-03-01T12:00:00Z")]
    days = pa.array([19783], pa.int32()).cast(pa.date32())
    assert microseconds(days, "UTC", None).to_pylist() == [at("2024-03-01T00:00:00Z")]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.datetimes(timezones=st.timezones()), min_size=1, max_size=5),
    st.sampled_from(["", "rubbish", "2024-01-01 00:00:00"]),
)
def test_every_instant_with_an_offset_is_read_as_python_reads_it(instants, other):
    minutes = [each for each in instants if each.utcoffset().total_seconds() % 60 == 0]
    text = [each.isoformat() for each in minutes if 1700 < each.year < 2200]
    expected = [to_us(parse(each)) for each in text]
    assert us(*text, other)[:-1] == expected
