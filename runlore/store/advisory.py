"""Locks between processes, held in PostgreSQL: a killed process releases its lock at once."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.engine import make_url

from runlore.kernel.errors import Unavailable, one_line

PATIENCE_S = 120
CONNECT_TIMEOUT_S = 10
ADVICE = "see `runlore status` for what runs"
TRY = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"


@contextmanager
def exclusive(url: str, subject: str, advice: str = ADVICE) -> Iterator[None]:
    """Hold the lock of a subject, which only one process of this database can hold at a time.

    Raises Unavailable when another process holds it for longer than PATIENCE_S. advice: what to do
    then.
    """
    with _connected(url, subject) as connection:
        _take(connection, subject, advice)
        yield


@contextmanager
def shared(url: str, subject: str) -> Iterator[None]:
    """Hold the lock of a subject together with others: see `is_held`."""
    with _connected(url, subject) as connection:
        connection.execute("SELECT pg_advisory_lock_shared(hashtextextended(%s, 0))", (subject,))
        yield


@contextmanager
def attempt(url: str, subject: str) -> Iterator[bool]:
    """Hold the lock of a subject if nobody else does: whether that is so."""
    with _connected(url, subject) as connection:
        row = connection.execute(TRY, (subject,)).fetchone()
        yield bool(row and row[0])


def is_held(url: str, subject: str) -> bool:
    """Whether somebody holds the lock of a subject at this moment."""
    with attempt(url, subject) as is_ours:
        return not is_ours


@contextmanager
def _connected(url: str, subject: str) -> Iterator[psycopg.Connection]:
    """The lock ends with the connection."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = psycopg.connect(plain, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S)
    except psycopg.OperationalError as error:
        raise Unavailable(f"PostgreSQL, to lock {subject!r}: {one_line(error)}") from error
    with connection:
        yield connection


def _take(connection: psycopg.Connection, subject: str, advice: str) -> None:
    connection.execute(f"SET lock_timeout = '{PATIENCE_S}s'")
    try:
        connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (subject,))
    except psycopg.errors.LockNotAvailable as error:
        raise Unavailable(
            f"another process has kept {subject!r} locked for {PATIENCE_S} s; {advice}"
        ) from error
