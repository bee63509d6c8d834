"""Who has opted out: rows are added, and the newest one of a persona counts."""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row

from runlore.privacy.queries import Connection

# Personas that are out now, for `actor NOT IN (…)`: whoever committed an opt-out before, whatever
# the clocks of two machines say.
NOW_OUT: LiteralString = """
SELECT persona FROM (
    SELECT DISTINCT ON (persona) persona, is_out FROM runlore.opt_outs ORDER BY persona, id DESC
) AS newest_opt_outs WHERE is_out
"""
# The same as known at `as_of`.
OUT_AS_OF: LiteralString = """
SELECT persona FROM (
    SELECT DISTINCT ON (persona) persona, is_out FROM runlore.opt_outs
    WHERE known_at <= %(as_of)s ORDER BY persona, id DESC
) AS newest_opt_outs WHERE is_out
"""
INSERT: LiteralString = """
INSERT INTO runlore.opt_outs (known_at, persona, is_out, actor, reason)
VALUES (%(known_at)s, %(persona)s, %(is_out)s, %(actor)s, %(reason)s)
"""
LISTED: LiteralString = """
SELECT known_at, persona, is_out, actor, reason FROM (
    SELECT DISTINCT ON (persona) * FROM runlore.opt_outs
    WHERE known_at <= %(as_of)s ORDER BY persona, id DESC
) AS newest_opt_outs WHERE is_out ORDER BY known_at DESC, persona LIMIT %(limit)s
"""
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('runlore.opt_outs', 0))"
NEWEST = "SELECT is_out FROM runlore.opt_outs WHERE persona = %s ORDER BY id DESC LIMIT 1"
HAS_EXECUTIONS = "SELECT EXISTS (SELECT FROM runlore.executions WHERE actor = %s)"


@dataclass(frozen=True)
class OptOut:
    """known_at: since when. is_out: False where the persona is in again."""

    known_at: datetime
    persona: str
    is_out: bool
    actor: str
    reason: str


def opted_out(connection: Connection, as_of: datetime | None = None) -> set[str]:
    """The personas that are out now, or were as known at an instant.

    What is released or learned across personas leaves out those of now, whatever its own `as_of`
    is: an answer about the past is given now.
    """
    query = NOW_OUT if as_of is None else OUT_AS_OF
    return {persona for (persona,) in connection.execute(query, {"as_of": as_of})}


def is_opted_out(connection: Connection, persona: str) -> bool:
    row = connection.execute(NEWEST, (persona,)).fetchone()
    return row is not None and bool(row[0])


def list_opt_outs(connection: Connection, as_of: datetime, limit: int) -> list[OptOut]:
    """Those that hold at an instant, the newest first."""
    with connection.cursor(row_factory=class_row(OptOut)) as cursor:
        return cursor.execute(LISTED, {"as_of": as_of, "limit": limit}).fetchall()


def insert_change(connection: Connection, change: OptOut) -> bool:
    """Whether it changed anything: False where the persona stood like that before."""
    connection.execute(LOCK)
    if is_opted_out(connection, change.persona) == change.is_out:
        return False
    connection.execute(INSERT, vars(change))
    return True


def has_executions(connection: Connection, persona: str) -> bool:
    row = connection.execute(HAS_EXECUTIONS, (persona,)).fetchone()
    return row is not None and bool(row[0])
