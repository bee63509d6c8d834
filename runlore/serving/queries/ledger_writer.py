"""The one writer of ledger rows.

`ledger.Row` says what a row holds, `_encoded` how its values go to PostgreSQL. There are four ways
to send them, for four situations:

- `add`: rows that nobody has written before; COPY, which is fastest for many rows.
- `add_again`: rows that may be there already, after a connection was lost.
- `add_async`: a group commit on the event loop, by asyncpg (ADR 18).
- `add_batch`: the predictions of a scoring run, by column.
"""

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.types.json import Jsonb
from pydantic_core import to_json

from runlore.kernel.deadlines import LEDGER_RETRY_MS, LEDGER_WRITE_MS
from runlore.kernel.errors import Stalled
from runlore.kernel.instants import to_us
from runlore.serving.queries.ledger import COLUMNS, Row
from runlore.serving.queries.ledger_batch import ARM, LedgerBatch
from runlore.store.copying import arrays, copy_in, instants, payload
from runlore.store.engine import Store
from runlore.store.months import MissingMonth
from runlore.store.partitions import ensure_months

if TYPE_CHECKING:
    import asyncpg

Connection = psycopg.Connection[Any]
Floats = NDArray[np.float32]
TYPES = {
    "at": "timestamptz",
    "id": "uuid",
    "status": "smallint",
    "as_of": "timestamptz",
    "request": "jsonb",
    "features": "real[]",
    "prediction": "float8",
    "low": "float8",
    "high": "float8",
    "reasons": "jsonb",
    "quantiles": "jsonb",
    "latency_ms": "real",
}  # of the columns that are not text
AS_TEXT = ("request", "features", "reasons", "quantiles")  # PostgreSQL has no arrays of these
NAMES = ", ".join(COLUMNS)
ARRAYS = ", ".join(
    f"%s::{'text' if name in AS_TEXT else TYPES.get(name, 'text')}[]" for name in COLUMNS
)
CAST = ", ".join(f"{name}::{TYPES.get(name, 'text')}" for name in COLUMNS)
COPY = f"COPY runlore.ledger ({NAMES}) FROM STDIN (FORMAT binary)"
COPIED = [TYPES.get(name, "text") for name in COLUMNS]
ADD_AGAIN = (
    f"INSERT INTO runlore.ledger ({NAMES}) "  # noqa: S608  (names of ours)
    f"SELECT {CAST} FROM unnest({ARRAYS}) AS added ({NAMES}) ON CONFLICT DO NOTHING"
)
ADD_ASYNC = (
    f"INSERT INTO runlore.ledger ({NAMES}) "  # noqa: S608  (names of ours)
    f"VALUES ({', '.join(f'${at}' for at in range(1, len(COLUMNS) + 1))})"
)
BATCH_COLUMNS = COLUMNS[: COLUMNS.index("high") + 1]  # the others of a scored row are null
VALUES = attrgetter(*COLUMNS)
REQUEST, FEATURES, REASONS, QUANTILES = map(COLUMNS.index, AS_TEXT)
REALS, REAL = 1021, 700  # PostgreSQL's numbers for the types real[] and real
ELEMENT = np.dtype([("bytes", ">i4"), ("value", ">f4")])


def add(connection: Connection, rows: Sequence[Row]) -> None:
    """Write rows that nobody has written before, in one statement."""
    try:
        with connection.cursor() as cursor:
            cursor.adapters.register_dumper(BinaryReals, BinaryRealsDumper)
            with cursor.copy(COPY) as copy:
                copy.set_types(COPIED)
                for row in rows:
                    copy.write_row(_encoded(row, _jsonb, _binary))
    except psycopg.errors.CheckViolation as error:
        raise MissingMonth("ledger", [row.at for row in rows]) from error


def add_soon(connection: Connection, rows: Sequence[Row]) -> None:
    """Like `add`, within LEDGER_WRITE_MS. Raises Stalled; then no row is there, now or later."""
    with _soon(connection, LEDGER_WRITE_MS):
        add(connection, rows)


def add_again(connection: Connection, rows: Sequence[Row]) -> None:
    """Write rows that may have been written; those that are there stay as they are.

    Raises Stalled when that takes more than LEDGER_RETRY_MS.
    """
    columns = [
        list(values) for values in zip(*(_encoded(r, _text, _array) for r in rows), strict=True)
    ]
    try:
        with _soon(connection, LEDGER_RETRY_MS):
            connection.execute(ADD_AGAIN, columns)
    except psycopg.errors.CheckViolation as error:
        raise MissingMonth("ledger", [row.at for row in rows]) from error


