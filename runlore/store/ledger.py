"""The ledger: every answer given and every refusal, before it is acknowledged."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.rows import dict_row

from runlore.records.instant import from_us, to_us
from runlore.records.validate import LATEST_US
from runlore.store.copying import arrays
from runlore.store.engine import Store
from runlore.store.months import MissingMonth

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One answer, or one refusal: `status` is the HTTP status that went with it."""

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
COPY = f"COPY runlore.ledger ({', '.join(COLUMNS)}) FROM STDIN"
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
NOTHING = "\\N"
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
        with connection.cursor() as cursor, cursor.copy(COPY) as copy:
            copy.write(_text(rows))
    except psycopg.errors.CheckViolation as error:
        raise MissingMonth("ledger", rows[0].at) from error


def add_again(connection: Connection, rows: Sequence[Row]) -> None:
    """Write rows that may have been written; those that are there stay as they are."""
    try:
        connection.execute(ADD, _columns(rows))
    except psycopg.errors.CheckViolation as error:
        raise MissingMonth("ledger", rows[0].at) from error


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


def _text(rows: Sequence[Row]) -> str:
    """The rows in COPY's text format."""
    vectors = _vectors([row.features for row in rows])
    lines = []
    for row, vector in zip(rows, vectors, strict=True):
        reasons = None if row.reasons is None else json.dumps([dict(each) for each in row.reasons])
        told = {name: getattr(row, name) for name in COLUMNS}
        told |= {"request": json.dumps(row.request), "reasons": reasons, "features": vector}
        lines.append("\t".join([_field(value) for value in told.values()]))
    return "\n".join(lines) + "\n"


def _field(value: object) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return value.translate(ESCAPES) if any(c in value for c in "\\\t\n\r") else value
    return str(value)


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
