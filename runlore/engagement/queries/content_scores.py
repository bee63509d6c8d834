"""Scores of content as they were given, and what a post was when it was submitted."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row

from runlore.store.engine import Store

MOST_LISTED = 10_000
COLUMNS: LiteralString = """
    at, source, source_id, persona, platform, method, score, low, high, confidence, top_fifth,
    success, level, posts, prediction_id
"""
INSERT: LiteralString = f"""
INSERT INTO runlore.content_scores ({COLUMNS}) VALUES (
    %(at)s, %(source)s, %(source_id)s, %(persona)s, %(platform)s, %(method)s, %(score)s, %(low)s,
    %(high)s, %(confidence)s, %(top_fifth)s, %(success)s, %(level)s, %(posts)s, %(prediction_id)s)
"""  # noqa: S608  (names of ours)
LAST: LiteralString = f"""
SELECT {COLUMNS} FROM runlore.content_scores
WHERE source = %(source)s AND source_id = %(source_id)s AND at <= %(as_of)s
ORDER BY at DESC, id DESC LIMIT 1
"""  # noqa: S608  (names of ours)
LISTED: LiteralString = f"""
SELECT {COLUMNS} FROM runlore.content_scores
WHERE at <= %(as_of)s AND (%(persona)s::text IS NULL OR persona = %(persona)s)
ORDER BY at DESC, id DESC LIMIT %(limit)s
"""  # noqa: S608  (names of ours)
INPUTS: LiteralString = """
SELECT submitted, inputs FROM runlore.executions
WHERE source = %s AND source_id = %s ORDER BY submitted DESC, revision LIMIT 1
"""


@dataclass(frozen=True)
class ScoreRow:
    """A score as it was given. See the table for its fields."""

    at: datetime
    source: str
    source_id: str
    persona: str
    platform: str
    method: str
    score: float
    low: float | None
    high: float | None
    confidence: str
    top_fifth: float | None
    success: float | None
    level: str | None
    posts: int
    prediction_id: UUID | None


@dataclass(frozen=True)
class SubmittedPost:
    submitted: datetime
    inputs: dict[str, Any]


def insert_score(store: Store, row: ScoreRow) -> None:
    with store.connect() as connection:
        connection.execute(INSERT, asdict(row))


def last_score(store: Store, source: str, source_id: str, as_of: datetime) -> ScoreRow | None:
    values = {"source": source, "source_id": source_id, "as_of": as_of}
    with store.connect() as connection, connection.cursor(row_factory=class_row(ScoreRow)) as found:
        return found.execute(LAST, values).fetchone()


def list_scores(
    store: Store, as_of: datetime, persona: str | None = None, limit: int = MOST_LISTED
) -> list[ScoreRow]:
    """The newest first."""
    values = {"as_of": as_of, "persona": persona, "limit": limit}
    with store.connect() as connection, connection.cursor(row_factory=class_row(ScoreRow)) as found:
        return found.execute(LISTED, values).fetchall()


def read_submission(store: Store, source: str, source_id: str) -> SubmittedPost | None:
    """What was submitted; None where the execution is not in the log any more."""
    with (
        store.connect() as connection,
        connection.cursor(row_factory=class_row(SubmittedPost)) as rows,
    ):
        return rows.execute(INPUTS, (source, source_id)).fetchone()
