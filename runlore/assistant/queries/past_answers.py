"""What was predicted of some work until an instant: the newest answer on the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row

from runlore.store.engine import Store

SCANNED = 50_000  # answers of the spec, the newest first
NEWEST: LiteralString = """
SELECT id, at, as_of, version, prediction, low, high, reasons, quantiles, request FROM (
    SELECT * FROM runlore.ledger WHERE spec = %(spec)s AND at <= %(until)s
    ORDER BY at DESC, id DESC LIMIT %(scanned)s
) AS newest
WHERE status = 200 AND prediction IS NOT NULL AND arm <> 'shadow'
    AND request ->> 'actor' = %(actor)s AND request ->> 'kind' = %(kind)s
    AND coalesce(request ->> 'scope', '') = %(scope)s
    AND (%(execution)s::text IS NULL OR source_id = %(execution)s)
ORDER BY at DESC, id DESC LIMIT 1
"""


@dataclass(frozen=True)
class PastAnswer:
    """at: when it was given. as_of: nothing later is in it."""

    id: UUID
    at: datetime
    as_of: datetime
    version: str | None
    prediction: float
    low: float | None
    high: float | None
    reasons: list[dict[str, Any]] | None
    quantiles: Mapping[str, float] | None
    request: Mapping[str, Any]


@dataclass(frozen=True)
class PastQuery:
    """execution: its id; None: any of such work."""

    spec: str
    until: datetime
    actor: str
    kind: str
    scope: str
    execution: str | None


def newest_answer(store: Store, query: PastQuery) -> PastAnswer | None:
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(PastAnswer))
        return cursor.execute(NEWEST, {**vars(query), "scanned": SCANNED}).fetchone()
