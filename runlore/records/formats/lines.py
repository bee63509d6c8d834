"""Where the records of a chunk of text begin and end."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.records.formats.parsed import MOST_RAW_CHARACTERS, rejects
from runlore.records.formats.quotes import LONGEST_RECORD_BYTES, NEWLINE, Quoting, spans

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Lines:
    """The N records of a chunk. starts: (N + 1,), the offsets of their first bytes and of the end.

    line: (N,), the number of a record's first line in its file. has_open_quote: (N,), the record
    opens a quote that is never closed.
    """

    data: bytes
    first_line: int
    starts: Ints
    line: Ints
    has_open_quote: Mask

    def __len__(self) -> int:
        return self.line.size

    def bytes_of(self, keep: Mask) -> bytes:
        """The bytes of the records where `keep` is True."""
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
    """Find the records of a chunk; without quoting, every line is one."""
    starts, count = physical_lines(data)
    numbers = np.arange(first_line, first_line + count, dtype=np.int64)
    is_open = np.zeros(count, dtype=np.bool_)
    is_start = np.ones(count, dtype=np.bool_)
    if quoting is not None:
        pairs, strays = spans(data, starts, quoting)
        is_open[strays] = True
        depth = np.zeros(count + 1, dtype=np.int64)
        depth[pairs[:, 0] + 1] += 1
        np.add.at(depth, pairs[:, 1] + 1, -1)
        is_start = np.cumsum(depth)[:count] == 0
    is_boundary = np.append(is_start, True)
    return Lines(data, first_line, starts[is_boundary], numbers[is_start], is_open[is_start])


def complete(data: bytes, quoting: Quoting | None = None) -> int:
    """How many bytes are whole records: not an unfinished line, not a quote still open."""
    end = data.rfind(b"\n") + 1
    if quoting is None or end == 0:
        return end
    starts, _ = physical_lines(data[:end])
    pairs, strays = spans(data[:end], starts, quoting)
    over = int(pairs[-1, 1]) if len(pairs) else -1
    near = np.searchsorted(starts, end - LONGEST_RECORD_BYTES)
    undecided = strays[(strays > over) & (strays >= near)]
    return int(starts[undecided[0]]) if undecided.size else end


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


def rejects_of(chunk: Lines, reason: str, bad: Mask) -> pa.Table:
    """The bad records as a table of rejects, all for one reason."""
    rows = np.flatnonzero(bad)
    return rejects(chunk.line[rows], [reason] * rows.size, chunk.raw(rows))
