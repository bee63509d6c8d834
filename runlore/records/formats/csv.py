"""Separated values with a header line."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from runlore.records.errors import BadInput
from runlore.records.formats import lines
from runlore.records.formats.columns import Cells, Reader
from runlore.records.formats.lines import Lines, Quoting
from runlore.records.formats.parsed import Parsed, merged, rejects
from runlore.records.formats.row_ids import RowIds
from runlore.records.mapping import ColumnMapping, resolve

DELIMITERS = (",", ";", "\t", "|")
NULL_WORDS = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "none", "\\N"]
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class CsvLayout:
    """How one file's lines are read. header_line: the number of the line with the names."""

    header: tuple[str, ...]
    header_line: int
    delimiter: str
    reader: Reader

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
        found = lines.split(_without_lone_returns(data), first_line, self.quoting)
        is_row = ~_is_blank(found) & (found.line > self.header_line)
        not_text, with_nul = (bad & is_row for bad in lines.unreadable(found))
        reasons = {
            "is not UTF-8 text": not_text,
            "holds a NUL byte": with_nul & ~not_text,
            "a quote is opened and never closed": found.has_open_quote & is_row,
        }
        bad = not_text | with_nul | (found.has_open_quote & is_row)
        tables = [_rejects(found, why, mask) for why, mask in reasons.items()]
        rows = np.flatnonzero(is_row & ~bad)
        table, kept, refused = self._table(found, rows)
        tables.append(rejects(found.line[refused], self._why(found, refused), found.raw(refused)))
        columns = {name: table.column(i).combine_chunks() for i, name in enumerate(self.header)}
        parsed = self.reader.read(Cells(columns, found.line[kept], lambda r: found.raw(kept[r])))
        return Parsed(parsed.records, merged([*tables, parsed.rejects]))

    def _table(self, found: Lines, rows: Ints) -> tuple[pa.Table, Ints, Ints]:
        """The cells of some records, which of them have cells, and which have not."""
        keep = np.zeros(len(found), dtype=np.bool_)
        keep[rows] = True
        parts = list(self._parts(found.bytes_of(keep), found, rows))
        tables = [table for table, _, _ in parts]
        kept = np.concatenate([kept for _, kept, _ in parts])
        refused = np.concatenate([refused for _, _, refused in parts])
        return pa.concat_tables(tables), kept, refused

    def _parts(
        self, data: bytes, found: Lines, rows: Ints
    ) -> Iterator[tuple[pa.Table, Ints, Ints]]:
        """Read at once; where quotes mislead the parser, in halves, down to the record."""
        refused: list[int] = []
        table = self._read(data, refused)
        if table is not None and table.num_rows + len(refused) == rows.size:
            is_refused = np.zeros(rows.size, dtype=np.bool_)
            is_refused[refused] = True
            yield table, rows[~is_refused], rows[is_refused]
            return
        if rows.size == 1:
            yield self._empty(), rows[:0], rows
            return
        for half in np.array_split(rows, 2):
            keep = np.zeros(len(found), dtype=np.bool_)
            keep[half] = True
            yield from self._parts(found.bytes_of(keep), found, half)

    def _read(self, data: bytes, refused: list[int]) -> pa.Table | None:
        if not data:
            return self._empty()

        def refuse(row: pa_csv.InvalidRow) -> str:
            refused.append(row.number - 1)
            return "skip"

        names = [str(i) for i in range(len(self.header))]
        try:
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
                    null_values=NULL_WORDS,
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid:
            return None

    def _empty(self) -> pa.Table:
        names = [str(i) for i in range(len(self.header))]
        return pa.table({name: pa.array([], pa.string()) for name in names})

    def _why(self, found: Lines, refused: Ints) -> list[str]:
        """Reasons for records that do not have the header's number of fields."""
        texts = found.raw(refused).to_pylist()
        counts = [len(_fields(text, self.delimiter)) for text in texts]
        return [
            f"has {count} fields, not {len(self.header)}"
            if count != len(self.header)
            else "its quotes do not match"
            for count in counts
        ]


def layout(head: bytes, source: str, mapping: ColumnMapping) -> CsvLayout:
    """Find the header in a file's first bytes."""
    text = head.removeprefix(BYTE_ORDER_MARK).decode("utf-8", "replace")
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            delimiter = mapping.delimiter or _delimiter(line)
            header = tuple(name.strip() for name in _fields(line, delimiter))
            _check_header(header)
            reader = Reader(source, mapping, resolve(mapping, header), RowIds())
            return CsvLayout(header, number, delimiter, reader)
    raise BadInput("the file is empty: it has no header line")


def _delimiter(line: str) -> str:
    return max(DELIMITERS, key=line.count)


def _fields(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _check_header(header: tuple[str, ...]) -> None:
    for name in header:
        if header.count(name) > 1:
            raise BadInput(f"the header names {name!r} twice")


def _rejects(found: Lines, reason: str, bad: Mask) -> pa.Table:
    rows = np.flatnonzero(bad)
    return rejects(found.line[rows], [reason] * rows.size, found.raw(rows))


def _is_blank(found: Lines) -> Mask:
    """Records of nothing but a line end."""
    content = lines.as_bytes(found.data)
    size = np.diff(found.starts)
    if not size.size:
        return np.zeros(0, dtype=np.bool_)
    first = content[found.starts[:-1]]
    is_blank: Mask = (first == lines.NEWLINE) | ((first == lines.RETURN) & (size <= 2))
    return is_blank


def _without_lone_returns(data: bytes) -> bytes:
    """A carriage return amid a line would end it for the parser; it becomes a blank."""
    if data.count(b"\r") == data.count(b"\r\n"):
        return data
    return data.replace(b"\r\n", b"\n").replace(b"\r", b" ")
