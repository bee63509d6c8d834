"""Moving the facts of an ingest or a source out of the log, with the record of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from runlore.ingest.queries import series_catalog
from runlore.records.metric_points import EXECUTION_SOURCE
from runlore.serving.queries import feature_states
from runlore.store.schema import withdrawn_executions, withdrawn_metrics

Connection = psycopg.Connection[Any]

NUMBER = "SELECT nextval('runlore.fact_seq')"
INGEST = """
SELECT id, source, path, records, withdrawal_id, numbers_facts FROM runlore.ingests
WHERE id = %s FOR UPDATE
"""
OF_SOURCE = """
SELECT id, source, path, records, withdrawal_id, numbers_facts FROM runlore.ingests
WHERE source = %s AND withdrawal_id IS NULL ORDER BY id FOR UPDATE
"""
HAS_SOURCE = """
SELECT EXISTS (SELECT FROM runlore.ingests WHERE source = %(source)s)
    OR EXISTS (SELECT FROM runlore.executions WHERE source = %(source)s)
    OR EXISTS (SELECT FROM runlore.metrics WHERE source = %(source)s)
"""
ADD = """
INSERT INTO runlore.withdrawals (known_at, source, ingest_id, executions, metrics, actor, reason)
VALUES (now(), %(source)s, %(ingest)s, 0, 0, %(actor)s, %(reason)s) RETURNING id
"""
MOVE = """
WITH gone AS (DELETE FROM runlore.{table} WHERE {condition} RETURNING {columns})
INSERT INTO runlore.withdrawn_{table} ({columns}, withdrawal_id)
SELECT {columns}, %(withdrawal)s FROM gone
"""
# The first fact about an execution has revision 0. Where that one is withdrawn, the first of those
# that remain takes its place.
ORPHANS = """
UPDATE runlore.executions AS fact SET revision = 0
FROM (
    SELECT source, source_id, submitted, min(other.revision) AS revision
    FROM runlore.executions AS other JOIN (
        SELECT source, source_id, submitted FROM runlore.withdrawn_executions
        WHERE withdrawal_id = %(withdrawal)s AND revision = 0
    ) AS gone USING (source, source_id, submitted)
    GROUP BY source, source_id, submitted HAVING min(other.revision) > 0
) AS first
WHERE (fact.source, fact.source_id, fact.submitted, fact.revision)
    = (first.source, first.source_id, first.submitted, first.revision)
"""
LATE_ORPHANS = """
UPDATE runlore.executions AS fact SET revision = 0
WHERE fact.seq > %(until)s AND fact.revision = (
    SELECT min(other.revision) FROM runlore.executions AS other
    WHERE (other.source, other.source_id, other.submitted)
        = (fact.source, fact.source_id, fact.submitted)
) AND fact.revision > 0
"""
POINT_ORPHANS = """
UPDATE runlore.metrics AS fact SET revision = 0
FROM (
    SELECT source, name, scope, at, min(other.revision) AS revision
    FROM runlore.metrics AS other JOIN (
        SELECT source, name, scope, at FROM runlore.withdrawn_metrics
        WHERE withdrawal_id = %(withdrawal)s AND revision = 0
    ) AS gone USING (source, name, scope, at)
    GROUP BY source, name, scope, at HAVING min(other.revision) > 0
) AS first
WHERE (fact.source, fact.name, fact.scope, fact.at, fact.revision)
    = (first.source, first.name, first.scope, first.at, first.revision)
"""
SETTLE = """
UPDATE runlore.withdrawals SET known_at = clock_timestamp(), seq = nextval('runlore.fact_seq'),
    executions = %(executions)s, metrics = %(metrics)s
WHERE id = %(withdrawal)s RETURNING {columns}
"""
UNDO_INGESTS = "UPDATE runlore.ingests SET withdrawal_id = %s WHERE id = ANY(%s)"
FORGET_REJECTS = "DELETE FROM runlore.rejects WHERE ingest_id = ANY(%s)"
# Rows that others had brought in already were only counted. Some of those may be withdrawn now.
REREAD = """
UPDATE runlore.ingests SET (bytes_done, prefix_digest, lines_done) = (0, '', 0),
    (rows_new, rows_known, rows_rejected, rows_skipped) = (0, 0, 0, '{}')
