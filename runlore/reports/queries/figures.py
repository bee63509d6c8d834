"""Read the size of the database, the state of its tables, and its clock."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, select, text

from runlore.alerts.queries.alerts import count_open
from runlore.alerts.queries.outbox import UndeliveredAlerts, trouble
from runlore.serving.queries.broken_versions import read_broken
from runlore.store.engine import Store
from runlore.store.migrate import head, revision
from runlore.store.schema import alias_changes, executions, ledger, metrics, rejects

COUNTED = (executions, metrics, rejects, ledger)


@dataclass(frozen=True)
class StoreFigures:
    version: str
    size_bytes: int
    clock: datetime
    revision: str | None
    head: str
    rows: dict[str, int]  # of the larger tables; empty before the first migration
    champions: dict[str, str]  # spec -> version, by the history of aliases

    alerts: dict[str, int] = field(default_factory=dict)  # severity -> how many are open

    undelivered: tuple[
        UndeliveredAlerts, ...
    ] = ()  # alerts that could not be delivered, by channel

    broken: dict[str, str] = field(default_factory=dict)  # spec -> what is wrong with its champion

    @property
    def is_migrated(self) -> bool:
        return self.revision == self.head


def figures(store: Store) -> StoreFigures:
    """Read the figures in one transaction; nothing is changed, not even migrated."""
    with store.begin() as connection:
        at = revision(connection)
        is_migrated = at == head()
        return StoreFigures(
            version=str(connection.scalar(text("SHOW server_version"))),
            size_bytes=connection.scalar(text("SELECT pg_database_size(current_database())")) or 0,
            clock=connection.scalar(text("SELECT clock_timestamp()")),
            revision=at,
            head=head(),
            rows=_rows(connection) if is_migrated else {},
            champions=_champions(connection) if is_migrated else {},
            alerts=count_open(connection) if is_migrated else {},
            undelivered=tuple(trouble(connection)) if is_migrated else (),
            broken=_broken(connection) if is_migrated else {},
        )


def _rows(connection: Connection) -> dict[str, int]:
    return {
        table.name: connection.scalar(select(func.count()).select_from(table)) or 0
        for table in COUNTED
    }


def _broken(connection: Connection) -> dict[str, str]:
    return {spec: str(evidence["what"]) for spec, evidence in read_broken(connection).items()}


def _champions(connection: Connection) -> dict[str, str]:
    last = (
        select(alias_changes.c.spec, alias_changes.c.version)
        .distinct(alias_changes.c.spec)
        .where(alias_changes.c.alias == "champion")
        .order_by(alias_changes.c.spec, alias_changes.c.id.desc())
    )
    return {row.spec: row.version for row in connection.execute(last)}
