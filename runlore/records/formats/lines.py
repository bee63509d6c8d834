"""Where the records of a chunk of text begin and end."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.records.formats.parsed import MOST_RAW_CHARACTERS

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Bytes = NDArray[np.uint8]

NEWLINE, RETURN, QUOTE = 10, 13, 34
LONGEST_RECORD_BYTES = 1 << 20
"""A quote that is not closed within this is taken for a stray one."""


@dataclass(frozen=True, slots=True)
class Quoting:
    """Records may span lines inside quotes; one has `columns` fields."""

    delimiter: str
    columns: int


@dataclass(frozen=True)
class Lines:
    """Records of a chunk. starts: (N + 1,) offsets of their first bytes and of the end.

    line: (N,) number of each record's first line in its file. has_open_quote: (N,) it opens a
    quote that nothing closes.
    """

    data: bytes
    first_line: int
    starts: Ints
    line: Ints
    has_open_quote: Mask

    def __len__(self) -> int:
        return self.line.size

    def bytes_of(self, keep: Mask) -> bytes:
        """The chunk without the records that are not kept."""
        if keep.all():
            return self.data
        return as_bytes(self.data)[np.repeat(keep, np.diff(self.starts))].tobytes()

    def raw(self, rows: Ints) -> pa.Array:
        """The text of some records, as far as it can be shown."""
        if not rows.size:
            return pa.array([], pa.string())
        text = self.data.decode("utf-8", "replace").replace("\0", "\N{SYMBOL FOR NULL}").encode()
        starts, _ = physical_lines(text)
        first = np.append(self.line - self.first_line, starts.size - 1)
        offsets = pa.array(starts[first], pa.int64()).buffers()[1]
        every = pa.LargeStringArray.from_buffers(len(self), offsets, pa.py_buffer(text))
        shown = pc.utf8_rtrim(every.take(pa.array(rows)), "\r\n")
        return pc.utf8_slice_codeunits(shown, 0, MOST_RAW_CHARACTERS).cast(pa.string())


def as_bytes(data: bytes) -> Bytes:
    return np.frombuffer(data, dtype=np.uint8)


def physical_lines(data: bytes) -> tuple[Ints, int]:
    """Offsets of each line's first byte and of the end, and how many lines there are."""
    ends = np.flatnonzero(as_bytes(data) == NEWLINE) + 1
    if data and not data.endswith(b"\n"):
        ends = np.append(ends, len(data))
    return np.concatenate([[0], ends]).astype(np.int64), int(ends.size)


def split(data: bytes, first_line: int, quoting: Quoting | None = None) -> Lines:
    """Find the records; lines without quotes are one each."""
    starts, count = physical_lines(data)
    numbers = np.arange(first_line, first_line + count, dtype=np.int64)
    is_open = np.zeros(count, dtype=np.bool_)
    odd = odd_lines(data, starts, quoting)
    if quoting is None or not odd.size:
        return Lines(data, first_line, starts, numbers, is_open)
    pairs, strays = _pair(data, starts, odd, quoting)
    is_open[strays] = True
    is_start = np.ones(count, dtype=np.bool_)
    depth = np.zeros(count + 1, dtype=np.int64)
    np.add.at(depth, pairs[:, 0] + 1, 1)
    np.add.at(depth, pairs[:, 1] + 1, -1)
    is_start &= np.cumsum(depth)[:count] == 0
    kept = np.append(is_start, True)
    return Lines(data, first_line, starts[kept], numbers[is_start], is_open[is_start])


def complete(data: bytes, quoting: Quoting | None = None) -> int:
    """How many bytes are whole records: not an unfinished line, not a quote still open."""
    end = data.rfind(b"\n") + 1
    if quoting is None or end == 0:
        return end
    starts, _ = physical_lines(data[:end])
    odd = odd_lines(data[:end], starts, quoting)
    if not odd.size:
        return end
    _, strays = _pair(data[:end], starts, odd, quoting)
    last = strays[-1] if strays.size and strays[-1] == odd[-1] else None
    if last is None or end - starts[last] > LONGEST_RECORD_BYTES:
        return end
    return int(starts[last])


