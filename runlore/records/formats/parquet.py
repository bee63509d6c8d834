"""Parquet: columns with types, in row groups."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runlore.kernel.errors import BadInput
from runlore.records.formats import json_text
from runlore.records.formats.columns import Cells, Reader, check_columns
from runlore.records.formats.parsed import MOST_RAW_CHARACTERS, Parsed
from runlore.records.formats.row_ids import RowIds
from runlore.records.mapping import ColumnMapping, resolve
from runlore.records.validate import LATEST_US


def reader(
    schema: pa.Schema, source: str, mapping: ColumnMapping, now_us: int = LATEST_US
) -> Reader:
    """Check the mapping against a file's columns. now_us: see `Reader`."""
    resolved = resolve(mapping, schema.names)
    used = {*resolved.columns.values(), *resolved.inputs.values(), *resolved.outcome.values()}
    check_columns({name: schema.field(name).type for name in used})
    return Reader(source, mapping, resolved, RowIds(), now_us)


def parse(batch: pa.RecordBatch, first_row: int, by: Reader) -> Parsed:
    """Read rows; `line` is the row's number in its file, from 1."""
    columns = {
        name: _plain(batch.column(name))
        for name in batch.schema.names
        if not pa.types.is_nested(batch.schema.field(name).type)
    }
    line = np.arange(first_row, first_row + batch.num_rows, dtype=np.int64)

    def raw(rows: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> pa.Array:
        shown = {name: column.take(pa.array(rows)) for name, column in columns.items()}
        text = json_text.objects(shown, len(rows))
        return pc.utf8_slice_codeunits(text, 0, MOST_RAW_CHARACTERS)

    return by.read(Cells(columns, line, raw, is_typed=True))


def _plain(column: pa.Array) -> pa.Array:
    """Without dictionaries, the larger and smaller cousins of text, and what text cannot hold."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    if not pa.types.is_string(column.type):
        return column
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        raise BadInput(f"a text column is not UTF-8: {error}") from error
    if pc.any(pc.match_substring(column, "\0")).as_py():
        column = pc.replace_substring(column, "\0", "\N{REPLACEMENT CHARACTER}")
    return column
