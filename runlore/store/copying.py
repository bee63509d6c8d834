"""Arrow columns in and out of PostgreSQL by COPY."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from psycopg import sql

from runlore.store.schema import SCHEMA

Rows = NDArray[np.float64] | NDArray[np.float32]
NULL = "\\N"
ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
US = pa.timestamp("us")
SECOND_US = 1_000_000


def instants(us: pa.Array) -> pa.Array:
    """int64 microseconds as timestamps, for `payload`."""
    return us.cast(US)


def arrays(rows: Rows) -> pa.Array:
    """Rows of numbers, (n, width), in PostgreSQL's array syntax, without loss of precision."""
    count, width = rows.shape
    ends = pa.array(np.arange(count + 1, dtype=np.int32) * width)
    numbers = pc.cast(pa.array(rows.ravel(), from_pandas=False), pa.string())
    lists = pc.binary_join(pa.ListArray.from_arrays(ends, numbers), ",")
    return pc.binary_join_element_wise("{", lists, "}", "")


def payload(columns: Sequence[pa.Array]) -> memoryview:
    """COPY's text format. Instants carry no zone: the session's must be UTC."""
    text = [pc.fill_null(_text(column), NULL) for column in columns]
    text[-1] = pc.binary_join_element_wise(text[-1], pa.scalar("\n"), "")
    rows = pc.binary_join_element_wise(*text, "\t")
    if not len(rows):
        return memoryview(b"")
    end = np.frombuffer(rows.buffers()[1], dtype=np.int32)[rows.offset + len(rows)]
    return memoryview(rows.buffers()[2])[:end]


def copy_in(
    connection: psycopg.Connection[Any], table: str, columns: Sequence[str], rows: memoryview
) -> None:
    """`table` is one of ours, or a temporary one when it begins with pg_temp."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(*table.split(".")) if "." in table else sql.Identifier(SCHEMA, table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(rows)


def copy_out(
    connection: psycopg.Connection[Any], query: sql.Composable, parameters: Sequence[object] = ()
) -> bytearray:
    """The rows of a query as CSV, without a header."""
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(query)
    rows = bytearray()
    with connection.cursor() as cursor, cursor.copy(statement, parameters) as copy:
        for block in copy:
            rows += block
    return rows


def copy_out_pieces(
    connection: psycopg.Connection[Any], query: sql.Composable, piece_bytes: int
) -> Iterator[bytearray]:
    """The rows of `copy_out` in pieces of whole rows, each of `piece_bytes` and one row at most."""
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(query)
    rows = bytearray()
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in copy:  # PQgetCopyData returns one whole row at a time
            rows += row
            if len(rows) >= piece_bytes:
                yield rows
                rows = bytearray()
    if rows:
        yield rows


def _text(column: pa.Array) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_timestamp(column.type):
        return pc.cast(_shortest(column), pa.string())
    if pa.types.is_string(column.type):
        return _escaped(column)
    return pc.cast(column, pa.string())


def _shortest(column: pa.Array) -> pa.Array:
    """Whole seconds need no fraction, which PostgreSQL would have to read."""
    us = np.asarray(pc.fill_null(column.cast(pa.int64()), 0).to_numpy(zero_copy_only=False))
    return column if (us % SECOND_US).any() else column.cast(pa.timestamp("s"))


def _escaped(column: pa.Array) -> pa.Array:
    data = column.buffers()[2]
    content = data.to_pybytes() if data is not None else b""
    for plain, escaped in ESCAPES.items():
        if plain.encode() in content:
            column = pc.replace_substring(column, plain, escaped)
    return column
