"""Parquet: columns with types, in row groups."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runlore.kernel.errors import BadInput
from runlore.records.formats import json_text
from runlore.records.formats.column_types import check_columns, check_fields, is_value
from runlore.records.formats.columns import Cells, Reader
from runlore.records.formats.parsed import MOST_RAW_CHARACTERS, Parsed
from runlore.records.formats.row_ids import RowIds
from runlore.records.mapping import ColumnMapping, resolve
from runlore.records.validate import LATEST_US

NOT_A_TIME = -(2**63)  # what pandas and NumPy write among integers for no value


def reader(
    schema: pa.Schema, source: str, mapping: ColumnMapping, now_us: int = LATEST_US
) -> Reader:
    """Check the mapping against a file's columns. now_us: see `Reader`."""
    names = usable_columns(schema)
    resolved = resolve(mapping, names)
    if isinstance(mapping.inputs, str):
        usable = {key: name for key, name in resolved.inputs.items() if _is_plain(schema, name)}
        resolved = replace(resolved, inputs=usable)
    used = {*resolved.field_columns, *resolved.inputs.values(), *resolved.outcome.values()}
    for name in sorted(used):
        if schema.names.count(name) > 1:
            raise BadInput(f"column {name!r}: the file has {schema.names.count(name)} of this name")
    check_columns({name: schema.field(name).type for name in used})
    check_fields({f: schema.field(name).type for f, name in resolved.columns.items()}, mapping)
    return Reader(source, mapping, resolved, RowIds(), now_us)


def usable_columns(schema: pa.Schema) -> list[str]:
    return list(dict.fromkeys(schema.names))


def _is_plain(schema: pa.Schema, name: str) -> bool:
    """Whether a column that nobody named can be an input."""
    return schema.names.count(name) == 1 and is_value(schema.field(name).type)


def parse(batch: pa.RecordBatch, first_row: int, by: Reader) -> Parsed:
    """Read rows; `line` is the row's number in its file, from 1."""
    names = batch.schema.names
    columns = {
        name: _plain(batch.column(at))
        for at, name in enumerate(names)
        if names.count(name) == 1 and is_value(batch.schema.field(at).type)
    }
    line = np.arange(first_row, first_row + batch.num_rows, dtype=np.int64)

    def raw(rows: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> pa.Array:
        shown = {name: column.take(pa.array(rows)) for name, column in columns.items()}
        text = json_text.objects(shown, len(rows))
        return pc.utf8_slice_codeunits(text, 0, MOST_RAW_CHARACTERS)

    parsed = by.read(Cells(columns, line, raw, is_typed=True))
    if not isinstance(by.mapping.inputs, str) or not batch.num_rows:
        return parsed
    unused = {
        f"have no input {name!r}: its type cannot be one, or two have this name": batch.num_rows
        for name in names
        if name not in columns
    }
    return replace(parsed, warnings={**parsed.warnings, **unused})


def _plain(column: pa.Array) -> pa.Array:
    """Without dictionaries, the larger and smaller cousins of text, and what text cannot hold."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    if pa.types.is_null(column.type):
        column = column.cast(pa.string())
    if pa.types.is_int64(column.type):
        column = pc.if_else(pc.equal(column, NOT_A_TIME), None, column)
    if not pa.types.is_string(column.type):
        return column
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        raise BadInput(f"a text column is not UTF-8: {error}") from error
    if pc.any(pc.match_substring(column, "\0")).as_py():
        column = pc.replace_substring(column, "\0", "\N{REPLACEMENT CHARACTER}")
    return column
