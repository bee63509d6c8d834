"""The progress of each ingest."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from runlore.kernel.errors import Refused, Unavailable
from runlore.records.mapping import Records
from runlore.store.live_outbox import Topic, publish

READ = """
SELECT id, bytes_done, prefix_digest, lines_done, rows_new, rows_known, rows_rejected,
    rows_skipped, withdrawal_id IS NOT NULL AS is_undone
FROM runlore.ingests
"""
STANDING = """
SELECT source, path, finished_at IS NOT NULL, rows_new, rows_known, rows_rejected
FROM runlore.ingests WHERE id = %s
"""
LATEST = (
    READ
    + """
WHERE (source, path, records, mapping_digest) = (%(source)s, %(path)s, %(records)s, %(mapping)s)
AND withdrawal_id IS NULL ORDER BY id DESC LIMIT 1 FOR UPDATE
"""
)
BEGIN = """
INSERT INTO runlore.ingests (source, path, records, mapping_digest, prefix_digest)
VALUES (%(source)s, %(path)s, %(records)s, %(mapping)s, '')
RETURNING id, bytes_done, prefix_digest, lines_done, rows_new, rows_known, rows_rejected,
    rows_skipped, false AS is_undone
"""
RESTART = """
UPDATE runlore.ingests SET (bytes_done, prefix_digest, lines_done) = (0, '', 0),
    (rows_new, rows_known, rows_rejected, rows_skipped, warnings) = (0, 0, 0, '{}', '[]'),
    finished_at = NULL
WHERE id = %s
RETURNING id, bytes_done, prefix_digest, lines_done, rows_new, rows_known, rows_rejected,
    rows_skipped, false AS is_undone
"""
ADVANCE = """
UPDATE runlore.ingests SET (bytes_done, prefix_digest, lines_done) = (%s, %s, %s),
    rows_new = rows_new + %s, rows_known = rows_known + %s, rows_rejected = rows_rejected + %s,
    rows_skipped = (
        SELECT coalesce(jsonb_object_agg(reason, rows), '{}') FROM (
            SELECT key AS reason, sum(value::bigint) AS rows FROM (
                SELECT * FROM jsonb_each_text(rows_skipped)
                UNION ALL SELECT * FROM jsonb_each_text(%s)
            ) AS parts GROUP BY key
        ) AS sums
    )
WHERE id = %s
"""


@dataclass(frozen=True, slots=True)
class IngestSource:
    """The identity of an ingest: a file or a server, the mapping that reads it, and its source."""

    source: str
    path: str
    records: Records
    mapping: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file, with the digest of all bytes before it."""

    bytes_done: int
    prefix_digest: str
    lines_done: int


@dataclass(frozen=True, slots=True)
class IngestCounts:
    """Rows that were added, that were there already, and that were refused.

    skipped: reason -> how many rows are no executions of their own.
    """

    new: int = 0
    known: int = 0
    rejected: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return self.new + self.known + self.rejected + sum(self.skipped.values())

    def plus(self, other: "IngestCounts") -> "IngestCounts":
        """A negative number of skipped rows takes back what was counted before."""
        skipped = Counter(self.skipped)
        skipped.update(other.skipped)
        return IngestCounts(
            self.new + other.new,
            self.known + other.known,
            self.rejected + other.rejected,
            dict(skipped),
        )


@dataclass(frozen=True, slots=True)
class IngestProgress:
    id: int
    bytes_done: int
    prefix_digest: str
    lines_done: int
    rows_new: int
    rows_known: int
    rows_rejected: int
    rows_skipped: Mapping[str, int]
    is_undone: bool = False

    @property
    def mark(self) -> Mark:
        return Mark(self.bytes_done, self.prefix_digest, self.lines_done)


def latest(connection: psycopg.Connection[Any], subject: IngestSource) -> IngestProgress | None:
    """The progress of the last ingest of this; waits for a chunk that is being committed."""
    with connection.cursor(row_factory=class_row(IngestProgress)) as cursor:
        return cursor.execute(LATEST, _parameters(subject)).fetchone()


