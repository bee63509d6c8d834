"""What was concluded at each look at a test, with what it was made from: only ever added."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from runlore.store.schema.ab import ab_analyses as table


@dataclass(frozen=True)
class RecordedLook:
    """look: 1 for the first. evidence: statistics by variant and metric."""

    look: int
    at: datetime
    actor: str
    answer: str
    winner: str | None
    is_final: bool
    analysis: Mapping[str, Any]
    evidence: Mapping[str, Any]


def add(connection: Connection, test_id: int, look: RecordedLook) -> None:
    connection.execute(insert(table).values(test_id=test_id, **vars(look)))


def count(connection: Connection, test_id: int) -> int:
    wanted = select(func.count()).select_from(table).where(table.c.test_id == test_id)
    return connection.scalar(wanted) or 0


def last(connection: Connection, test_id: int) -> RecordedLook | None:
    found = _read(connection, test_id, newest=True)
    return found[0] if found else None


def every(connection: Connection, test_id: int) -> list[RecordedLook]:
    """Oldest first."""
    return _read(connection, test_id, newest=False)


def _read(connection: Connection, test_id: int, *, newest: bool) -> list[RecordedLook]:
    columns = [table.c[name] for name in RecordedLook.__dataclass_fields__]
    wanted = select(*columns).where(table.c.test_id == test_id)
    wanted = (
        wanted.order_by(table.c.look.desc()).limit(1) if newest else wanted.order_by(table.c.look)
    )
    return [RecordedLook(*row) for row in connection.execute(wanted)]