WHERE source = %s AND records = %s AND id <> %s AND withdrawal_id IS NULL AND rows_known > 0
RETURNING id, path
"""
WITHDRAWAL_COLUMNS = "id, seq, known_at, source, ingest_id, executions, metrics, actor, reason"
READ = f"SELECT {WITHDRAWAL_COLUMNS} FROM runlore.withdrawals"  # noqa: S608  (names of ours)
EXTENT = """
SELECT min(seq) AS first_seq, min(least(submission_known_at, known_at)) AS first_known_at
FROM runlore.withdrawn_executions WHERE withdrawal_id = %s
"""


@dataclass(frozen=True, slots=True)
class IngestRow:
    """An ingest as it stands. numbers_facts: whether all its facts have its id."""

    id: int
    source: str
    path: str
    records: str
    withdrawal_id: int | None
    numbers_facts: bool


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Facts that are not known any more from `known_at` on.

    ingest_id: whose facts; None: all of the source. executions: facts about executions; metrics:
    points.
    """

    id: int
    seq: int
    known_at: datetime
    source: str
    ingest_id: int | None
    executions: int
    metrics: int
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class OtherIngest:
    """An ingest whose file has to be read again from its beginning."""

    id: int
    path: str


@dataclass(frozen=True, slots=True)
class WithdrawnExtent:
    """Of a withdrawal's facts about executions: the lowest number, and when one was known first.

    None: there are no such facts.
    """

    first_seq: int | None
    first_known_at: datetime | None


def newest_number(connection: Connection) -> int:
    """A number after which all later facts come; what has a lower one is committed."""
    feature_states.lock_out_recorders(connection)
    row = connection.execute(NUMBER).fetchone()
    assert row is not None  # noqa: S101  (a SELECT without FROM)
    return int(row[0])


def read_ingest(connection: Connection, ingest_id: int) -> IngestRow | None:
    with connection.cursor(row_factory=class_row(IngestRow)) as cursor:
        return cursor.execute(INGEST, (ingest_id,)).fetchone()


def has_ingest(connection: Connection, number: int) -> bool:
    query = "SELECT EXISTS (SELECT FROM runlore.ingests WHERE id = %s)"
    row = connection.execute(query, (number,)).fetchone()
    return bool(row and row[0])


def has_source(connection: Connection, name: str) -> bool:
    """Whether something of a source is known: facts or an ingest."""
    row = connection.execute(HAS_SOURCE, {"source": name}).fetchone()
    return bool(row and row[0])


def ingests_of(connection: Connection, source: str) -> Sequence[IngestRow]:
    """The ingests of a source that are not undone."""
    with connection.cursor(row_factory=class_row(IngestRow)) as cursor:
        return cursor.execute(OF_SOURCE, (source,)).fetchall()


def read(connection: Connection, withdrawal_id: int) -> Withdrawal:
    with connection.cursor(row_factory=class_row(Withdrawal)) as cursor:
        row = cursor.execute(f"{READ} WHERE id = %s", (withdrawal_id,)).fetchone()
    assert row is not None  # noqa: S101  (an ingest refers to it)
    return row


def newest_of(connection: Connection, source: str) -> Withdrawal | None:
    """The newest withdrawal from a source; None when nothing of it was withdrawn."""
    with connection.cursor(row_factory=class_row(Withdrawal)) as cursor:
        query = f"{READ} WHERE source = %s ORDER BY id DESC LIMIT 1"
        return cursor.execute(query, (source,)).fetchone()


def begin(
    connection: Connection, source: str, ingest_id: int | None, actor: str, reason: str
) -> int:
    values = {"source": source, "ingest": ingest_id, "actor": actor, "reason": reason}
    row = connection.execute(ADD, values).fetchone()
    assert row is not None  # noqa: S101  (INSERT … RETURNING)
    return int(row[0])


def cancel(connection: Connection, withdrawal_id: int) -> None:
    """Take back a withdrawal that found nothing."""
    connection.execute("DELETE FROM runlore.withdrawals WHERE id = %s", (withdrawal_id,))


