"""Write into months that may lack a partition: it is made when a write misses it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import psycopg

from runlore.store.engine import Store
from runlore.store.partitions import ensure_months

T = TypeVar("T")
Connection = psycopg.Connection[Any]


class MissingMonth(Exception):
    """A row falls into a month that has no partition; it does not leave `transaction`."""

    def __init__(self, table: str, at: datetime) -> None:
        super().__init__(f"{table} has no partition for {at.isoformat()}")
        self.table = table
        self.at = at


def transaction(store: Store, work: Callable[[Connection], T]) -> T:
    """Do `work` in one transaction; when it misses a month, make that and begin again."""
    try:
        with store.connect() as connection:
            return work(connection)
    except MissingMonth as missing:
        table, at = missing.table, missing.at
    with store.connect() as connection:
        ensure_months(connection, table, at, at)
    with store.connect() as connection:
        return work(connection)
