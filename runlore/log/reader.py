"""The whole log, prepared for features: read once where several steps share the reading."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock

import pandas as pd

from runlore.features.log import Log, prepare
from runlore.log.executions import read_facts, read_later_facts
from runlore.store.engine import Store


class LogReader:
    """Keeps what it has read and adds, with each reading, the facts that have come in since.

    Safe to use from several threads.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._log: Log | None = None

    def read(self) -> Log:
        """The log as it is now; nobody may change it."""
        with self._lock:
            if self._log is None:
                self._log = prepare(read_facts(self._store))
                return self._log
            facts = read_later_facts(self._store, self._log.facts)
            if facts is not self._log.facts:
                self._log = prepare(facts)
            return self._log


_readers: ContextVar[dict[Store, LogReader] | None] = ContextVar("log_readers", default=None)


_ahead: ContextVar[dict[Store, LogReader]] = ContextVar("log_readers_ahead")


@contextmanager
def reading_ahead(store: Store) -> Iterator[None]:
    """Keep what is read of the log inside the block until a `shared_reading` takes it over.

    So a command can look at the log before it starts a flow, which then reads only what is new.
    """
    token = _ahead.set({store: LogReader(store)})
    try:
        yield
    finally:
        _ahead.reset(token)


@contextmanager
def shared_reading() -> Iterator[None]:
    """Let everything that reads the log inside the block, threads included, read it once.

    The log stays in memory until the block ends. What `reading_ahead` keeps is taken over.
    """
    ahead = _ahead.get({})
    token = _readers.set(dict(ahead))
    ahead.clear()
    try:
        yield
    finally:
        _readers.reset(token)


def read_log_facts(store: Store) -> pd.DataFrame:
    """The facts of `read_log`, for those who need nothing else of it."""
    return read_facts(store) if _readers.get() is None else read_log(store).facts


def read_log(store: Store, until_seq: int | None = None) -> Log:
    """The whole log as it is now; inside `shared_reading` only what is new is read.

    until_seq: facts after it are left out.
    """
    readers = _readers.get()
    if readers is None:
        readers = _ahead.get({})
        if store not in readers:
            return prepare(read_facts(store, until_seq=until_seq))
    log = readers.setdefault(store, LogReader(store)).read()
    is_old = log.facts["seq"] <= (until_seq or 0)
    return log if until_seq is None or is_old.all() else prepare(log.facts[is_old])
