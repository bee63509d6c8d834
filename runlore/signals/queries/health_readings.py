"""Health as it was measured: written by a watch, read for charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

Connection = psycopg.Connection[Any]

ADD: LiteralString = """
INSERT INTO runlore.health_readings (scope, at, status, health, low, high, reason, states)
VALUES (%(scope)s, %(at)s, %(status)s, %(health)s, %(low)s, %(high)s, %(reason)s, %(states)s)
ON CONFLICT DO NOTHING
"""
READ: LiteralString = """
SELECT scope, at, status, health, low, high, reason, states FROM runlore.health_readings
WHERE scope = %(scope)s AND at <= %(until)s ORDER BY at DESC LIMIT %(limit)s
"""


@dataclass(frozen=True)
class HealthReading:
    """scope: empty: everything. states: part -> 0: usual, 1 and more: stands out."""

    scope: str
    at: datetime
    status: str
    health: float | None
    low: float | None
    high: float | None
    reason: str
    states: dict[str, float]


def add_readings(connection: Connection, readings: Sequence[HealthReading]) -> None:
    """One that is there already stays."""
    with connection.cursor() as cursor:
        cursor.executemany(ADD, [vars(one) | {"states": Jsonb(one.states)} for one in readings])


def read_readings(
    connection: Connection, scope: str, until: datetime, limit: int
) -> list[HealthReading]:
    """The newest ones of a scope, the oldest of them first."""
    values = {"scope": scope, "until": until, "limit": limit}
    with connection.cursor(row_factory=class_row(HealthReading)) as cursor:
        return cursor.execute(READ, values).fetchall()[::-1]
