"""Executions without an outcome, as known at an instant."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import class_row

from runlore.store.engine import Store

OPEN: LiteralString = """
SELECT source, source_id, kind, actor, scope, inputs, submitted, started, status FROM (
    SELECT DISTINCT ON (source, source_id, submitted) *
    FROM runlore.executions
    WHERE known_at <= %(as_of)s AND submitted >= %(since)s
    ORDER BY source, source_id, submitted, revision DESC
) AS latest
WHERE status IN ('submitted', 'running') AND finished IS NULL AND submitted <= %(as_of)s
ORDER BY submitted, source, source_id LIMIT %(limit)s
"""


@dataclass(frozen=True)
class OpenTask:
    source: str
    source_id: str
    kind: str
    actor: str
    scope: str
    inputs: Mapping[str, Any]
    submitted: datetime
    started: datetime | None
    status: str


def read_open(store: Store, as_of: datetime, since: datetime, limit: int) -> list[OpenTask]:
    """Those submitted since an instant, the oldest first."""
    values = {"as_of": as_of, "since": since, "limit": limit}
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(OpenTask))
        return cursor.execute(OPEN, values).fetchall()