def begin(connection: psycopg.Connection[Any], subject: IngestSource) -> IngestProgress:
    with connection.cursor(row_factory=class_row(IngestProgress)) as cursor:
        progress = cursor.execute(BEGIN, _parameters(subject)).fetchone()
    assert progress is not None  # noqa: S101  (INSERT … RETURNING)
    return progress


def reopen(connection: psycopg.Connection[Any], progress: IngestProgress) -> None:
    """Continue after the mark: delete the rejects beyond it, since those rows are read again."""
    connection.execute(
        "DELETE FROM runlore.rejects WHERE ingest_id = %s AND line > %s",
        (progress.id, progress.lines_done),
    )
    connection.execute(
        "UPDATE runlore.ingests SET finished_at = NULL WHERE id = %s", (progress.id,)
    )


def restart(connection: psycopg.Connection[Any], progress: IngestProgress) -> IngestProgress:
    """Read the file from its beginning again; the facts that it brought in stay."""
    connection.execute("DELETE FROM runlore.rejects WHERE ingest_id = %s", (progress.id,))
    with connection.cursor(row_factory=class_row(IngestProgress)) as cursor:
        restarted = cursor.execute(RESTART, (progress.id,)).fetchone()
    assert restarted is not None  # noqa: S101  (UPDATE … RETURNING)
    return restarted


def check_mark(connection: psycopg.Connection[Any], ingest_id: int, expected: Mark) -> None:
    """Raise Unavailable unless the stored mark is where we left it. Locks the row.

    Raises Refused when the ingest was undone meanwhile.
    """
    query = READ + "WHERE id = %s FOR UPDATE"
    with connection.cursor(row_factory=class_row(IngestProgress)) as cursor:
        progress = cursor.execute(query, (ingest_id,)).fetchone()
    if progress is not None and progress.is_undone:
        raise Refused(
            f"ingest {ingest_id} was undone while it ran, and nothing of it remains; run the same"
            " command again to bring it in from its beginning"
        )
    if progress is None or progress.mark != expected:
        raise Unavailable("another process is ingesting the same; wait until it is done")


def advance(
    connection: psycopg.Connection[Any], ingest_id: int, mark: Mark, rows: IngestCounts
) -> None:
    """Store a new mark. rows: the counts since the last mark."""
    done = (mark.bytes_done, mark.prefix_digest, mark.lines_done)
    counts = (rows.new, rows.known, rows.rejected, Jsonb(dict(rows.skipped)))
    connection.execute(ADVANCE, (*done, *counts, ingest_id))


def read_warnings(connection: psycopg.Connection[Any], ingest_id: int) -> list[dict[str, Any]]:
    query = "SELECT warnings FROM runlore.ingests WHERE id = %s"
    row = connection.execute(query, (ingest_id,)).fetchone()
    return [] if row is None else row[0]


def store_warnings(
    connection: psycopg.Connection[Any], ingest_id: int, warnings: list[dict[str, Any]]
) -> None:
    """Replace the warnings of an ingest."""
    query = "UPDATE runlore.ingests SET warnings = %s WHERE id = %s"
    connection.execute(query, (Jsonb(warnings), ingest_id))


def finish(connection: psycopg.Connection[Any], ingest_id: int) -> None:
    connection.execute("UPDATE runlore.ingests SET finished_at = now() WHERE id = %s", (ingest_id,))


def publish_progress(
    connection: psycopg.Connection[Any], ingest_id: int, done: int, total: int
) -> None:
    """How far an ingest is, for those who watch live. done, total: as for a progress bar."""
    row = connection.execute(STANDING, (ingest_id,)).fetchone()
    if row is not None:
        source, path, is_finished, new, known, rejected = row
        data = {
            "event": "finished" if is_finished else "progress",
            "ingest": ingest_id,
            "path": path,
            "done": done,
            "total": total,
            "new": new,
            "known": known,
            "rejected": rejected,
        }
        publish(connection, Topic.INGESTS, source, data)


def _parameters(subject: IngestSource) -> dict[str, str]:
    return {
        "source": subject.source,
        "path": subject.path,
        "records": subject.records,
        "mapping": subject.mapping,
    }