async def add_async(connection: "asyncpg.Connection", rows: Sequence[Row]) -> None:
    """Like `add`, on a connection of `answering`: all of the rows are written, or none."""
    import asyncpg

    try:
        await connection.executemany(ADD_ASYNC, [_encoded(r, _text, _list) for r in rows])
    except asyncpg.CheckViolationError as error:
        raise MissingMonth("ledger", [row.at for row in rows]) from error


def add_batch(store: Store, batch: LedgerBatch, at: datetime) -> None:
    """Write all of it in one transaction."""
    with store.connect() as connection:
        ensure_months(connection, "ledger", at, at)
    with store.connect() as connection:
        copy_in(connection, "ledger", BATCH_COLUMNS, payload(_batch_columns(batch, at)))


def _encoded(
    row: Row, as_json: Callable[[Any], Any], as_array: Callable[[Floats], Any]
) -> list[Any]:
    """The values of a row, in the order of COLUMNS."""
    values = list(VALUES(row))
    values[REQUEST] = as_json(row.request)
    if row.features is not None:
        values[FEATURES] = as_array(row.features)
    if row.reasons is not None:
        values[REASONS] = as_json([dict(reason) for reason in row.reasons])
    if row.quantiles is not None:
        values[QUANTILES] = as_json(dict(row.quantiles))
    return values


def _jsonb(value: Any) -> Jsonb:  # noqa: ANN401  (JSON)
    return Jsonb(value, to_json)


def _text(value: Any) -> str:  # noqa: ANN401  (JSON)
    return to_json(value).decode()


def _array(features: Floats) -> str:
    """As PostgreSQL writes an array; every bit comes back."""
    text: str = arrays(features[None, :])[0].as_py()
    return text


def _list(features: Floats) -> list[float]:
    numbers: list[float] = features.tolist()
    return numbers


class BinaryReals(bytes):
    """A real[] as PostgreSQL receives it: a list of numbers takes ten times as long."""


class BinaryRealsDumper(Dumper):
    oid = REALS
    format = Format.BINARY

    def dump(self, obj: BinaryReals) -> bytes:
        return obj


def _binary(features: Floats) -> BinaryReals:
    elements = np.empty(len(features), dtype=ELEMENT)
    elements["bytes"], elements["value"] = 4, features
    header = struct.pack(">iiIii", 1, 0, REAL, len(features), 1)
    return BinaryReals(header + elements.tobytes())


@contextmanager
def _soon(connection: Connection, within_ms: int) -> Iterator[None]:
    connection.execute(f"SET LOCAL statement_timeout = {within_ms}")
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        raise Stalled(f"PostgreSQL did not write to the ledger within {within_ms} ms") from error


def _batch_columns(batch: LedgerBatch, at: datetime) -> list[pa.Array]:
    n = len(batch.ids)
    executions = pa.Table.from_pandas(
        batch.executions[["source", "source_id", "actor", "kind", "scope", "inputs"]],
        preserve_index=False,
    )
    columns = {
        "at": instants(pa.array(np.full(n, to_us(at)))),
        "id": pa.array(batch.ids, pa.string()),
        "spec": _same(batch.spec, n),
        "version": _same(batch.version, n),
        "arm": _same(ARM, n),
        "status": pa.array(np.full(n, 200)),
        "as_of": instants(pa.array(batch.as_of_us)),
        "request": _requests(executions),
        "source": _strings(executions["source"]),
        "source_id": _strings(executions["source_id"]),
        "features": arrays(batch.features),
        "prediction": pa.array(batch.prediction),
        "low": _bounds(batch.low, n),
        "high": _bounds(batch.high, n),
    }
    return [columns[name] for name in BATCH_COLUMNS]


def _requests(executions: pa.Table) -> pa.Array:
    """The executions as JSON objects, as the service writes them."""
    parts: list[pa.Array | pa.Scalar] = []
    for name in ("actor", "kind", "scope"):
        words = executions[name].combine_chunks().dictionary_encode()
        quoted = pa.array([json.dumps(word) for word in words.dictionary.to_pylist()], pa.string())
        quoted = quoted.take(words.indices)
        parts += [pa.scalar(f'"{name}": '), quoted, pa.scalar(", ")]
    parts += [pa.scalar('"inputs": '), _strings(executions["inputs"])]
    body = pc.binary_join_element_wise(*parts, "")
    return pc.binary_join_element_wise(pa.scalar("{"), body, pa.scalar("}"), "")


def _same(word: str, n: int) -> pa.Array:
    return pa.array(np.full(n, word, dtype=object), pa.string())


def _strings(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks().cast(pa.string())


def _bounds(bounds: NDArray[np.float64] | None, n: int) -> pa.Array:
    return pa.nulls(n, pa.float64()) if bounds is None else pa.array(bounds)
