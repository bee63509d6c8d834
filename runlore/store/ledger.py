"""The ledger: every answer given and every refusal, before it is acknowledged."""

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
from psycopg.types.json import Jsonb

from runlore.records.instant import from_us, to_us
from runlore.records.validate import LATEST_US
from runlore.store.copying import arrays
from runlore.store.engine import Store
from runlore.store.months import MissingMonth

Connection = psycopg.Connection[Any]
COPY_ROWS = 20
"""From here on COPY is cheaper than a statement a row."""


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


COLUMNS = tuple(field.name for field in fields(Row))
ADD = (
    f"INSERT INTO runlore.ledger ({', '.join(COLUMNS)}) "  # noqa: S608  (names of ours)
    f"VALUES ({', '.join('%b::real[]' if name == 'features' else '%s' for name in COLUMNS)})"
)
COPY = f"COPY runlore.ledger ({', '.join(COLUMNS)}) FROM STDIN"
READ = "SELECT * FROM runlore.ledger WHERE id = %s AND at BETWEEN %s AND %s"
AROUND = timedelta(minutes=1)


def new_id(at: datetime) -> UUID:
    """A UUID of version 7: in the order of time, to the millisecond (RFC 9562, 5.7)."""
    random = secrets.randbits(74)
    high = (to_us(at) // 1000) << 80 | 7 << 76 | (random >> 62) << 64
    return UUID(int=high | 2 << 62 | (random & (1 << 62) - 1))


def add(connection: Connection, rows: Sequence[Row]) -> None:
    """Write rows of one instant."""
    try:
        if len(rows) < COPY_ROWS:
            for row in rows:
                features = None if row.features is None else row.features.tolist()
                connection.execute(ADD, _values(row, features))
            return
        known = [row.features for row in rows if row.features is not None]
        vectors = iter(arrays(np.stack(known)).to_pylist() if known else [])
        with connection.cursor() as cursor, cursor.copy(COPY) as copy:
            for row in rows:
                text = None if row.features is None else next(vectors)
                copy.write_row(_values(row, text))
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


def _values(row: Row, features: Sequence[float] | str | None) -> list[Any]:
    values = [getattr(row, name) for name in COLUMNS]
    values[COLUMNS.index("request")] = Jsonb(dict(row.request))
    values[COLUMNS.index("features")] = features
    if row.reasons is not None:
        values[COLUMNS.index("reasons")] = Jsonb([dict(reason) for reason in row.reasons])
    return values
