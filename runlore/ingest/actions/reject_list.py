"""The rejected rows of ingests, one by one and by kind, each kind with its remedy."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from runlore.ingest.queries import rejects
from runlore.ingest.queries.rejects import Connection, StoredRejects
from runlore.ingest.rules.log_warnings import LogWarning
from runlore.ingest.rules.reject_groups import RejectGroup, group
from runlore.store.engine import Store


@dataclass(frozen=True, slots=True)
class FileRejects:
    """The rejected rows of one ingest by kind, the most frequent first, and its warnings."""

    ingest: int
    source: str
    file: str
    groups: tuple[RejectGroup, ...]
    warnings: tuple[LogWarning, ...] = ()

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.groups)


def list_rejects(store: Store, limit: int | None) -> list[dict[str, Any]]:
    """The rejected rows of the latest ingest of each file: file, line, reason, raw, …"""
    with store.connect() as connection:
        return rejects.read_rejects(connection, limit)


def list_reject_groups(store: Store) -> list[FileRejects]:
    """What is wrong with the latest ingest of each file, the latest file first.

    Files without rejected rows and warnings are left out.
    """
    with store.connect() as connection:
        stored = rejects.read_groups(connection)
        files = rejects.read_warned(connection)
    groups: dict[int, list[RejectGroup]] = defaultdict(list)
    for row in stored:
        groups[row.ingest].append(_group(row))
    return [
        FileRejects(
            file.ingest,
            file.source,
            file.file,
            tuple(groups[file.ingest]),
            tuple(LogWarning(**warning) for warning in file.warnings),
        )
        for file in files
        if file.warnings or groups[file.ingest]
    ]


def groups_of(connection: Connection, ingest_id: int) -> tuple[RejectGroup, ...]:
    """The rejected rows of one ingest by kind."""
    return tuple(_group(row) for row in rejects.read_groups(connection, ingest_id))


def _group(stored: StoredRejects) -> RejectGroup:
    first = (stored.line, stored.reason, stored.raw)
    return group(stored.kind, stored.rows, first, stored.examples)
