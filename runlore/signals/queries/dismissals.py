"""Which anomalies somebody has said are none."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from runlore.signals.queries import Connection


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


def read_dismissals(connection: Connection, as_of: datetime) -> list[Dismissal]:
    """Those that were known at an instant, the oldest first."""
    with connection.cursor(row_factory=class_row(Dismissal)) as cursor:
        return cursor.execute(
            "SELECT known_at, source, name, scope, at, direction, size, actor, reason"
            " FROM runlore.anomaly_dismissals WHERE known_at <= %s ORDER BY id",
            [as_of],
        ).fetchall()


def insert_dismissal(connection: Connection, dismissal: Dismissal) -> None:
    connection.execute(
        "INSERT INTO runlore.anomaly_dismissals"
        " (known_at, source, name, scope, at, direction, size, actor, reason)"
        " VALUES (%(known_at)s, %(source)s, %(name)s, %(scope)s, %(at)s, %(direction)s, %(size)s,"
        " %(actor)s, %(reason)s)",
        vars(dismissal),
    )
