"""Locks between processes, held in PostgreSQL: a killed process releases its lock at once."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.engine import make_url

from runlore.kernel.errors import Unavailable, one_line

PATIENCE_S = 120
CONNECT_TIMEOUT_S = 10


@contextmanager
def exclusive(url: str, subject: str) -> Iterator[None]:
    """Hold the lock of a subject, which only one process of this database can hold at a time.

    Raises Unavailable when another process holds it for longer than PATIENCE_S.
    """
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = psycopg.connect(plain, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S)
    except psycopg.OperationalError as error:
        raise Unavailable(f"PostgreSQL, to lock {subject!r}: {one_line(error)}") from error
    with connection:
        _take(connection, subject)
        yield


def _take(connection: psycopg.Connection, subject: str) -> None:
    connection.execute(f"SET lock_timeout = '{PATIENCE_S}s'")
    try:
        connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (subject,))
    except psycopg.errors.LockNotAvailable as error:
        raise Unavailable(
            f"another process has kept {subject!r} locked for {PATIENCE_S} s; "
            "see `runlore status` for what runs"
        ) from error
