"""Lines of fields, as the tools of clusters and workflows print them: without quotes.

A file with commas or semicolons went through a spreadsheet or a script, which may have put quotes.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from runlore.kernel.errors import BadInput
from runlore.records.formats import lines
from runlore.records.formats.lines import Lines, rejects_of
from runlore.records.formats.parsed import merged, rejects
from runlore.records.formats.quotes import NEWLINE, RETURN
from runlore.records.validate import mask

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
FIRST_NAME = re.compile(r'^"?([\w%]+)"?([^\w%"])?')
BLANKS_AND_QUOTES = ' "'
QUOTE, SPREADSHEET = '"', (",", ";")

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class DelimitedRows:
    """The rows of a chunk that have as many fields as the header, by column, all of them text.

    line: (N,), numbers in the file. raw: returns the text of rows at positions. rejects: the lines
    that cannot be read.
    """

    columns: Mapping[str, pa.Array]
    line: Ints
    raw: Callable[[Ints], pa.Array]
    rejects: pa.Table

    def __len__(self) -> int:
        return self.line.size

    def taken(self, at: Ints) -> "DelimitedRows":
        """The rows at these positions."""
        positions = pa.array(at)
        columns = {name: column.take(positions) for name, column in self.columns.items()}
        return DelimitedRows(columns, self.line[at], lambda some: self.raw(at[some]), self.rejects)

    def column(self, *names: str) -> pa.Array:
        """The first of these columns that there is; nulls when there is none."""
        for name in names:
            if name in self.columns:
                return self.columns[name]
        return pa.nulls(len(self), pa.string())


@dataclass(frozen=True)
class DelimitedLines:
    """How the lines of a file are split. names: of the columns, as the reader calls them.

    header_text: the header as it stands in the file; where it stands again, files were joined.
    """

    names: tuple[str, ...]
    header_text: str
    header_line: int
    delimiter: str
    null_words: tuple[str, ...]

    def complete(self, data: bytes) -> int:
        return lines.complete(data)

    def rows(self, data: bytes, first_line: int) -> DelimitedRows:
        """Read a chunk of whole lines whose first has this number in its file."""
        chunk = lines.split(_without_lone_returns(data), first_line)
        is_row = ~_is_blank(chunk) & (chunk.line > self.header_line)
        not_text, with_nul = (bad & is_row for bad in lines.unreadable(chunk))
        tables = [
            rejects_of(chunk, "is not UTF-8 text", not_text),
            rejects_of(chunk, "holds a NUL byte", with_nul & ~not_text),
        ]
        rows = np.flatnonzero(is_row & ~not_text & ~with_nul)
        table, counts = self._read(chunk, rows)
        is_misfit = np.zeros(rows.size, dtype=np.bool_)
        is_misfit[list(counts)] = True
        fits, misfits = rows[~is_misfit], rows[is_misfit]
        reasons = [f"has {counts[at]} fields, not {len(self.names)}" for at in sorted(counts)]
        wrong = rejects(chunk.line[misfits], reasons, chunk.raw(misfits))
        is_header = self._is_header(table, fits, wrong, chunk)
        tables.append(wrong)
        table, fits = table.filter(pa.array(~is_header)), fits[~is_header]
        columns = {
            name: table.column(at).combine_chunks() for at, name in enumerate(self.names) if name
        }
        return DelimitedRows(
            columns, chunk.line[fits], lambda at: chunk.raw(fits[at]), merged(tables)
        )

    def _read(self, chunk: Lines, rows: Ints) -> tuple[pa.Table, dict[int, int]]:
        """The rows that fit, and position -> number of fields for those that do not."""
        keep = np.zeros(len(chunk), dtype=np.bool_)
        keep[rows] = True
        data = chunk.bytes_of(keep)
        quote_chars = (QUOTE, False) if self.delimiter in SPREADSHEET else (False,)
        for quote in quote_chars:
            table, misfits = self._parsed(data, quote)
            if table.num_rows + len(misfits) == rows.size:
                break  # Else a quote that is never closed has swallowed lines.
        return table, misfits

    def _parsed(self, data: bytes, quote: str | bool) -> tuple[pa.Table, dict[int, int]]:
        names = [str(at) for at in range(len(self.names))]
        misfits: dict[int, int] = {}
        nothing = pa.table({name: pa.array([], pa.string()) for name in names})
        if not data:
            return nothing, misfits

        def refuse(row: pa_csv.InvalidRow) -> str:
            misfits[row.number - 1] = row.actual_columns
            return "skip"

        try:
            table = pa_csv.read_csv(
                pa.py_buffer(data),
                pa_csv.ReadOptions(column_names=names, block_size=len(data) + 1, use_threads=False),
                pa_csv.ParseOptions(
                    delimiter=self.delimiter,
                    quote_char=quote,
                    ignore_empty_lines=False,
                    invalid_row_handler=refuse,
                ),
                pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=["", *self.null_words],
                    strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid:
            if quote is False:
                raise
            return nothing, misfits
        return table, misfits

    def _is_header(self, table: pa.Table, fits: Ints, wrong: pa.Table, chunk: Lines) -> Mask:
        """Rows that repeat the header. Raises BadInput when the columns change in mid-file."""
        first = self.header_text.split(self.delimiter)[0].strip(BLANKS_AND_QUOTES)
        is_header = mask(pc.equal(table.column(0).combine_chunks(), first))
        at = fits[is_header]
        headers = [*zip(chunk.line[at], chunk.raw(at).to_pylist(), strict=True)]
        for line, text in zip(wrong["line"].to_pylist(), wrong["raw"].to_pylist(), strict=True):
            if text.startswith(first + self.delimiter):
                headers.append((line, text))
        for line, text in headers:
            if text.strip() != self.header_text.strip():
                raise BadInput(
                    f"line {line}: another header, with other columns; put exports with one set of"
                    " columns into one file",
                    "file",
                )
        return is_header


def header_fields(head: bytes) -> tuple[int, str, str, list[str]]:
    """The header of a file: its line's number, its text, the delimiter and the names.

    The delimiter is the character after the first name. Raises BadInput for an empty file.
    """
    text = head.removeprefix(BYTE_ORDER_MARK).decode("utf-8", "replace")
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            header = line.rstrip("\r")
            match = FIRST_NAME.match(header)
            delimiter = (match and match[2]) or "|"
            return (
                number,
                header,
                delimiter,
                [name.strip(BLANKS_AND_QUOTES) for name in header.split(delimiter)],
            )
    raise BadInput("the file is empty: it has no header line", "file")


def matched(names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The names in the letter case in which the reader knows them; others stay as they are."""
    by_word = {name.lower(): name for name in known}
    return tuple(by_word.get(name.lower(), name) for name in names)


def _is_blank(chunk: Lines) -> Mask:
    size = np.diff(chunk.starts)
    if not size.size:
        return np.zeros(0, dtype=np.bool_)
    first = lines.as_bytes(chunk.data)[chunk.starts[:-1]]
    is_blank: Mask = (first == NEWLINE) | ((first == RETURN) & (size <= 2))
    return is_blank


def _without_lone_returns(data: bytes) -> bytes:
    if data.count(b"\r") == data.count(b"\r\n"):
        return data
    return re.sub(rb"\r(?!\n)", b" ", data)
