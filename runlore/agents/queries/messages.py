"""Messages between agents as rows, in the order in which they were sent."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row

from runlore.store.engine import Store

# Messages to one agent are sent one after another: their numbers are in the order of commits, so
# that a reader who goes on from a number misses none.
LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended(%(to)s::text, 7))"
WAITING: LiteralString = """
SELECT count(*) FROM (SELECT 1 FROM runlore.agent_messages
 WHERE to_agent_id = %(to)s AND read_at IS NULL LIMIT %(most)s) AS unread
"""
EXISTS: LiteralString = "SELECT count(*) FROM runlore.agents WHERE id IN (%(from)s, %(to)s)"
BY_KEY: LiteralString = """
SELECT * FROM runlore.agent_messages
WHERE from_agent_id = %(from)s AND idempotency_key = %(key)s
"""
ADD: LiteralString = """
INSERT INTO runlore.agent_messages (from_agent_id, to_agent_id, type, subject, body, task_id,
 reply_to, idempotency_key)
VALUES (%(from)s, %(to)s, %(type)s, %(subject)s, %(body)s::jsonb, %(task_id)s, %(reply_to)s,
 %(key)s)
RETURNING *
"""
REPLIED: LiteralString = """
UPDATE runlore.agent_messages SET replied_at = coalesce(replied_at, clock_timestamp())
WHERE public_id = %(reply_to)s AND to_agent_id = %(from)s
"""
RECEIVE: LiteralString = """
WITH page AS (
 SELECT id FROM runlore.agent_messages
 WHERE to_agent_id = %(to)s AND id > %(after)s AND read_at IS NULL
 ORDER BY id LIMIT %(limit)s
), delivered AS (
 UPDATE runlore.agent_messages m
 SET delivered_at = coalesce(m.delivered_at, clock_timestamp())
 FROM page WHERE m.id = page.id RETURNING m.*
)
SELECT * FROM delivered ORDER BY id
"""
READ: LiteralString = """
UPDATE runlore.agent_messages SET read_at = coalesce(read_at, clock_timestamp()),
 delivered_at = coalesce(delivered_at, clock_timestamp())
WHERE public_id = %(id)s AND to_agent_id = %(to)s RETURNING *
"""
OF_TASK: LiteralString = """
SELECT * FROM runlore.agent_messages WHERE task_id = %(task_id)s ORDER BY id LIMIT 1000
"""


@dataclass(frozen=True)
class MessageRow:
    """id: its number: higher than those of all messages sent to the same agent before."""

    id: int
    public_id: UUID
    from_agent_id: UUID
    to_agent_id: UUID
    type: str
    subject: str
    body: Any
    task_id: UUID | None
    reply_to: UUID | None
    idempotency_key: str | None
    created_at: datetime
    delivered_at: datetime | None
    read_at: datetime | None
    replied_at: datetime | None


@dataclass(frozen=True)
class NewMessage:
    """idempotency_key: a second message of the sender with the same key is the first one."""

    from_agent_id: UUID
    to_agent_id: UUID
    type: str
    subject: str
    body: Mapping[str, Any]
    task_id: UUID | None = None
    reply_to: UUID | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True)
class SentMessage:
    """message: None: it was not sent, since the receiver has too many unread ones (`waiting`), or
    one of the two agents is not registered (`known_agents` < 2)."""

    message: MessageRow | None
    waiting: int
    known_agents: int
    is_new: bool = False


def add_message(store: Store, message: NewMessage, most_waiting: int) -> SentMessage:
    values = _values(message) | {"most": most_waiting}
    with store.connect() as connection:
        connection.execute(LOCK, values)
        cursor = connection.cursor(row_factory=class_row(MessageRow))
        if message.idempotency_key is not None:
            earlier = cursor.execute(BY_KEY, values).fetchone()
            if earlier is not None:
                return SentMessage(earlier, 0, 2)
        known = _count(connection.execute(EXISTS, values).fetchone())
        waiting = _count(connection.execute(WAITING, values).fetchone())
        if known < 2 or waiting >= most_waiting:
            return SentMessage(None, waiting, known)
        row = cursor.execute(ADD, values).fetchone()
        if message.reply_to is not None:
            connection.execute(REPLIED, values)
        return SentMessage(row, waiting, known, is_new=True)


def receive_messages(store: Store, agent_id: UUID, after: int, limit: int) -> list[MessageRow]:
    """Unread ones with a number above `after`, in order; from now on they are delivered."""
    values = {"to": agent_id, "after": after, "limit": limit}
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(MessageRow))
        return cursor.execute(RECEIVE, values).fetchall()


def mark_read(store: Store, agent_id: UUID, message_id: UUID) -> MessageRow | None:
    """None: there is no such message to this agent."""
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(MessageRow))
        return cursor.execute(READ, {"id": message_id, "to": agent_id}).fetchone()


def list_task_messages(store: Store, task_id: UUID) -> list[MessageRow]:
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(MessageRow))
        return cursor.execute(OF_TASK, {"task_id": task_id}).fetchall()


def _count(row: tuple[Any, ...] | None) -> int:
    return 0 if row is None else int(row[0])


def _values(message: NewMessage) -> dict[str, Any]:
    return {
        "from": message.from_agent_id,
        "to": message.to_agent_id,
        "type": message.type,
        "subject": message.subject,
        "body": json.dumps(dict(message.body)),
        "task_id": message.task_id,
        "reply_to": message.reply_to,
        "key": message.idempotency_key,
    }
