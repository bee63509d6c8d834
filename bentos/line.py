"""A connection of a thread's own to the database."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg

from runlore.records.errors import Unavailable
from runlore.store.engine import Store, dedicated

T = TypeVar("T")
Connection = psycopg.Connection[Any]


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
