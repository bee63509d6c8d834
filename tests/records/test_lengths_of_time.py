"""Lengths of time and amounts of memory, in the forms that tools and people write."""

from datetime import timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.records.formats.durations import seconds
from runlore.records.formats.memory import memory_bytes, memory_per

DURATIONS = {
    "1-02:03:04": 93_784.0,
    "10-00:00:00": 864_000.0,
    "00:29:04": 1_744.0,
    "04:05": 245.0,
    "00:01.234": 1.234,
    "0:00:01": 1.0,
    "1 day, 0:00:01": 86_401.0,
    "2 days, 10:00:00": 208_800.0,
    "21m 24s": 1_284.0,
    "1h 2m": 3_720.0,
    "1d 2h 3m 4s": 93_784.0,
    "51.6s": 51.6,
    "900ms": 0.9,
    "9m": 540.0,
    "1 min 4 sec": 64.0,
    "2 hr 5 min": 7_500.0,
    "1 hour, 5 minutes": 3_900.0,
    "PT1H2M3.5S": 3_723.5,
    "P1DT1S": 86_401.0,
    "90": 90.0,
    "1.5": 1.5,
    " 7 ": 7.0,
    "-00:00:05": -5.0,
    "": None,
    "-": None,
    "P": None,
    "soon": None,
    "1:2:3:4": None,
    "UNLIMITED": None,
}
GIB = 1024.0**3
AMOUNTS = {
    "4Gn": 4 * GIB,
    "4Gc": 4 * GIB,
    "2000Mc": 2_000 * 1024.0**2,
    "0n": 0.0,
    "1.2 GB": 1.2 * GIB,
    "8 GB": 8 * GIB,
    "16 GiB": 16 * GIB,
    "500K": 512_000.0,
    "3145728K": 3 * GIB,
    "512 B": 512.0,
    "100 bytes": 100.0,
    "1T": 1024 * GIB,
    "7": 7.0,
    ".5k": 512.0,
    "lots": None,
    "": None,
    "-": None,
    "4 Gx": None,
}


@pytest.mark.parametrize(("text", "length_s"), DURATIONS.items())
def test_a_length_of_time_is_read_in_seconds(text, length_s):
    (read,) = seconds(pa.array([text])).to_pylist()
    assert read == (length_s if length_s is None else pytest.approx(length_s))


def test_forms_may_be_mixed_in_one_column():
    read = seconds(pa.array([*DURATIONS, None])).to_pylist()
    assert read == [None if s is None else pytest.approx(s) for s in (*DURATIONS.values(), None)]


def test_a_plain_number_is_counted_in_the_unit_of_its_column():
    assert seconds(pa.array(["1500", "2s"]), unit_s=1e-3).to_pylist() == [1.5, 2.0]
    assert seconds(pa.array([1500, None]), unit_s=60.0).to_pylist() == [90_000.0, None]


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=9_999)))
def test_pythons_own_text_is_read_back(length):
    (read,) = seconds(pa.array([str(length)])).to_pylist()
    assert read == pytest.approx(length.total_seconds(), abs=1e-3)


@given(st.integers(0, 99_999_999))
def test_slurms_text_is_read_back(total):
    days, rest = divmod(total, 86_400)
    text = f"{days}-" * bool(days) + f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    assert seconds(pa.array([text])).to_pylist() == [total]


@pytest.mark.parametrize(("text", "size"), AMOUNTS.items())
def test_an_amount_of_memory_is_read_in_bytes(text, size):
    (read,) = memory_bytes(pa.array([text])).to_pylist()
    assert read == (size if size is None else pytest.approx(size))


def test_what_slurms_memory_is_for_is_read_too():
    assert memory_per(pa.array(["4Gn", "4Gc", "4G", None])).to_pylist() == ["n", "c", "", None]


def test_a_plain_number_of_memory_is_counted_in_the_unit_of_its_column():
    read = memory_bytes(pa.array(["2.5", "1K", "3 b"]), plain_unit=1024.0**2).to_pylist()
    assert read == [2.5 * 1024**2, 1024.0, 3.0]
    assert memory_bytes(pa.array([2.0]), plain_unit=1024.0).to_pylist() == [2048.0]
