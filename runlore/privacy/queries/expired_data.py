"""Personal data that are older than they may become: counted, deleted, and what was deleted."""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row

from runlore.privacy.queries import Connection

EXPIRED: LiteralString = "source = %(source)s AND submitted < %(before)s"
LEDGER: LiteralString = f"""
FROM runlore.ledger WHERE at < %(before)s AND (source, source_id) IN (
    SELECT source, source_id FROM runlore.executions WHERE {EXPIRED}
    UNION ALL SELECT source, source_id FROM runlore.withdrawn_executions WHERE {EXPIRED})
"""  # noqa: S608  (constants)
REJECTS: LiteralString = """
FROM runlore.rejects WHERE at < %(before)s
    AND ingest_id IN (SELECT id FROM runlore.ingests WHERE source = %(source)s)
"""
# Points of single actors' runs; those of kinds, scopes and of all are sums of many.
POINTS: LiteralString = """
FROM runlore.metrics WHERE source = %(made)s AND at < %(before)s AND name IN (
    SELECT name FROM runlore.series AS listed WHERE listed.source = %(made)s
        AND labels->>'actor' IN (
            SELECT actor FROM runlore.executions WHERE source = %(source)s
            UNION SELECT actor FROM runlore.withdrawn_executions WHERE source = %(source)s))
"""
EXECUTIONS: LiteralString = f"FROM runlore.executions WHERE {EXPIRED}"
WITHDRAWN: LiteralString = f"FROM runlore.withdrawn_executions WHERE {EXPIRED}"
ADD: LiteralString = """
INSERT INTO runlore.expired_data
    (at, source, days, submitted_before, executions, predictions, rejects, points)
VALUES (%(at)s, %(source)s, %(days)s, %(submitted_before)s, %(executions)s, %(predictions)s,
    %(rejects)s, %(points)s)
"""
LISTED: LiteralString = """
SELECT at, source, days, submitted_before, executions, predictions, rejects, points
FROM runlore.expired_data ORDER BY id DESC LIMIT %s
"""


@dataclass(frozen=True)
class ExpiredData:
    """What expired of a source, in rows. submitted_before: of its executions."""

    at: datetime
    source: str
    days: int
    submitted_before: datetime
    executions: int
    predictions: int
    rejects: int
    points: int

    @property
    def rows(self) -> int:
        return self.executions + self.predictions + self.rejects + self.points


def count_expired(connection: Connection, source: str, before: datetime, made: str) -> list[int]:
    """Executions, predictions, rejects and points that expired. made: source of made series."""
    values = {"source": source, "before": before, "made": made}
    counts = []
    for parts in ((EXECUTIONS, WITHDRAWN), (LEDGER,), (REJECTS,), (POINTS,)):
        rows = [connection.execute(b"SELECT count(*) " + p.encode(), values) for p in parts]
        counts.append(sum(int((row.fetchone() or (0,))[0]) for row in rows))
    return counts


def delete_expired(connection: Connection, source: str, before: datetime, made: str) -> list[int]:
    """Delete them; returns the same counts. What refers to executions goes before these."""
    values = {"source": source, "before": before, "made": made}
    counts = []
    for parts in ((LEDGER,), (REJECTS,), (POINTS,), (EXECUTIONS, WITHDRAWN)):
        done = [connection.execute(b"DELETE " + p.encode(), values).rowcount for p in parts]
        counts.append(sum(done))
    return [counts[-1], *counts[:-1]]


def insert_expired(connection: Connection, expired: ExpiredData) -> None:
    connection.execute(ADD, vars(expired))


def list_expired(connection: Connection, limit: int) -> list[ExpiredData]:
    with connection.cursor(row_factory=class_row(ExpiredData)) as cursor:
        return cursor.execute(LISTED, (limit,)).fetchall()
