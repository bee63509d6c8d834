"""Plans that were made."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from runlore.store.engine import Store

ADD: LiteralString = """
INSERT INTO runlore.plans (recorded_at, actor, plan)
VALUES (%(at)s, %(actor)s, %(plan)s) RETURNING id
"""
ONE: LiteralString = """
SELECT id, recorded_at, actor, plan FROM runlore.plans WHERE id = %(id)s
"""
NEWEST: LiteralString = """
SELECT id, recorded_at, actor, plan - 'tasks' AS plan FROM runlore.plans
WHERE recorded_at <= %(as_of)s ORDER BY recorded_at DESC, id DESC LIMIT %(limit)s
"""


@dataclass(frozen=True)
class PlanRow:
    id: int
    recorded_at: datetime
    actor: str
    plan: Mapping[str, Any]


def add_plan(store: Store, plan: Mapping[str, Any], actor: str, at: datetime) -> int:
    with store.connect() as connection:
        row = connection.execute(ADD, {"plan": Jsonb(plan), "actor": actor, "at": at}).fetchone()
    return int(row[0]) if row else 0


def read_plan(store: Store, number: int) -> PlanRow | None:
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(PlanRow))
        return cursor.execute(ONE, {"id": number}).fetchone()


def read_newest(store: Store, as_of: datetime, limit: int) -> list[PlanRow]:
    """Without their tasks, the newest first."""
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(PlanRow))
        return cursor.execute(NEWEST, {"as_of": as_of, "limit": limit}).fetchall()
