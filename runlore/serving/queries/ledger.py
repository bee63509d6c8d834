"""The ledger: every answer given and every refusal, before it is acknowledged."""

import json
import secrets
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from pydantic_core import to_json

from runlore.kernel.deadlines import LEDGER_RETRY_MS, LEDGER_WRITE_MS
from runlore.kernel.errors import Stalled
from runlore.kernel.instants import from_us, to_us
from runlore.records.validate import LATEST_US
from runlore.store.copying import arrays
from runlore.store.engine import Store
from runlore.store.months import MissingMonth

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One answer, or one refusal: `status` is the HTTP status that went with it.

    key_id: of the API key with which it was asked for, if any.
    """

    at: datetime
    id: UUID
    spec: str
    version: str | None
    arm: str
    status: int
    as_of: datetime
    request: Mapping[str, Any]
    source: str | None = None
    source_id: str | None = None
    features: NDArray[np.float32] | None = None
    prediction: float | None = None
    low: float | None = None
    high: float | None = None
    reasons: Sequence[Mapping[str, Any]] | None = None
    error: str | None = None
    latency_ms: float | None = None
    key_id: str | None = None


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
    "latency_ms": "real",
}
"""Of the columns that are not text. What PostgreSQL has no arrays of goes as text."""

AS_TEXT = ("request", "features", "reasons")
COLUMNS = tuple(field.name for field in fields(Row))
ARRAYS = ", ".join(
    f"%s::{'text' if name in AS_TEXT else TYPES.get(name, 'text')}[]" for name in COLUMNS
)
CAST = ", ".join(f"{name}::{TYPES.get(name, 'text')}" for name in COLUMNS)
ADD = (
    f"INSERT INTO runlore.ledger ({', '.join(COLUMNS)}) "  # noqa: S608  (names of ours)
    f"SELECT {CAST} FROM unnest({ARRAYS}) AS added ({', '.join(COLUMNS)}) ON CONFLICT DO NOTHING"
)
COPY = f"COPY runlore.ledger ({', '.join(COLUMNS)}) FROM STDIN (FORMAT binary)"
COPIED = [TYPES.get(name, "text") for name in COLUMNS]
REALS, REAL = 1021, 700
"""PostgreSQL's numbers for real[] and real."""

ELEMENT = np.dtype([("bytes", ">i4"), ("value", ">f4")])
READ = "SELECT * FROM runlore.ledger WHERE id = %s AND at BETWEEN %s AND %s"
AROUND = timedelta(minutes=1)


def new_id(at: datetime) -> UUID:
    """A UUID of version 7: in the order of time, to the millisecond (RFC 9562, 5.7)."""
    random = secrets.randbits(74)
    high = (to_us(at) // 1000) << 80 | 7 << 76 | (random >> 62) << 64
    return UUID(int=high | 2 << 62 | (random & (1 << 62) - 1))


def add(connection: Connection, rows: Sequence[Row]) -> None:
    """Write rows that nobody has written before, in one statement."""
    try:
        with connection.cursor() as cursor:
            cursor.adapters.register_dumper(Sent, SentDumper)
            with cursor.copy(COPY) as copy:
                copy.set_types(COPIED)
                for row in _copied(rows):
                    copy.write_row(row)
    except psycopg.errors.CheckViolation as error:
        raise MissingMonth("ledger", rows[0].at) from error


def add_soon(connection: Connection, rows: Sequence[Row]) -> None:
    """As `add`, within LEDGER_WRITE_MS. Raises Stalled; then no row is there, now or later."""
    with _soon(connection, LEDGER_WRITE_MS):
        add(connection, rows)


def add_again(connection: Connection, rows: Sequence[Row]) -> None:
    """Write rows that may have been written; those that are there stay as they are.

    Raises Stalled when that takes more than LEDGER_RETRY_MS.
    """
    try:
        with _soon(connection, LEDGER_RETRY_MS):
            connection.execute(ADD, _columns(rows))
    except psycopg.errors.CheckViolation as error:
        raise MissingMonth("ledger", rows[0].at) from error


@contextmanager
def _soon(connection: Connection, within_ms: int) -> Iterator[None]:
    connection.execute(f"SET LOCAL statement_timeout = {within_ms}")
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        raise Stalled(f"PostgreSQL did not write to the ledger within {within_ms} ms") from error


def read(store: Store, prediction_id: UUID) -> dict[str, Any] | None:
    """One row by its id, whose first 48 bits say when it was written."""
    at_us = (prediction_id.int >> 80) * 1000
    if at_us >= LATEST_US:
        return None
    at = from_us(at_us)
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        return cursor.execute(READ, (prediction_id, at - AROUND, at + AROUND)).fetchone()


def _columns(rows: Sequence[Row]) -> list[list[Any]]:
    columns = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
    columns["request"] = [json.dumps(row.request) for row in rows]
    columns["features"] = _vectors([row.features for row in rows])
    columns["reasons"] = [
        None if row.reasons is None else json.dumps([dict(each) for each in row.reasons])
        for row in rows
    ]
    return list(columns.values())


class Sent(bytes):
    """A real[] as PostgreSQL receives it: a list of numbers takes ten times as long."""


class SentDumper(Dumper):
    oid = REALS
    format = Format.BINARY

    def dump(self, obj: Sent) -> bytes:
        return obj


def _copied(rows: Sequence[Row]) -> Iterator[list[Any]]:
    for row in rows:
        told = {name: getattr(row, name) for name in COLUMNS}
        told["request"] = Jsonb(row.request, to_json)
        told["features"] = None if row.features is None else _sent(row.features)
        if row.reasons is not None:
            told["reasons"] = Jsonb([dict(each) for each in row.reasons], to_json)
        yield list(told.values())


def _sent(features: NDArray[np.float32]) -> Sent:
    elements = np.empty(len(features), dtype=ELEMENT)
    elements["bytes"], elements["value"] = 4, features
    header = struct.pack(">iiIii", 1, 0, REAL, len(features), 1)
    return Sent(header + elements.tobytes())


def _vectors(features: Sequence[NDArray[np.float32] | None]) -> list[str | None]:
    """As PostgreSQL writes arrays, all of one width at once; every bit comes back."""
    found: list[str | None] = [None] * len(features)
    widths = {len(each) for each in features if each is not None}
    for width in widths:
        at = [i for i, each in enumerate(features) if each is not None and len(each) == width]
        texts = arrays(np.stack([features[i] for i in at])).to_pylist()  # type: ignore[misc]
        for i, text in zip(at, texts, strict=True):
            found[i] = text
    return found
