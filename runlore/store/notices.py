"""Notifications of PostgreSQL: said in a transaction, heard when it is committed.

One that nobody hears is lost; whoever listens also looks from time to time.
"""

import select
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection, text

from runlore.store.engine import Store, dedicated

WORK_DUE = "runlore_due"  # a rollout, an A/B test or a request for a training may need a look
VERSIONS = "runlore_versions"  # what the aliases of a spec stand for, or who answers how much
EVENTS_DUE = "runlore_events_due"  # events wait for their numbers
EVENTS = "runlore_events"  # events have got their numbers
AGENT_TASKS = "runlore_agent_tasks"  # a task of agents may be free
POINTS = "runlore_points"  # points of metrics wait for the detector
NOTIFY = text("SELECT pg_notify(:channel, :subject)")
TICK_S = 1.0  # how soon the end is noticed
LEAD = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"


def notify(connection: Connection, channel: str, subject: str) -> None:
    """Tell all who listen that something of a subject has changed."""
    connection.execute(NOTIFY, {"channel": channel, "subject": subject})


@dataclass(frozen=True)
class Listener:
    """A connection of its own that hears one or more channels."""

    connection: "psycopg.Connection[Any]"

    def wait(self, timeout_s: float, end: threading.Event | None = None) -> bool:
        """Whether something was said; at the latest after the time, or when the end is set.

        Without psycopg's own wait, which wakes ten times a second.
        """
        deadline = time.monotonic() + timeout_s
        poll = select.poll()  # `select` takes no descriptor above 1,023, and workers have more
        poll.register(self.connection, select.POLLIN)
        while end is None or not end.is_set():
            left = deadline - time.monotonic()
            if poll.poll(max(0.0, min(TICK_S, left)) * 1000):
                return any(True for _ in list(self.connection.notifies(timeout=0)))
            if left <= 0:
                break
        return False

    def leads(self, subject: str) -> bool:
        """Whether this connection is the one of all that may act on a subject, until it closes."""
        row = self.connection.execute(LEAD, (subject,)).fetchone()
        return bool(row and row[0])


@contextmanager
def listening(store: Store, channels: Sequence[str]) -> Iterator[Listener]:
    """Hear what is said on these channels from now on. A lost connection raises Unavailable."""
    with store.watched(), dedicated(store) as connection:
        for channel in channels:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        yield Listener(connection)