def odd_lines(data: bytes, starts: Ints, quoting: Quoting | None) -> Ints:
    """Lines with an odd number of quotes; one amid a word (5'6" x) is text, not a quote."""
    if quoting is None or b'"' not in data:
        return np.zeros(0, dtype=np.int64)
    at = _quotes(data, quoting)
    counts = np.bincount(np.searchsorted(starts, at, side="right") - 1, minlength=starts.size - 1)
    return np.flatnonzero(counts % 2).astype(np.int64)


def unreadable(lines: Lines) -> tuple[Mask, Mask]:
    """Records that are not UTF-8, and records with a NUL byte, which PostgreSQL cannot hold."""
    count = len(lines)
    not_text, with_nul = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    if b"\0" in lines.data:
        at = np.flatnonzero(as_bytes(lines.data) == 0)
        with_nul[np.searchsorted(lines.starts, at, side="right") - 1] = True
    try:
        lines.data.decode()
    except UnicodeDecodeError:
        bad_lines = _undecodable_lines(lines.data) + lines.first_line
        not_text[np.searchsorted(lines.line, bad_lines, side="right") - 1] = True
    return not_text, with_nul


def _undecodable_lines(data: bytes) -> Ints:
    text = data.decode("utf-8", "surrogateescape")
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    at = np.flatnonzero((codes >= 0xDC80) & (codes <= 0xDCFF))
    ends = np.flatnonzero(codes == NEWLINE)
    return np.unique(np.searchsorted(ends, at, side="left")).astype(np.int64)


def _quotes(data: bytes, quoting: Quoting) -> Ints:
    """Positions of the quotes that open or close."""
    content = as_bytes(data)
    at = np.flatnonzero(content == QUOTE)
    edges = np.zeros(256, dtype=np.bool_)
    edges[[NEWLINE, RETURN, QUOTE, ord(quoting.delimiter)]] = True
    after_edge = (at == 0) | edges[content[np.maximum(at - 1, 0)]]
    last = content.size - 1
    before_edge = (at == last) | edges[content[np.minimum(at + 1, last)]]
    quotes: Ints = at[after_edge | before_edge].astype(np.int64)
    return quotes


def _pair(data: bytes, starts: Ints, odd: Ints, quoting: Quoting) -> tuple[NDArray[Any], Ints]:
    """Lines that open a quote with the lines that close it, and those that nothing closes.

    A pair must have as many fields as there are columns; otherwise its first line is a stray.
    """
    fits = _fits(data, starts, odd, quoting)
    position = np.arange(fits.size)
    is_run_start = fits & ~np.concatenate([[False], fits[:-1]])
    run_start = np.maximum.accumulate(np.where(is_run_start, position, 0))
    opens = np.flatnonzero(fits & ((position - run_start) % 2 == 0))
    pairs = np.stack([odd[opens], odd[opens + 1]], axis=1)
    is_stray = np.ones(odd.size, dtype=np.bool_)
    is_stray[opens] = False
    is_stray[opens + 1] = False
    return pairs, odd[is_stray]


def _fits(data: bytes, starts: Ints, odd: Ints, quoting: Quoting) -> Mask:
    """For each odd line but the last: would it and the next odd line make one whole record?"""
    quotes = _quotes(data, quoting)
    delimiters = np.flatnonzero(as_bytes(data) == ord(quoting.delimiter))
    is_inside = np.searchsorted(quotes, delimiters) % 2
    first, end = starts[odd[:-1]], starts[odd[1:] + 1]
    begins_inside = np.searchsorted(quotes, first) % 2
    outside = np.empty((2, first.size), dtype=np.int64)
    for parity in (0, 1):
        there = delimiters[is_inside == parity]
        outside[parity] = np.searchsorted(there, end) - np.searchsorted(there, first)
    fields = outside[begins_inside, np.arange(first.size)] + 1
    fits: Mask = (fields == quoting.columns) & (end - first <= LONGEST_RECORD_BYTES)
    return fits
