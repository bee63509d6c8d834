"""Requests to erase a persona, and which of their steps are done."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from runlore.privacy.queries import Connection

OPEN: LiteralString = """
SELECT id, requested_at, actor, steps, finished_at FROM runlore.erasures
WHERE pseudonym = %s AND finished_at IS NULL
"""
ADD: LiteralString = """
INSERT INTO runlore.erasures (requested_at, actor, pseudonym) VALUES (%s, %s, %s)
ON CONFLICT (pseudonym) WHERE finished_at IS NULL DO NOTHING
RETURNING id, requested_at, actor, steps, finished_at
"""
STEP: LiteralString = """
UPDATE runlore.erasures SET steps = steps || %s WHERE id = %s
"""
FINISH: LiteralString = """
UPDATE runlore.erasures SET finished_at = clock_timestamp(), pseudonym = NULL, actor = %s
WHERE id = %s
"""
LISTED: LiteralString = """
SELECT id, requested_at, actor, steps, finished_at FROM runlore.erasures ORDER BY id DESC LIMIT %s
"""


@dataclass(frozen=True)
class Erasure:
    """steps: step -> what it did, in counts. finished_at: None where it was cut off."""

    id: int
    requested_at: datetime
    actor: str
    steps: dict[str, Any]
    finished_at: datetime | None


def begin_or_resume(
    connection: Connection, pseudonym: str, actor: str, at: datetime
) -> tuple[Erasure, bool]:
    """The open request of a persona, and whether it was begun before."""
    with connection.cursor(row_factory=class_row(Erasure)) as cursor:
        added = cursor.execute(ADD, (at, actor, pseudonym)).fetchone()
        if added is not None:
            return added, False
        known = cursor.execute(OPEN, (pseudonym,)).fetchone()
    assert known is not None  # noqa: S101  (it was in the way)
    return known, True


def record_step(connection: Connection, number: int, step: str, did: object) -> None:
    connection.execute(STEP, (Jsonb({step: did}), number))


def finish(connection: Connection, number: int, actor: str) -> None:
    """The pseudonym goes with the last step."""
    connection.execute(FINISH, (actor, number))


def list_erasures(connection: Connection, limit: int) -> list[Erasure]:
    with connection.cursor(row_factory=class_row(Erasure)) as cursor:
        return cursor.execute(LISTED, (limit,)).fetchall()