def move_ingest(connection: Connection, withdrawal_id: int, ingest_id: int) -> tuple[int, int]:
    """Withdraw the facts of an ingest: how many about executions, how many points."""
    values = {"withdrawal": withdrawal_id, "ingest": ingest_id}
    executions = _move(connection, "executions", "ingest_id = %(ingest)s", values)
    return executions, _move_points(connection, "ingest_id = %(ingest)s", values)


def move_source(
    connection: Connection, withdrawal_id: int, source: str, until_seq: int
) -> tuple[int, int]:
    """Withdraw all facts of a source up to a number: about executions, and points."""
    values = {"withdrawal": withdrawal_id, "source": source, "until": until_seq}
    condition = "source = %(source)s AND seq <= %(until)s"
    executions = _move(connection, "executions", condition, values)
    if source == EXECUTION_SOURCE:  # its points are made from what remains of the log
        return executions, 0
    return executions, _move_points(connection, "source = %(source)s", values)


def move_actor(connection: Connection, withdrawal_id: int, actor: str) -> int:
    """Withdraw all facts about executions of an actor; returns how many."""
    values = {"withdrawal": withdrawal_id, "actor": actor}
    return _move(connection, "executions", "actor = %(actor)s", values)


def renumber(connection: Connection, withdrawal_id: int) -> None:
    """Give the first of the remaining facts about an execution or a point the revision 0."""
    connection.execute(ORPHANS, {"withdrawal": withdrawal_id})
    connection.execute(POINT_ORPHANS, {"withdrawal": withdrawal_id})


def renumber_late(connection: Connection, until_seq: int) -> None:
    """The same for facts that were recorded meanwhile. Recorders must be locked out."""
    connection.execute(LATE_ORPHANS, {"until": until_seq})


def settle(connection: Connection, withdrawal_id: int, executions: int, metrics: int) -> Withdrawal:
    """Date and number a withdrawal, and count its facts."""
    counts = {"withdrawal": withdrawal_id, "executions": executions, "metrics": metrics}
    query = SETTLE.format(columns=WITHDRAWAL_COLUMNS)
    with connection.cursor(row_factory=class_row(Withdrawal)) as cursor:
        row = cursor.execute(query.encode(), counts).fetchone()
    assert row is not None  # noqa: S101  (of `begin`)
    return row


def mark_undone(connection: Connection, withdrawal_id: int, ingest_ids: Sequence[int]) -> None:
    """Forget how far these ingests came and what they rejected: their files can be read anew."""
    connection.execute(UNDO_INGESTS, (withdrawal_id, list(ingest_ids)))
    connection.execute(FORGET_REJECTS, (list(ingest_ids),))


def reread_others(connection: Connection, undone: IngestRow) -> tuple[OtherIngest, ...]:
    """Let other ingests of the source that knew rows already read their files again."""
    with connection.cursor(row_factory=class_row(OtherIngest)) as cursor:
        values = (undone.source, undone.records, undone.id)
        return tuple(cursor.execute(REREAD, values).fetchall())


def extent(connection: Connection, withdrawal_id: int) -> WithdrawnExtent:
    with connection.cursor(row_factory=class_row(WithdrawnExtent)) as cursor:
        row = cursor.execute(EXTENT, (withdrawal_id,)).fetchone()
    assert row is not None  # noqa: S101  (an aggregate)
    return row


def _move_points(connection: Connection, condition: str, values: dict[str, Any]) -> int:
    moved = _move(connection, "metrics", condition, values)
    if moved:
        series_catalog.forget_empty(connection, withdrawn_metrics.fullname, values["withdrawal"])
    return moved


def _move(connection: Connection, table: str, condition: str, values: dict[str, Any]) -> int:
    withdrawn = {"executions": withdrawn_executions, "metrics": withdrawn_metrics}[table]
    names = [column.name for column in withdrawn.columns if column.name != "withdrawal_id"]
    query = MOVE.format(table=table, condition=condition, columns=", ".join(names))
    return max(connection.execute(query.encode(), values).rowcount, 0)
