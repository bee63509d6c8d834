"""The rejected rows of ingests, one by one and by kind, each kind with its remedy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runlore.ingest.queries import rejects
from runlore.ingest.queries.rejects import Connection, StoredRejects
from runlore.ingest.rules.reject_groups import RejectGroup, group
from runlore.store.engine import Store


@dataclass(frozen=True, slots=True)
class FileRejects:
    """The rejected rows of one ingest by kind, the most frequent first."""

    ingest: int
    source: str
    file: str
    groups: tuple[RejectGroup, ...]

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.groups)


def list_rejects(store: Store, limit: int | None) -> list[dict[str, Any]]:
    """The rejected rows of the latest ingest of each file: file, line, reason, raw, …"""
    with store.connect() as connection:
        return rejects.read_rejects(connection, limit)


def list_reject_groups(store: Store) -> list[FileRejects]:
    """The rejected rows of the latest ingest of each file by kind, the latest file first."""
    with store.connect() as connection:
        stored = rejects.read_groups(connection)
    files = {(row.ingest, row.source, row.file): row for row in stored}
    return [
        FileRejects(*name, tuple(_group(row) for row in stored if row.ingest == name[0]))
        for name in files
    ]


def groups_of(connection: Connection, ingest_id: int) -> tuple[RejectGroup, ...]:
    """The rejected rows of one ingest by kind."""
    return _groups(rejects.read_groups(connection, ingest_id))


def _groups(stored: Sequence[StoredRejects]) -> tuple[RejectGroup, ...]:
    return tuple(_group(row) for row in stored)


def _group(stored: StoredRejects) -> RejectGroup:
    first = (stored.line, stored.reason, stored.raw)
    return group(stored.kind, stored.rows, first, stored.examples)
