"""A connection to the database of a thread's own, or of an event loop's."""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg

from runlore.records.errors import Unavailable
from runlore.store.engine import Store, dedicated, dedicated_async

T = TypeVar("T")
Connection = psycopg.Connection[Any]
AsyncConnection = psycopg.AsyncConnection[Any]


@dataclass
class Line:
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
class AsyncLine:
    """A `Line` whose waits leave the event loop to others; one user at a time."""

    store: Callable[[], Store]
    _connection: AsyncConnection | None = None

    async def use(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Do what may be done twice; once more when the connection is lost meanwhile."""
        try:
            return await self.once(work)
        except Unavailable:
            return await self.once(work)

    async def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                await self._connection.close()
        self._connection = None

    async def once(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Raises Unavailable when the connection is lost: then nobody knows what was done."""
        store = self.store()
        try:
            with store.watched():
                if self._connection is None or self._connection.closed:
                    self._connection = await dedicated_async(store)
                return await work(self._connection)
        except BaseException:
            await self.close()
            raise
