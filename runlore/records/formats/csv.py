"""Separated values with a header line."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from runlore.kernel.errors import BadInput
from runlore.records.formats import lines
from runlore.records.formats.columns import Cells, Reader
from runlore.records.formats.lines import Lines, rejects_of
from runlore.records.formats.number_text import CellRule
from runlore.records.formats.parsed import Parsed, merged, rejects
from runlore.records.formats.quotes import NEWLINE, RETURN, Quoting
from runlore.records.formats.row_ids import RowIds
from runlore.records.mapping import ColumnMapping, resolve
from runlore.records.validate import LATEST_US

DELIMITERS = (",", ";", "\t", "|")
NULL_WORDS = ["", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NaT", "null", "NULL", "None", "none"]
NULL_WORDS += ["\\N"]
NAMES = ("source_id", "actor", "kind", "scope", "name")
# Namibia, sodium, North America: no value among measurements, and a word among names.
WORD_AMONG_NAMES = "NA"
SEPARATOR_LINE = re.compile(r'^"?sep=(.)"?$', re.IGNORECASE)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]


class RecordReader(Protocol):
    """Makes records out of cells. counts_rows: see `Reader`."""

    @property
    def counts_rows(self) -> bool: ...

    def read(self, cells: Cells) -> Parsed: ...


@dataclass(frozen=True)
class CsvLayout:
    """How one file's lines are read. header_line: the number of the line with the names.

    names: the columns, by position, of actors, kinds, scopes, executions and metrics, in which NA
    is a word.
    """

    header: tuple[str, ...]
    header_line: int
    delimiter: str
    reader: RecordReader
    names: tuple[int, ...] = ()

    @property
    def quoting(self) -> Quoting:
        return Quoting(self.delimiter, len(self.header))

    @property
    def counts_rows(self) -> bool:
        return self.reader.counts_rows

    def complete(self, data: bytes) -> int:
        return lines.complete(data, self.quoting)

    def parse(self, data: bytes, first_line: int) -> Parsed:
        """Read a chunk of whole records whose first line has this number in its file."""
        cells, refused = self.cells(data, first_line)
        parsed = self.reader.read(cells)
        return replace(parsed, rejects=merged([*refused, parsed.rejects]))

    def cells(self, data: bytes, first_line: int) -> tuple[Cells, list[pa.Table]]:
        """The rows that can be told apart into cells, and the rejects among the others."""
        chunk = lines.split(_with_plain_line_ends(data), first_line, self.quoting)
        is_row = ~_is_blank(chunk) & (chunk.line > self.header_line)
        not_text, with_nul = (bad & is_row for bad in lines.unreadable(chunk))
        reasons = {
            "is not UTF-8 text; if the whole file is not, say --encoding cp1252": not_text,
            "holds a NUL byte": with_nul & ~not_text,
            "a quote is opened and never closed": chunk.has_open_quote & is_row,
        }
        bad = not_text | with_nul | (chunk.has_open_quote & is_row)
        tables = [rejects_of(chunk, why, mask) for why, mask in reasons.items()]
        rows = np.flatnonzero(is_row & ~bad)
        parts = list(self._parts(chunk.bytes_of(_mask(chunk, rows)), chunk, rows))
        tables += [_misfits(chunk, part, len(self.header)) for part in parts]
        table = pa.concat_tables([part.table for part in parts])
        parsed_rows = np.concatenate([part.rows for part in parts])
        columns = {name: table.column(i).combine_chunks() for i, name in enumerate(self.header)}
        if b'""' in chunk.data:
            columns = {name: _without_empty(column) for name, column in columns.items()}
        cells = Cells(columns, chunk.line[parsed_rows], lambda r: chunk.raw(parsed_rows[r]))
        return cells, tables

    def _parts(self, data: bytes, chunk: Lines, rows: Ints) -> Iterator["_Part"]:
        """Read all at once, or in halves down to the record where quotes mislead the parser."""
        misfits: dict[int, int] = {}
        table = self._read(data, misfits)
        if table is not None and table.num_rows + len(misfits) == rows.size:
            parsed_rows = np.delete(rows, list(misfits))
            yield _Part(table, parsed_rows, {int(rows[at]): count for at, count in misfits.items()})
        elif rows.size == 1:
            yield _Part(self._empty(), rows[:0], {int(rows[0]): 0})
        else:
            for half in np.array_split(rows, 2):
                yield from self._parts(chunk.bytes_of(_mask(chunk, half)), chunk, half)

    def _read(self, data: bytes, misfits: dict[int, int]) -> pa.Table | None:
        """The parsed table; None when the parser fails. misfits: filled with row -> field count."""
        if not data:
            return self._empty()

        def refuse(row: pa_csv.InvalidRow) -> str:
            misfits[row.number - 1] = row.actual_columns
            return "skip"

        try:
            table = self._table(data, refuse, [*NULL_WORDS, WORD_AMONG_NAMES], None)
            names = [str(at) for at in self.names]
            if names and _may_hold(data, WORD_AMONG_NAMES, self.delimiter):
                with_words = self._table(data, lambda _: "skip", NULL_WORDS, names)
                for name in names:
                    table = table.set_column(int(name), name, with_words[name])
        except pa.ArrowInvalid:
            return None
        return table

    def _table(
        self,
        data: bytes,
        refuse: Callable[[pa_csv.InvalidRow], str],
        null_words: list[str],
        only: list[str] | None,
    ) -> pa.Table:
        names = [str(i) for i in range(len(self.header))]
        return pa_csv.read_csv(
            pa.py_buffer(data),
            pa_csv.ReadOptions(column_names=names, block_size=len(data) + 1, use_threads=False),
            pa_csv.ParseOptions(
                delimiter=self.delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=refuse,
            ),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=null_words,
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                include_columns=only,
            ),
        )

    def _empty(self) -> pa.Table:
        names = [str(i) for i in range(len(self.header))]
        return pa.table({name: pa.array([], pa.string()) for name in names})


@dataclass(frozen=True)
class _Part:
    """Some records as the parser read them. rows: those in the table, in its order.

    misfits: the other rows -> the number of their fields, 0 when their quotes do not match.
    """

    table: pa.Table
    rows: Ints
    misfits: Mapping[int, int]


def layout(
    head: bytes,
    source: str,
    mapping: ColumnMapping,
    now_us: int = LATEST_US,
    rules: Mapping[str, CellRule] | None = None,
) -> CsvLayout:
    """Find the header in a file's first bytes. now_us: see `Reader`.

    rules: how the untyped cells of inputs are read; without a rule as the rows of `head` suggest.
    """
    header, number, delimiter = find_header(head, mapping.delimiter)
    _check_header(header)
    resolved = resolve(mapping, header)
    reader = Reader(source, mapping, resolved, RowIds(), now_us, rules or {})
    named = {resolved.columns[field] for field in NAMES if field in resolved.columns}
    named |= set(resolved.id_columns)
    names = tuple(at for at, name in enumerate(header) if name in named)
    plain = CsvLayout(header, number, delimiter, reader, names)
    whole = head[: plain.complete(head)] or head
    first, _ = plain.cells(whole, 1)
    reader.check_dates(first)
    return replace(plain, reader=reader.with_rules_of(first))


def find_header(head: bytes, delimiter: str | None = None) -> tuple[tuple[str, ...], int, str]:
    """The names in a file's first line that is not blank, its number, and what separates them.

    A line such as "sep=;" before it names the separator.
    """
    text = head.removeprefix(BYTE_ORDER_MARK).decode("utf-8", "replace")
    for number, ended in enumerate(text.split("\n"), start=1):
        line = ended.rstrip("\r")
        if mark := SEPARATOR_LINE.match(line.strip(" ")):
            delimiter = delimiter or mark[1]
        elif line.strip():
            separator = delimiter or _delimiter(line)
            return tuple(name.strip() for name in _fields(line, separator)), number, separator
    raise BadInput("the file is empty: it has no header line")


def _delimiter(line: str) -> str:
    return max(DELIMITERS, key=line.count)


def _fields(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _check_header(header: tuple[str, ...]) -> None:
    for name in header:
        if name and header.count(name) > 1:
            raise BadInput(f"the header names {name!r} twice")


def _mask(chunk: Lines, rows: Ints) -> Mask:
    keep = np.zeros(len(chunk), dtype=np.bool_)
    keep[rows] = True
    return keep


def _misfits(chunk: Lines, part: _Part, columns: int) -> pa.Table:
    rows = np.array(sorted(part.misfits), dtype=np.int64)
    counts = (part.misfits[row] for row in rows.tolist())
    reasons = [f"has {n} fields, not {columns}" if n else "its quotes do not match" for n in counts]
    return rejects(chunk.line[rows], reasons, chunk.raw(rows))


def _is_blank(chunk: Lines) -> Mask:
    """(N,): True for records that consist of a line end only."""
    content = lines.as_bytes(chunk.data)
    size = np.diff(chunk.starts)
    if not size.size:
        return np.zeros(0, dtype=np.bool_)
    first = content[chunk.starts[:-1]]
    is_blank: Mask = (first == NEWLINE) | ((first == RETURN) & (size <= 2))
    return is_blank


def _with_plain_line_ends(data: bytes) -> bytes:
    """Drop carriage returns before a line end, and replace lone ones, which would end a line."""
    if b"\r" not in data or data.count(b"\r") == data.count(b"\r\n"):
        return data
    return re.sub(rb"\r(?!\n)", b" ", re.sub(rb"\r+\r\n", b"\r\n", data))


def _without_empty(column: pa.Array) -> pa.Array:
    """Quotes around nothing are no value."""
    is_empty = pc.equal(column, "")
    return pc.if_else(is_empty, None, column) if pc.any(is_empty).as_py() else column


def _may_hold(data: bytes, word: str, delimiter: str) -> bool:
    """Whether a cell may consist of the word."""
    at, mark = word.encode(), delimiter.encode()
    if at not in data:
        return False
    ends = (mark, b"\n", b"\r")
    return data.startswith((at + mark, at + b"\n")) or any(
        start + at + end in data for start in (mark, b"\n") for end in ends
    )
