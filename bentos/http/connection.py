"""A connection to the database of a thread's own, or of an event loop's."""

import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg

from runlore.kernel.errors import Unavailable
from runlore.serving.queries import answering
from runlore.serving.queries.answering import AsyncConnection
from runlore.store.engine import Store, dedicated

# A failed attempt to connect answers for all others for as long as it took, at most for this time.
LONGEST_AWAY_S = 1.0

T = TypeVar("T")
Connection = psycopg.Connection[Any]


@dataclass
class StoreConnection:
    """Opened when it is used, and anew when it is lost. store: the one of the moment."""

    store: Callable[[], Store]
    _connection: Connection | None = None

    def use(self, work: Callable[[Connection], T]) -> T:
        """Do what may be done twice; once more when the connection is lost meanwhile."""
        try:
            return self.once(work)
        except Unavailable:
            return self.once(work)

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
        self._connection = None

    def once(self, work: Callable[[Connection], T]) -> T:
        """Raises Unavailable when the connection is lost: then nobody knows what was done."""
        store = self.store()
        try:
            with store.watched():
                if self._connection is None or self._connection.closed:
                    self._connection = dedicated(store)
                return work(self._connection)
        except BaseException:
            self.close()
            raise


@dataclass
class AsyncStoreConnection:
    """A `StoreConnection` whose waits leave the event loop to others; one user at a time."""

    store: Callable[[], Store]
    _connection: AsyncConnection | None = None
    _away: str = ""
    _away_until: float = 0.0

    async def use(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Do what may be done twice; once more when the connection is lost meanwhile."""
        try:
            return await self.once(work)
        except Unavailable:
            return await self.once(work)

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await answering.close(connection)

    async def once(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Raises Unavailable when the connection is lost: then nobody knows what was done."""
        store = self.store()
        try:
            with answering.watched(store):
                return await work(await self._connected(store))
        except BaseException:
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _connected(self, store: Store) -> AsyncConnection:
        """Where nobody answers, only one who asks waits for that; others are told what it found."""
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        began = time.monotonic()
        if began < self._away_until:
            raise Unavailable(self._away)
        try:
            self._connection = await answering.connect(store)
        except Unavailable as error:
            now = time.monotonic()
            self._away, self._away_until = str(error), now + min(now - began, LONGEST_AWAY_S)
            raise
        return self._connection
