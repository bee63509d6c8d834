"""How much is in the database, and whether its tables and its clock are as they should be."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text

from runlore.store.engine import Store
from runlore.store.migrate import head, revision
from runlore.store.schema import executions, ledger, metrics, rejects

COUNTED = {table.name: table for table in (executions, metrics, rejects, ledger)}


@dataclass(frozen=True)
class Figures:
    version: str
    size_bytes: int
    clock: datetime
    revision: str | None
    head: str
    rows: dict[str, int]
    """Rows of the larger tables; empty before the first migration."""

    @property
    def is_migrated(self) -> bool:
        return self.revision == self.head


def figures(store: Store) -> Figures:
    """Read them in one transaction; nothing is changed, not even migrated."""
    with store.begin() as connection:
        at = revision(connection)
        tables = COUNTED if at == head() else {}
        rows = {
            name: connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in tables.items()
        }
        return Figures(
            version=str(connection.scalar(text("SHOW server_version"))),
            size_bytes=connection.scalar(text("SELECT pg_database_size(current_database())")) or 0,
            clock=connection.scalar(text("SELECT clock_timestamp()")),
            revision=at,
            head=head(),
            rows=rows,
        )
