"""Pages of the ledger, the newest answers first, and the answers about one execution."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row, dict_row

from runlore.serving.queries import outcomes
from runlore.serving.queries.ledger_query import LedgerQuery
from runlore.store.engine import Store

ROWS_SCANNED = 50_000  # by one page; a filter that few rows match reads no more
MOST_ANSWERS = 100  # about one execution
SCANNED: LiteralString = """
SELECT at, id, spec, version, arm, status, as_of, source, source_id, prediction, low, high, error,
    support, request
FROM runlore.ledger WHERE {scanned} ORDER BY at DESC, id DESC LIMIT {limit}
"""
PAGE: LiteralString = """
SELECT l.*, came.status AS outcome FROM ({scanned}) AS l {outcomes}
WHERE {matching} ORDER BY l.at DESC, l.id DESC LIMIT {limit}
"""
LAST_SCANNED: LiteralString = """
SELECT at, id, count FROM (
    SELECT at, id, count(*) OVER () AS count FROM ({scanned}) AS l
) AS counted ORDER BY at, id LIMIT 1
"""
OF_EXECUTION: LiteralString = """
SELECT l.* FROM runlore.ledger AS l {outcomes}
WHERE l.source = {source} AND l.source_id = {source_id}
    AND coalesce(run.submitted, {submitted}) = {submitted}
ORDER BY l.at DESC, l.id DESC LIMIT {limit}
"""

Place = tuple[datetime, UUID]


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A row of the ledger in a list. outcome: the status of its execution, if that ended."""

    at: datetime
    id: UUID
    spec: str
    version: str | None
    arm: str
    status: int
    as_of: datetime
    source: str | None
    source_id: str | None
    prediction: float | None
    low: float | None
    high: float | None
    error: str | None
    support: str | None
    request: dict[str, Any]
    outcome: str | None


@dataclass(frozen=True)
class LedgerPage:
    """next: to continue with as `before`; None: the whole ledger was searched."""

    entries: list[LedgerEntry]
    next: Place | None


def newest(store: Store, query: LedgerQuery, limit: int, before: Place | None = None) -> LedgerPage:
    """The newest rows that match, before a place.

    A page may be shorter than `limit`, even empty, before the whole ledger was searched.
    """
    scanned = sql.SQL(SCANNED).format(scanned=_scanned(query, before), limit=ROWS_SCANNED)
    statement = sql.SQL(PAGE).format(
        scanned=scanned,
        outcomes=sql.SQL(outcomes.join("l", "'infinity'")),
        matching=_matching(query),
        limit=limit + 1,
    )
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(LedgerEntry))
        entries = cursor.execute(statement).fetchall()
        if len(entries) > limit:
            last = entries[limit - 1]
            return LedgerPage(entries[:limit], (last.at, last.id))
        end = connection.execute(sql.SQL(LAST_SCANNED).format(scanned=scanned)).fetchone()
    is_whole = end is None or end[2] < ROWS_SCANNED
    return LedgerPage(entries, None if is_whole or end is None else (end[0], end[1]))


def of_execution(
    store: Store, source: str, source_id: str, submitted: datetime
) -> list[dict[str, Any]]:
    """The answers and refusals about one execution, in their order; of very many, the newest."""
    statement = sql.SQL(OF_EXECUTION).format(
        outcomes=sql.SQL(outcomes.join("l", "'infinity'")),
        source=source,
        source_id=source_id,
        submitted=submitted,
        limit=MOST_ANSWERS,
    )
    with store.connect() as connection:
        rows = connection.cursor(row_factory=dict_row).execute(statement).fetchall()
    return rows[::-1]


def _scanned(query: LedgerQuery, before: Place | None) -> sql.Composable:
    """What the indexes of the ledger select."""
    parts: list[sql.Composable] = [sql.SQL("true")]
    if query.spec is not None:
        parts.append(sql.SQL("spec = {}").format(query.spec))
    if query.since is not None:
        parts.append(sql.SQL("at >= {}").format(query.since))
    if query.until is not None:
        parts.append(sql.SQL("at < {}").format(query.until))
    if before is not None:
        parts.append(sql.SQL("at <= {} AND (at, id) < ({}, {})").format(before[0], *before))
    return sql.SQL(" AND ").join(parts)


def _matching(query: LedgerQuery) -> sql.Composable:
    parts: list[sql.Composable] = [sql.SQL("true")]
    for name in ("version", "arm", "status", "source_id"):
        if (value := getattr(query, name)) is not None:
            parts.append(sql.SQL("l.{} = {}").format(sql.Identifier(name), value))
    return sql.SQL(" AND ").join(parts)
