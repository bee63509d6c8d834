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

from runlore.kernel.instants import from_us, to_us
from runlore.records.validate import LATEST_US
from runlore.store.engine import Store

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One answer, or one refusal: `status` is the HTTP status that went with it.

    key_id: of the API key with which it was asked for, if any. quantiles: value by level.
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
    support: str | None = None
    quantiles: Mapping[str, float] | None = None


COLUMNS = tuple(field.name for field in fields(Row))
READ = "SELECT * FROM runlore.ledger WHERE id = %s AND at BETWEEN %s AND %s"
AROUND = timedelta(minutes=1)


def new_id(at: datetime) -> UUID:
    """A UUID of version 7: in the order of time, to the millisecond (RFC 9562, 5.7)."""
    random = secrets.randbits(74)
    high = (to_us(at) // 1000) << 80 | 7 << 76 | (random >> 62) << 64
    return UUID(int=high | 2 << 62 | (random & (1 << 62) - 1))


def read(store: Store, prediction_id: UUID) -> dict[str, Any] | None:
    """One row by its id, whose first 48 bits say when it was written."""
    at_us = (prediction_id.int >> 80) * 1000
    if at_us >= LATEST_US:
        return None
    at = from_us(at_us)
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        return cursor.execute(READ, (prediction_id, at - AROUND, at + AROUND)).fetchone()
