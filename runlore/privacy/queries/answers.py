"""Aggregates that were told, kept so that the same question costs no more."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from runlore.privacy.queries import Connection

ANSWER_LASTS = timedelta(days=7)
FIND: LiteralString = """
SELECT id, platform, days, data_until, answered_at, release FROM runlore.privacy_answers
WHERE platform = %(platform)s AND days = %(days)s
    AND data_until <= %(as_of)s AND data_until > %(after)s
ORDER BY data_until DESC LIMIT 1
"""
INSERT: LiteralString = """
INSERT INTO runlore.privacy_answers
    (spend_id, platform, days, data_until, answered_at, release)
VALUES (%(spend_id)s, %(platform)s, %(days)s, %(data_until)s, %(answered_at)s, %(release)s)
RETURNING id
"""
KNOWN: LiteralString = """
SELECT EXISTS (SELECT FROM runlore.executions
    WHERE scope = %(platform)s AND outcome ? 'engagement_rate' AND known_at <= %(as_of)s)
"""


@dataclass(frozen=True)
class AggregateQuestion:
    """platform: empty is all. days: of publications before `as_of`, as known then."""

    platform: str
    days: int
    as_of: datetime

    @property
    def text(self) -> str:
        """In one spelling."""
        return f"platform={self.platform!r} days={self.days} until={self.as_of.isoformat()}"


@dataclass(frozen=True)
class StoredAnswer:
    """data_until: what was known then, of what was published before it."""

    id: int
    platform: str
    days: int
    data_until: datetime
    answered_at: datetime
    release: dict[str, Any]


def find_answer(connection: Connection, question: AggregateQuestion) -> StoredAnswer | None:
    """The newest answer to it from the week before its `as_of`."""
    values = {
        "platform": question.platform,
        "days": question.days,
        "as_of": question.as_of,
        "after": question.as_of - ANSWER_LASTS,
    }
    with connection.cursor(row_factory=class_row(StoredAnswer)) as cursor:
        return cursor.execute(FIND, values).fetchone()


def insert_answer(
    connection: Connection,
    question: AggregateQuestion,
    spend_id: int,
    at: datetime,
    release: dict[str, Any],
) -> StoredAnswer:
    values = {
        "spend_id": spend_id,
        "platform": question.platform,
        "days": question.days,
        "data_until": question.as_of,
        "answered_at": at,
        "release": Jsonb(release),
    }
    row = connection.execute(INSERT, values).fetchone()
    identity = int(row[0])  # type: ignore[index]
    return StoredAnswer(identity, question.platform, question.days, question.as_of, at, release)


def is_platform(connection: Connection, platform: str, as_of: datetime) -> bool:
    row = connection.execute(KNOWN, {"platform": platform, "as_of": as_of}).fetchone()
    return row is not None and bool(row[0])
