"""Which anomalies somebody has said are none, and which of these sayings were taken back."""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row

from runlore.signals.queries import Connection

COLUMNS: LiteralString = "known_at, source, name, scope, at, direction, size, actor, reason"
KNOWN: LiteralString = """
FROM runlore.anomaly_dismissals AS dismissed
WHERE known_at <= %(as_of)s AND NOT EXISTS (
    SELECT FROM runlore.dismissal_undos AS undo
    WHERE undo.dismissal_id = dismissed.id AND undo.known_at <= %(as_of)s)
"""
UNDO: LiteralString = """
INSERT INTO runlore.dismissal_undos (dismissal_id, known_at, actor)
SELECT id, %(at)s, %(actor)s FROM runlore.anomaly_dismissals WHERE id = %(id)s
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True)
class Dismissal:
    """at: of the point. direction: 1 above what was expected, -1 below. size: how far."""

    known_at: datetime
    source: str
    name: str
    scope: str
    at: datetime
    direction: int
    size: float
    actor: str
    reason: str


@dataclass(frozen=True)
class KeptDismissal(Dismissal):
    """One in the store, with its number."""

    id: int


def read_dismissals(connection: Connection, as_of: datetime) -> list[Dismissal]:
    """Those that held at an instant, the oldest first."""
    with connection.cursor(row_factory=class_row(Dismissal)) as cursor:
        query = f"SELECT {COLUMNS} {KNOWN} ORDER BY id"
        return cursor.execute(query, {"as_of": as_of}).fetchall()


def list_dismissals(connection: Connection, as_of: datetime, limit: int) -> list[KeptDismissal]:
    """Those that held at an instant, the newest first."""
    with connection.cursor(row_factory=class_row(KeptDismissal)) as cursor:
        query = f"SELECT id, {COLUMNS} {KNOWN} ORDER BY id DESC LIMIT %(limit)s"
        return cursor.execute(query, {"as_of": as_of, "limit": limit}).fetchall()


def insert_dismissal(connection: Connection, dismissal: Dismissal) -> None:
    connection.execute(
        "INSERT INTO runlore.anomaly_dismissals"
        " (known_at, source, name, scope, at, direction, size, actor, reason)"
        " VALUES (%(known_at)s, %(source)s, %(name)s, %(scope)s, %(at)s, %(direction)s, %(size)s,"
        " %(actor)s, %(reason)s)",
        vars(dismissal),
    )


def insert_undo(connection: Connection, number: int, actor: str, at: datetime) -> bool:
    """Whether it was taken back now: False where it is unknown or taken back already."""
    values = {"id": number, "actor": actor, "at": at}
    return connection.execute(UNDO, values).rowcount > 0
