"""Search executions, the newest known first; a page never reads more than some rows of the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from runlore.records.execution import OPEN_STATUSES, Scalar
from runlore.store.engine import Store

Connection = psycopg.Connection[Any]

# Rows that one page reads, however few match: about 0.1 s of a log with a million executions. The
# status is that of the newest fact, which is looked up for each.
ROWS_SCANNED, ROWS_LOOKED_UP = 50_000, 15_000
SOURCES: LiteralString = """
WITH RECURSIVE known AS (
    (SELECT source FROM runlore.executions ORDER BY source LIMIT 1)
    UNION ALL
    SELECT (
        SELECT later.source FROM runlore.executions AS later
        WHERE later.source > known.source ORDER BY later.source LIMIT 1
    ) FROM known WHERE known.source IS NOT NULL
)
SELECT source FROM known WHERE source IS NOT NULL
"""
FIRST_FACTS: LiteralString = """
SELECT seq, source, source_id, submitted, actor, kind, scope FROM runlore.executions
WHERE revision = 0 AND {scanned} ORDER BY seq DESC LIMIT {limit}
"""
MATCHING: LiteralString = """
SELECT first.*, newest.status, newest.started, newest.finished, newest.outcome, newest.known_at
FROM ({first}) AS first CROSS JOIN LATERAL (
    SELECT status, started, finished, outcome, known_at FROM runlore.executions AS fact
    WHERE fact.source = first.source AND fact.source_id = first.source_id
        AND fact.submitted = first.submitted
    ORDER BY fact.revision DESC LIMIT 1
) AS newest
WHERE {matching} ORDER BY first.seq DESC LIMIT {limit}
"""
LAST_SCANNED: LiteralString = "SELECT min(seq), count(*) FROM ({first}) AS first"
OF_ALL = ("actor", "kind", "scope")
OPEN = sorted(map(str, OPEN_STATUSES))
INPUTS = "SELECT seq, inputs FROM runlore.executions WHERE seq = ANY(%s)"


@dataclass(frozen=True)
class ExecutionQuery:
    """Selects executions; None matches all values.

    since, until: `submitted` in [since, until). before: the `seq` of their first facts is smaller.
    is_open: only those that have not ended.
    """

    source_id: str | None = None
    actor: str | None = None
    kind: str | None = None
    scope: str | None = None
    status: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class ExecutionSummary:
    """An execution with its newest fact. seq: of its first one."""

    seq: int
    source: str
    source_id: str
    submitted: datetime
    actor: str
    kind: str
    scope: str
    status: str
    started: datetime | None
    finished: datetime | None
    outcome: dict[str, Scalar]
    known_at: datetime


@dataclass(frozen=True)
class ExecutionPage:
    """next: to continue with as `before`; None: the whole log was searched."""

    executions: list[ExecutionSummary]
    next: int | None


def search(store: Store, query: ExecutionQuery, limit: int) -> ExecutionPage:
    """Find executions, those that became known last first.

    A page may be shorter than `limit`, even empty, before the whole log was searched.
    """
    most = ROWS_LOOKED_UP if query.status is not None or query.is_open else ROWS_SCANNED
    with store.connect() as connection:
        first = sql.SQL(FIRST_FACTS).format(scanned=_scanned(connection, query), limit=most)
        statement = sql.SQL(MATCHING).format(
            first=first, matching=_matching(query), limit=limit + 1
        )
        cursor = connection.cursor(row_factory=class_row(ExecutionSummary))
        rows = cursor.execute(statement).fetchall()
        if len(rows) > limit:
            return ExecutionPage(rows[:limit], rows[limit - 1].seq)
        return ExecutionPage(rows, _next_scan(connection, first, most))


def read_inputs(store: Store, numbers: Sequence[int]) -> dict[int, dict[str, Scalar]]:
    """The inputs of executions by the `seq` of their first facts."""
    with store.connect() as connection:
        return dict(connection.execute(INPUTS, (list(numbers),)).fetchall())


def _next_scan(connection: Connection, first: sql.Composable, most: int) -> int | None:
    """Where the next page begins after a page that the scan could not fill."""
    row = connection.execute(sql.SQL(LAST_SCANNED).format(first=first)).fetchone()
    lowest, count = row or (None, 0)
    return lowest if count == most else None


def _scanned(connection: Connection, query: ExecutionQuery) -> sql.Composable:
    """What an index or the partitions select."""
    parts: list[sql.Composable] = [sql.SQL("true")]
    if query.source_id is not None:
        sources = [source for (source,) in connection.execute(SOURCES)]
        parts.append(
            sql.SQL("source = ANY({}) AND source_id = {}").format(sources, query.source_id)
        )
    if query.before is not None:
        parts.append(sql.SQL("seq < {}").format(query.before))
    if query.since is not None:
        parts.append(sql.SQL("submitted >= {}").format(query.since))
    if query.until is not None:
        parts.append(sql.SQL("submitted < {}").format(query.until))
    return sql.SQL(" AND ").join(parts)


def _matching(query: ExecutionQuery) -> sql.Composable:
    parts: list[sql.Composable] = [sql.SQL("true")]
    for name in OF_ALL:
        if (value := getattr(query, name)) is not None:
            parts.append(sql.SQL("first.{} = {}").format(sql.Identifier(name), value))
    if query.status is not None:
        parts.append(sql.SQL("newest.status = {}").format(query.status))
    if query.is_open:
        parts.append(sql.SQL("newest.status = ANY({})").format(OPEN))
    return sql.SQL(" AND ").join(parts)
