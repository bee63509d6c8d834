"""Which version an alias pointed to, since when, and why: a chain of rows, only ever added to.

Each row holds the SHA-256 of its own content and of the row before, so one that was changed,
taken out or put in later is found by whoever walks the chain.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, insert, select, text

from runlore.records.instant import to_us
from runlore.store.engine import Store
from runlore.store.schema import alias_changes as table

Action = Literal["announce", "promote", "rollback", "arms", "found"]
"""found: the alias had been moved by somebody else, as in the MLflow UI."""

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('runlore.alias_changes', 0))")
NOW = text("SELECT clock_timestamp(), CAST(:evidence AS jsonb)")
FIRST = "0" * 64


@dataclass(frozen=True)
class Change:
    """version: None when the alias points nowhere any more."""

    spec: str
    alias: str
    version: str | None
    action: Action
    actor: str
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """A change as it stands in the history. previous: the version before, of the same alias."""

    id: int
    at: datetime
    spec: str
    alias: str
    version: str | None
    previous: str | None
    action: Action
    actor: str
    reason: str
    evidence: Mapping[str, Any]
    hash: str

    def hashed(self, before: str) -> str:
        """What `hash` must be when `before` is that of the row before."""
        content = [
            before,
            to_us(self.at),
            *(self.spec, self.alias, self.version, self.previous),
            *(self.action, self.actor, self.reason, self.evidence),
        ]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@contextmanager
def writing(store: Store) -> Iterator["Writer"]:
    """Be the only one who adds to the history; all that is added is committed at the end."""
    with store.begin() as connection:
        connection.execute(LOCK)
        yield Writer(connection)


@dataclass(frozen=True)
class Writer:
    """connection: in the same transaction, for what belongs to a change."""

    connection: Connection

    def last(self, spec: str, alias: str) -> Entry | None:
        """The newest change of where an alias points."""
        return next(iter(_entries(self.connection, spec, alias, newest=True)), None)

    def history(self, spec: str, alias: str) -> list[Entry]:
        """Oldest first."""
        return _entries(self.connection, spec, alias)

    def add(self, change: Change) -> Entry:
        at, evidence = self.connection.execute(
            NOW, {"evidence": json.dumps(dict(change.evidence), default=str)}
        ).one()
        last = self.connection.execute(
            select(table.c.id, table.c.hash).order_by(table.c.id.desc()).limit(1)
        ).first()
        number, before = (last.id + 1, last.hash) if last else (1, FIRST)
        known = self.last(change.spec, change.alias)
        entry = Entry(
            id=number,
            at=at,
            spec=change.spec,
            alias=change.alias,
            version=change.version,
            previous=known.version if known else None,
            action=change.action,
            actor=change.actor,
            reason=change.reason,
            evidence=evidence,
            hash="",
        )
        values = {**vars(entry), "hash": entry.hashed(before)}
        self.connection.execute(insert(table).values(values))
        return Entry(**values)


def entries(store: Store, spec: str | None = None) -> list[Entry]:
    """The whole history, or that of one spec, oldest first."""
    with store.begin() as connection:
        return _entries(connection, spec)


def newest(store: Store, alias: str, action: Action | None = None) -> dict[str, Entry]:
    """Spec -> the newest change of an alias, or the newest of one kind of action."""
    wanted = (
        select(table)
        .distinct(table.c.spec)
        .where(table.c.alias == alias)
        .order_by(table.c.spec, table.c.id.desc())
    )
    if action is not None:
        wanted = wanted.where(table.c.action == action)
    with store.begin() as connection:
        return {row.spec: Entry(**row._mapping) for row in connection.execute(wanted)}


def standing(store: Store) -> list[Entry]:
    """Of every spec and alias the newest change and the newest of its arms, oldest first."""
    each = (table.c.spec, table.c.alias, table.c.action == "arms")
    wanted = select(table).distinct(*each).order_by(*each, table.c.id.desc())
    with store.begin() as connection:
        found = [Entry(**row._mapping) for row in connection.execute(wanted)]
    return sorted(found, key=lambda entry: entry.id)


def as_of(store: Store, spec: str, at: datetime) -> dict[str, Entry]:
    """Alias -> the change that said at that instant where it pointed."""
    wanted = (
        select(table)
        .distinct(table.c.alias)
        .where(table.c.spec == spec, table.c.at <= at)
        .order_by(table.c.alias, table.c.id.desc())
    )
    with store.begin() as connection:
        return {row.alias: Entry(**row._mapping) for row in connection.execute(wanted)}


def _entries(
    connection: Connection,
    spec: str | None = None,
    alias: str | None = None,
    *,
    newest: bool = False,
) -> list[Entry]:
    wanted = select(table).order_by(table.c.id.desc() if newest else table.c.id)
    if spec is not None:
        wanted = wanted.where(table.c.spec == spec)
    if alias is not None:
        wanted = wanted.where(table.c.alias == alias)
    if newest:
        wanted = wanted.limit(1)
    return [Entry(**row._mapping) for row in connection.execute(wanted)]
