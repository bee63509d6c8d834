"""Write into months that may lack a partition: it is made when a write misses it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import psycopg

from runlore.store.engine import Store
from runlore.store.partitions import ensure_months

T = TypeVar("T")
Connection = psycopg.Connection[Any]


class MissingMonth(Exception):
    """A row falls into a month that has no partition; it does not leave `transaction`.

    ats: instants of all rows: those of one write may lie on both sides of a month's end.
    """

    def __init__(self, table: str, ats: Sequence[datetime]) -> None:
        self.table, self.first, self.last = table, min(ats), max(ats)
        span = f"{self.first.isoformat()} to {self.last.isoformat()}"
        super().__init__(f"{table} has no partition for each month of {span}")


def transaction(store: Store, work: Callable[[Connection], T]) -> T:
    """Do `work` in one transaction; when it misses a month, make that and begin again."""
    try:
        with store.connect() as connection:
            return work(connection)
    except MissingMonth as missing:
        table, first, last = missing.table, missing.first, missing.last
    with store.connect() as connection:
        ensure_months(connection, table, first, last)
    with store.connect() as connection:
        return work(connection)
