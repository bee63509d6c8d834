"""Arrays in temporary files: the same values as in memory, and memory that can be released."""

import gc
import tempfile
from itertools import chain

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pytest

from runlore.features import mapped_arrays
from runlore.kernel.errors import CannotWrite

MB = 1 << 20


@pytest.fixture(params=[1, 1 << 40], ids=["in files", "in memory"])
def place(request, monkeypatch):
    monkeypatch.setattr(mapped_arrays, "LEAST_BYTES", request.param)


@pytest.mark.usefixtures("place")
def test_an_array_keeps_its_values_after_its_pages_were_released():
    array = mapped_arrays.empty((1000, 7), np.float32)
    array[:] = np.arange(7000, dtype=np.float32).reshape(1000, 7)
    mapped_arrays.release()
    np.testing.assert_array_equal(array, np.arange(7000, dtype=np.float32).reshape(1000, 7))


@pytest.mark.usefixtures("place")
def test_an_empty_array_can_be_made():
    assert mapped_arrays.empty((0, 3), np.int64).shape == (0, 3)


@pytest.mark.usefixtures("place")
def test_joined_parts_are_their_concatenation():
    joined = mapped_arrays.joined([np.arange(3), np.arange(4), np.empty(0, np.int64)], np.int64)
    assert joined.tolist() == [0, 1, 2, 0, 1, 2, 3]
    assert mapped_arrays.joined([], np.int64).tolist() == []


@pytest.mark.usefixtures("place")
def test_text_comes_back_in_its_order():
    words = ["", "a", "ünï☃", "x" * 5000, "\n\t"]
    spool = mapped_arrays.TextSpool()
    for first in range(0, len(words), 2):
        spool.add(pa.array(words)[first : first + 2])
    spool.add(pa.array([], pa.string()))
    column = pd.Series(pd.array(spool.finish(), dtype=pd.ArrowDtype(pa.string())))
    mapped_arrays.release()
    assert column.tolist() == words
    assert column.isin(["a"]).tolist() == [False, True, False, False, False]


def test_pieces_cover_all_rows_in_order():
    covered = [list(range(100_000))[piece] for piece in mapped_arrays.pieces(100_000, 1000)]
    assert len(covered) > 1
    assert list(chain.from_iterable(covered)) == list(range(100_000))
    assert list(mapped_arrays.pieces(0, 8)) == []


def test_released_pages_leave_the_memory_of_the_process():
    process = psutil.Process()
    array = mapped_arrays.empty((100 * MB,), np.uint8)
    array[:] = 1
    used = process.memory_info().rss
    mapped_arrays.release()
    assert process.memory_info().rss < used - 90 * MB
    assert array[-1] == 1


def test_a_file_goes_with_its_array():
    gc.collect()
    before = len(mapped_arrays._live)
    array = mapped_arrays.empty((mapped_arrays.LEAST_BYTES,), np.uint8)
    part = array[5:]
    del array
    assert len(mapped_arrays._live) == before + 1
    assert part.size
    del part
    assert len(mapped_arrays._live) == before


def test_a_full_disk_names_the_folder(monkeypatch):
    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mapped_arrays, "_reserve", full)
    with pytest.raises(CannotWrite, match=tempfile.gettempdir()):
        mapped_arrays.empty((mapped_arrays.LEAST_BYTES,), np.uint8)
