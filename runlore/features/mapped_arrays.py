"""Large arrays rest in temporary files without a name, so that memory holds only what is in use.

A mapped page counts as memory of the process from its first use until it is released; the system
keeps it as long as there is room. The files lie in the folder for temporary files (`TMPDIR`),
which should be on a disk.
"""

import ctypes
import errno
import math
import mmap
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from threading import Lock
from typing import Any, BinaryIO
from weakref import WeakSet

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from runlore.kernel.errors import CannotWrite

LEAST_BYTES = 8 << 20  # smaller arrays stay in memory
PIECE_BYTES = 8 << 20  # what one of `pieces` brings into memory
M_MMAP_THRESHOLD = -3  # its number in malloc.h
LARGE_BLOCK_BYTES = 1 << 20
ALIGNMENT = 64  # bytes; Arrow recommends it


class _Mapping(mmap.mmap):
    """A mapped file that `release` knows of as long as an array lies in it."""


_live: WeakSet[_Mapping] = WeakSet()
_lock = Lock()


def empty(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Make an array like `numpy.empty`; from `LEAST_BYTES` on it lies in a file.

    Raises CannotWrite when the disk has no room for it.
    """
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    if size < LEAST_BYTES:
        return np.empty(shape, kind)
    with tempfile.TemporaryFile(prefix="runlore-") as file:
        _write(lambda: _reserve(file.fileno(), size))
        return np.frombuffer(_map(file, size), kind).reshape(shape)


def moved(array: NDArray[Any]) -> NDArray[Any]:
    """The same values where `empty` puts an array of this size; those of objects stay."""
    if array.dtype == object or array.nbytes < LEAST_BYTES:
        return array
    target = empty(array.shape, array.dtype)
    target[...] = array
    release()
    return target


def joined(parts: Sequence[NDArray[Any]], dtype: DTypeLike) -> NDArray[Any]:
    """Concatenate arrays of one dimension into one that `empty` made."""
    target = empty((sum(part.size for part in parts),), dtype)
    return np.concatenate(parts, out=target) if parts else target


def release() -> None:
    """Let all mapped pages leave the memory of this process; the files keep their content."""
    if hasattr(mmap, "MADV_DONTNEED"):
        with _lock:
            mappings = list(_live)
        for mapping in mappings:
            mapping.madvise(mmap.MADV_DONTNEED)


@cache
def _return_large_blocks() -> None:
    """Let the C library return large arrays to the system as soon as they are freed.

    It would otherwise learn from the first of them to keep such blocks for later ones.
    """
    with suppress(OSError, AttributeError):  # not the C library of GNU
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)


def trim() -> None:
    """Give memory that was freed back to the system, after a step that needed much of it.

    Without mapped arrays there is no large log, and nothing to do.
    """
    if not _live:
        return
    release()
    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):  # not the C library of GNU
        ctypes.CDLL(None).malloc_trim(0)


def pieces(rows: int, row_bytes: int) -> Iterator[slice]:
    """Cut rows, in order, into slices of about `PIECE_BYTES`; pages are released after each."""
    step = max(PIECE_BYTES // max(row_bytes, 1), 1)
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))
        if rows > step:
            release()


class TextSpool:
    """Arrow text without nulls that comes in chunks; from `LEAST_BYTES` on it lies in a file."""

    def __init__(self) -> None:
        self._chunks: list[pa.Array] = []
        self._file: BinaryIO | None = None
        self._places: list[tuple[int, int, int, int]] = []

    def add(self, chunk: pa.Array) -> None:
        self._chunks.append(chunk)
        if self._file is not None or sum(c.nbytes for c in self._chunks) >= LEAST_BYTES:
            self._spill()

    def finish(self) -> pa.ChunkedArray:
        """All text, in the order in which it came."""
        if self._file is None:
            return pa.chunked_array(self._chunks, type=pa.string())
        self._file.flush()
        content = pa.py_buffer(_map(self._file, self._file.tell()))
        self.close()
        chunks = [
            pa.StringArray.from_buffers(
                rows, content.slice(offsets, 4 * (rows + 1)), content.slice(data, size)
            )
            for rows, offsets, data, size in self._places
        ]
        return pa.chunked_array(chunks, type=pa.string())

    def close(self) -> None:
        """Close the file; what was mapped by `finish` stays."""
        if self._file is not None:
            self._file.close()

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="runlore-")  # noqa: SIM115  (see `finish`)
        for chunk in self._chunks:
            if len(chunk):
                self._places.append(self._write_chunk(self._file, chunk))
        self._chunks.clear()

    def _write_chunk(self, file: BinaryIO, chunk: pa.Array) -> tuple[int, int, int, int]:
        """Returns the chunk's rows, the places of its offsets and its data, and the data's size."""
        _, offsets, data = chunk.buffers()
        ends = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
        content = memoryview(data or b"")[ends[0] : ends[-1]]
        begins = _append(file, memoryview(ends - ends[0]))
        return len(chunk), begins, _append(file, content), len(content)


def _append(file: BinaryIO, content: memoryview) -> int:
    """Write at the next aligned place; returns the place."""
    _write(lambda: file.write(b"\0" * (-file.tell() % ALIGNMENT)))
    at = file.tell()
    _write(lambda: file.write(content))
    return at


def _map(file: BinaryIO, size: int) -> _Mapping:
    _return_large_blocks()
    mapping = _Mapping(file.fileno(), size)
    with _lock:
        _live.add(mapping)
    return mapping


def _reserve(descriptor: int, size: int) -> None:
    """Take the room now: a write to a mapped page cannot report that the disk is full."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.ftruncate(descriptor, size)


def _write(action: Callable[[], object]) -> None:
    try:
        action()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise CannotWrite(
            f"{tempfile.gettempdir()}: no room for temporary data of a large log;"
            " make room there, or name another folder in TMPDIR"
        ) from error
