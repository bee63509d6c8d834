"""The prediction service's API keys and their scopes. Only hashes of secrets are stored."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
import sqlalchemy
from psycopg.rows import class_row
from sqlalchemy import ColumnElement, insert, or_, select, text, update

from runlore.store import schema
from runlore.store.engine import Store

Connection = psycopg.Connection[Any]
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('runlore.api_keys', 0))")
LIVE = """
SELECT * FROM runlore.api_keys
WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
"""
ADD_USES = """
UPDATE runlore.api_keys
SET uses = uses + %s, last_used_at = greatest(last_used_at, %s)
WHERE id = %s
"""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """id: public. hash: of the secret, 64 hex digits."""

    id: str
    name: str
    hash: str = field(repr=False)
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    uses: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "scopes", tuple(self.scopes))

    def is_live(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


@dataclass(frozen=True, slots=True)
class KeyUses:
    """The uses of one key since they were last stored."""

    count: int
    last_at: datetime


@contextmanager
def writing(store: Store) -> Iterator["KeyWriter"]:
    """Hold the lock on keys; all changes are committed at the end."""
    with store.begin() as connection:
        connection.execute(LOCK)
        yield KeyWriter(connection)


@dataclass(frozen=True)
class KeyWriter:
    _connection: sqlalchemy.Connection

    def find(self, key_id: str) -> ApiKey | None:
        row = self._connection.execute(
            select(schema.api_keys).where(schema.api_keys.c.id == key_id)
        ).first()
        return None if row is None else ApiKey(**row._mapping)

    def live(self, name: str, at: datetime) -> list[ApiKey]:
        """The keys of an owner that are valid at an instant, oldest first."""
        statement = select(schema.api_keys).where(schema.api_keys.c.name == name, _is_live(at))
        rows = self._connection.execute(
            statement.order_by(schema.api_keys.c.created_at, schema.api_keys.c.id)
        )
        return [ApiKey(**row._mapping) for row in rows]

    def add(self, key: ApiKey) -> None:
        values = {column.name: getattr(key, column.name) for column in schema.api_keys.columns}
        self._connection.execute(
            insert(schema.api_keys).values(values | {"scopes": list(key.scopes)})
        )

    def revoke(self, key_id: str, at: datetime) -> None:
        self._connection.execute(
            update(schema.api_keys)
            .where(schema.api_keys.c.id == key_id, schema.api_keys.c.revoked_at.is_(None))
            .values(revoked_at=at)
        )


def every(store: Store) -> list[ApiKey]:
    """All keys, revoked ones included, by owner, oldest first."""
    statement = select(schema.api_keys).order_by(
        schema.api_keys.c.name, schema.api_keys.c.created_at, schema.api_keys.c.id
    )
    with store.begin() as connection:
        return [ApiKey(**row._mapping) for row in connection.execute(statement)]


def live(connection: Connection) -> dict[str, ApiKey]:
    """Map id to key, for keys that are valid now by the database's clock."""
    with connection.cursor(row_factory=class_row(ApiKey)) as cursor:
        return {key.id: key for key in cursor.execute(LIVE)}


def add_uses(connection: Connection, uses: Mapping[str, KeyUses]) -> None:
    """Id -> uses. In one order, so that those who do it at once wait and do not deadlock."""
    rows = [(use.count, use.last_at, key_id) for key_id, use in sorted(uses.items())]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(ADD_USES, rows)


def _is_live(at: datetime) -> ColumnElement[bool]:
    return schema.api_keys.c.revoked_at.is_(None) & or_(
        schema.api_keys.c.expires_at.is_(None), schema.api_keys.c.expires_at > at
    )
