"""What the log holds of each source, and the ingests that brought it in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg.rows import class_row

Connection = psycopg.Connection[Any]
T = TypeVar("T")

# One pass over all facts: a second for some millions.
FACTS: LiteralString = """
SELECT 'executions' AS records, source, ingest_id, count(*) AS facts,
    count(*) FILTER (WHERE revision = 0) AS things,
    min(submitted) AS first_at, max(submitted) AS last_at
FROM runlore.executions GROUP BY source, ingest_id
UNION ALL
SELECT 'metrics', source, ingest_id, count(*), count(*) FILTER (WHERE revision = 0),
    min(at), max(at)
FROM runlore.metrics WHERE source <> 'executions' OR ingest_id IS NOT NULL
GROUP BY source, ingest_id
"""
INGESTS: LiteralString = """
SELECT ingests.id, ingests.source, path, records, rows_rejected, started_at, finished_at,
    withdrawals.known_at AS undone_at, withdrawals.reason AS because, warnings
FROM runlore.ingests LEFT JOIN runlore.withdrawals ON withdrawals.id = withdrawal_id
ORDER BY ingests.id DESC
"""

WITHDRAWN: LiteralString = """
SELECT source, 'executions' AS records, sum(executions)::bigint AS facts
FROM runlore.withdrawals GROUP BY source HAVING sum(executions) > 0
UNION ALL
SELECT source, 'metrics', sum(metrics)::bigint
FROM runlore.withdrawals GROUP BY source HAVING sum(metrics) > 0
"""


@dataclass(frozen=True, slots=True)
class FactCount:
    """Facts of one ingest. things: executions or points; ingest_id: None: recorded, or old."""

    records: str
    source: str
    ingest_id: int | None
    facts: int
    things: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class StoredIngest:
    id: int
    source: str
    path: str
    records: str
    rows_rejected: int
    started_at: datetime
    finished_at: datetime | None
    undone_at: datetime | None
    because: str | None
    warnings: list[dict[str, Any]]


def count_facts(connection: Connection) -> Sequence[FactCount]:
    return _rows(connection, FactCount, FACTS)


def read_ingests(connection: Connection) -> Sequence[StoredIngest]:
    """The newest first."""
    return _rows(connection, StoredIngest, INGESTS)


def count_withdrawn(connection: Connection) -> dict[tuple[str, str], int]:
    """Source and records -> how many facts were withdrawn from it, all undos together."""
    return {(source, records): facts for source, records, facts in connection.execute(WITHDRAWN)}


def _rows(connection: Connection, kind: type[T], query: LiteralString) -> Sequence[T]:
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(query).fetchall()
