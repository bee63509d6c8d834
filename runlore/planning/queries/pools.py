"""Pools as they were declared, and who changed them when."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import class_row

from runlore.store.engine import Store

LATEST: LiteralString = """
SELECT recorded_at, name, definition, actor FROM (
    SELECT DISTINCT ON (name) * FROM runlore.pools
    WHERE recorded_at <= %(as_of)s ORDER BY name, id DESC
) AS latest
WHERE definition IS NOT NULL ORDER BY name
"""
LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtext('runlore.pools'))"
ADD: LiteralString = """
INSERT INTO runlore.pools (recorded_at, name, definition, actor)
VALUES (%(at)s, %(name)s, %(definition)s::jsonb, %(actor)s)
"""


@dataclass(frozen=True)
class PoolRow:
    recorded_at: datetime
    name: str
    definition: Mapping[str, Any]
    actor: str


@dataclass(frozen=True)
class PoolChange:
    """definition: None removes the pool."""

    name: str
    definition: Mapping[str, Any] | None


def read_pool_rows(store: Store, as_of: datetime) -> list[PoolRow]:
    """Those that held at an instant, by name."""
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(PoolRow))
        return cursor.execute(LATEST, {"as_of": as_of}).fetchall()


def add_pool_changes(
    store: Store, changes: Sequence[PoolChange], actor: str, at: datetime
) -> list[str]:
    """Write those that change something, all or none; returns their names."""
    with store.connect() as connection:
        connection.execute(LOCK)
        cursor = connection.cursor(row_factory=class_row(PoolRow))
        known = {row.name: row for row in cursor.execute(LATEST, {"as_of": at}).fetchall()}
        changed = [one for one in changes if _of(known, one.name) != one.definition]
        for one in changed:
            text = None if one.definition is None else json.dumps(one.definition)
            values = {"at": at, "name": one.name, "definition": text, "actor": actor}
            connection.execute(ADD, values)
    return [one.name for one in changed]


def _of(known: Mapping[str, PoolRow], name: str) -> Mapping[str, Any] | None:
    return known[name].definition if name in known else None
