"""Keys of publishers as rows."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

Connection = psycopg.Connection[Any]
# Publications and rotations go one after the other.
LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtext('runlore marketplace'))"
READ: LiteralString = """
SELECT publisher, serial, key, pinned_at, retired_at FROM runlore.marketplace_keys
WHERE publisher = %(publisher)s ORDER BY serial
"""
OWNER: LiteralString = "SELECT publisher FROM runlore.marketplace_keys WHERE key = %(key)s"
PIN: LiteralString = """
INSERT INTO runlore.marketplace_keys (publisher, serial, key, rotation)
VALUES (%(publisher)s, %(serial)s, %(key)s, %(rotation)s::jsonb)
"""
RETIRE: LiteralString = """
UPDATE runlore.marketplace_keys SET retired_at = clock_timestamp()
WHERE publisher = %(publisher)s AND retired_at IS NULL
"""


@dataclass(frozen=True)
class PublisherKey:
    """retired_at: None: it is the present key."""

    publisher: str
    serial: int
    key: str
    pinned_at: datetime
    retired_at: datetime | None


def lock_marketplace(connection: Connection) -> None:
    connection.execute(LOCK)


def read_keys(connection: Connection, publisher: str) -> list[PublisherKey]:
    """The oldest first."""
    cursor = connection.cursor(row_factory=class_row(PublisherKey))
    return cursor.execute(READ, {"publisher": publisher}).fetchall()


def key_owner(connection: Connection, key: str) -> str | None:
    row = connection.execute(OWNER, {"key": key}).fetchone()
    return None if row is None else str(row[0])


def pin_key(
    connection: Connection, publisher: str, serial: int, key: str, rotation: dict[str, str] | None
) -> None:
    text = None if rotation is None else json.dumps(rotation)
    values = {"publisher": publisher, "serial": serial, "key": key, "rotation": text}
    connection.execute(PIN, values)


def retire_key(connection: Connection, publisher: str) -> None:
    connection.execute(RETIRE, {"publisher": publisher})
