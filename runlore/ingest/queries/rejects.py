"""The rejected rows of ingests, one by one and by the kind of their reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg
import pyarrow as pa
from psycopg.rows import class_row, dict_row

from runlore.store.copying import copy_in, instants, payload

Connection = psycopg.Connection[Any]

COLUMNS = ("ingest_id", "file", "line", "reason", "raw", "kind", "due_at")
LATEST: LiteralString = """
IN (SELECT max(id) FROM runlore.ingests WHERE withdrawal_id IS NULL GROUP BY source, path, records)
"""
ROWS: LiteralString = """
SELECT file, line, reason, raw, source, rejects.at FROM runlore.rejects
JOIN runlore.ingests ON ingests.id = ingest_id
WHERE ingest_id {which} ORDER BY ingest_id DESC, line LIMIT %s
"""
# Rejects of earlier versions have no kind: values in quotes and numbers are cut from the reason.
GROUPS: LiteralString = """
WITH named AS MATERIALIZED (
    SELECT ingest_id, line, reason,
        coalesce(kind, regexp_replace(reason, $q$'[^']*'|[0-9][0-9,.]*$q$, '{{}}', 'g')) AS kind
    FROM runlore.rejects WHERE ingest_id {which}
), counted AS (
    SELECT ingest_id, kind, count(*) AS rows, min(line) AS line FROM named GROUP BY 1, 2
)
SELECT counted.ingest_id AS ingest, source, file, counted.kind, counted.rows, counted.line,
    first.reason, first.raw, (
        SELECT array_agg(reason) FROM (
            SELECT DISTINCT reason FROM named
            WHERE (ingest_id, kind) = (counted.ingest_id, counted.kind) LIMIT {examples}
        ) AS samples
    ) AS examples
FROM counted
JOIN runlore.rejects AS first USING (ingest_id, line)
JOIN runlore.ingests ON ingests.id = counted.ingest_id
ORDER BY counted.ingest_id DESC, counted.rows DESC, counted.line
"""
EXAMPLES = 6
WARNED: LiteralString = """
SELECT id AS ingest, source, path AS file, warnings FROM runlore.ingests
WHERE id {which} ORDER BY id DESC
"""
IS_DUE: LiteralString = """
SELECT EXISTS (SELECT FROM runlore.rejects WHERE ingest_id = %s AND due_at <= %s)
"""


@dataclass(frozen=True, slots=True)
class StoredRejects:
    """Rejects of one kind. line, reason, raw: of the first of them; examples: some reasons."""

    ingest: int
    source: str
    file: str
    kind: str
    rows: int
    line: int
    reason: str
    raw: str
    examples: list[str]


@dataclass(frozen=True, slots=True)
class WarnedIngest:
    """The latest ingest of a file. warnings: as stored; empty: there are none."""

    ingest: int
    source: str
    file: str
    warnings: list[dict[str, Any]]


def add_rejects(connection: Connection, ingest_id: int, path: str, rejects: pa.Table) -> None:
    """Add rejected rows. rejects: a table of REJECT_TYPES."""
    if not rejects.num_rows:
        return
    rows = rejects.num_rows
    columns = [
        pa.repeat(ingest_id, rows),
        pa.repeat(path, rows),
        *(rejects[name] for name in ("line", "reason", "raw", "kind")),
        instants(rejects["due"]),
    ]
    copy_in(connection, "rejects", COLUMNS, payload(columns))


def read_rejects(connection: Connection, limit: int | None) -> list[dict[str, Any]]:
    """Rows refused by the latest ingest of each file, the latest file first. None: all."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(ROWS.format(which=LATEST).encode(), (limit,)).fetchall()


def read_groups(connection: Connection, ingest_id: int | None = None) -> Sequence[StoredRejects]:
    """Rejects by kind, of one ingest, or of the latest ingest of each file."""
    which = LATEST if ingest_id is None else "= %(ingest)s"
    query = GROUPS.format(which=which, examples=EXAMPLES)
    with connection.cursor(row_factory=class_row(StoredRejects)) as cursor:
        return cursor.execute(query.encode(), {"ingest": ingest_id}).fetchall()


def read_warned(connection: Connection) -> Sequence[WarnedIngest]:
    """The latest ingest of each file with its warnings, the latest first."""
    with connection.cursor(row_factory=class_row(WarnedIngest)) as cursor:
        return cursor.execute(WARNED.format(which=LATEST).encode()).fetchall()


def is_due(connection: Connection, ingest_id: int, at: datetime) -> bool:
    """Whether a row that was from the future can be judged again at this instant."""
    row = connection.execute(IS_DUE, (ingest_id, at)).fetchone()
    return row == (True,)
