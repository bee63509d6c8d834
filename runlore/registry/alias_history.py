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

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    func,
    insert,
    select,
    text,
    true,
    tuple_,
    update,
)

from runlore.kernel.instants import to_us
from runlore.store import notices, schema
from runlore.store.engine import Store
from runlore.store.live_outbox import Topic, publish

# found: the alias had been moved by somebody else, as in the MLflow UI. register: a version that
# got no alias, so that its digest is on record all the same.
# retire: the version is deleted. erase: the history was rewritten where it named a persona.
Action = Literal["announce", "promote", "rollback", "arms", "found", "register", "retire", "erase"]

NO_ALIAS = ""
MADE = ("announce", "register")  # actions of whoever has just made the bundle, and knows its digest
DIGEST = "digest"  # where the evidence has the digest of the version's bundle

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('runlore.alias_changes', 0))")
NOW = text("SELECT clock_timestamp(), CAST(:evidence AS jsonb)")
HAS_TABLE = text("SELECT to_regclass('runlore.alias_changes')")
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
class AliasHistoryEntry:
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
def writing(store: Store) -> Iterator["HistoryWriter"]:
    """Be the only one who adds to the history; all that is added is committed at the end."""
    with store.begin() as connection:
        connection.execute(LOCK)
        yield HistoryWriter(connection)


@dataclass(frozen=True)
class HistoryWriter:
    """connection: in the same transaction, for what belongs to a change."""

    connection: Connection

    def last(self, spec: str, alias: str) -> AliasHistoryEntry | None:
        """The newest change of where an alias points."""
        return next(iter(_entries(self.connection, spec, alias, newest=1)), None)

    def history(self, spec: str, alias: str) -> list[AliasHistoryEntry]:
        """Oldest first."""
        return _entries(self.connection, spec, alias)

    def add(self, change: Change) -> AliasHistoryEntry:
        at, evidence = self.connection.execute(
            NOW, {"evidence": json.dumps(dict(change.evidence), default=str)}
        ).one()
        last = self.connection.execute(
            select(schema.alias_changes.c.id, schema.alias_changes.c.hash)
            .order_by(schema.alias_changes.c.id.desc())
            .limit(1)
        ).first()
        number, before = (last.id + 1, last.hash) if last else (1, FIRST)
        known = self.last(change.spec, change.alias)
        entry = AliasHistoryEntry(
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
        self.connection.execute(insert(schema.alias_changes).values(values))
        self._publish(entry)
        for channel in (notices.VERSIONS, notices.WORK_DUE):
            notices.notify(self.connection, channel, "rollout")
        return AliasHistoryEntry(**values)

    def _publish(self, entry: AliasHistoryEntry) -> None:
        """For those who watch live: a new version is a training's, any other change a rollout's."""
        data = {
            "event": entry.action,
            "alias": entry.alias,
            "version": entry.version,
            "previous": entry.previous,
            "actor": entry.actor,
            "reason": entry.reason,
        }
        topic = Topic.TRAININGS if entry.action in MADE else Topic.ROLLOUTS
        publish(self.connection, topic, entry.spec, data)


def is_intact(connection: Connection) -> bool:
    """Whether every row of the history has the hash that its content and the row before give."""
    before = FIRST
    for entry in _entries(connection):
        if entry.hash != entry.hashed(before):
            return False
        before = entry.hash
    return True


def chain_anew(connection: Connection) -> None:
    """Hash the rows anew after texts in them were replaced, and say so in a row of its own.

    Only for a history that was intact before: a broken one must stay broken. Triggers that refuse
    changes must be off.
    """
    before, table = FIRST, schema.alias_changes
    for entry in _entries(connection):
        now = entry.hashed(before)
        if now != entry.hash:
            connection.execute(update(table).where(table.c.id == entry.id).values(hash=now))
        before = now
    told = Change(
        "", NO_ALIAS, None, "erase", "privacy", "names of an erased persona were replaced"
    )
    HistoryWriter(connection).add(told)


def entries(
    store: Store, spec: str | None = None, newest: int | None = None
) -> list[AliasHistoryEntry]:
    """The history, or that of one spec, oldest first; all of it, or its newest so many."""
    with store.begin() as connection:
        return _entries(connection, spec, newest=newest)


def count(store: Store, spec: str | None = None) -> int:
    """How many changes are on record, or how many of one spec."""
    query = select(func.count()).select_from(schema.alias_changes)
    if spec is not None:
        query = query.where(schema.alias_changes.c.spec == spec)
    with store.begin() as connection:
        return connection.scalar(query) or 0


def newest(store: Store, alias: str, action: Action | None = None) -> dict[str, AliasHistoryEntry]:
    """Spec -> the newest change of an alias, or the newest of one kind of action."""
    return {
        entry.spec: entry
        for entry in standing(store)
        if entry.alias == alias and action in (None, entry.action)
    }


def standing(store: Store) -> list[AliasHistoryEntry]:
    """Of every spec, alias and action the newest change, oldest first.

    From one place to the next along the index: what it costs does not grow with the history.
    """
    with store.begin() as connection:
        return [AliasHistoryEntry(**row._mapping) for row in connection.execute(STANDING)]


def digest_of(store: Store, spec: str, version: str) -> str | None:
    """The digest of a version's bundle; None where the history holds none.

    Of its newest making, since numbers of versions can be given again; where it was made outside
    of Runlore, of the first change that names it.
    """
    digest = schema.alias_changes.c.evidence[DIGEST].astext
    query = (
        select(schema.alias_changes.c.action, digest)
        .where(
            schema.alias_changes.c.spec == spec,
            schema.alias_changes.c.version == version,
            digest != "",
        )
        .order_by(schema.alias_changes.c.id)
    )
    known: str | None = None
    with store.begin() as connection:
        if connection.scalar(HAS_TABLE) is None:  # a database that Runlore has not used yet
            return None
        for action, entry_digest in connection.execute(query):
            if known is None or action in MADE:
                known = entry_digest
    return known


def as_of(store: Store, spec: str, at: datetime) -> dict[str, AliasHistoryEntry]:
    """Alias -> the change that said at that instant where it pointed."""
    query = (
        select(schema.alias_changes)
        .distinct(schema.alias_changes.c.alias)
        .where(
            schema.alias_changes.c.spec == spec,
            schema.alias_changes.c.at <= at,
            schema.alias_changes.c.alias != NO_ALIAS,
        )
        .order_by(schema.alias_changes.c.alias, schema.alias_changes.c.id.desc())
    )
    with store.begin() as connection:
        return {row.alias: AliasHistoryEntry(**row._mapping) for row in connection.execute(query)}


def _entries(
    connection: Connection,
    spec: str | None = None,
    alias: str | None = None,
    newest: int | None = None,
) -> list[AliasHistoryEntry]:
    query = select(schema.alias_changes).order_by(schema.alias_changes.c.id.desc()).limit(newest)
    if spec is not None:
        query = query.where(schema.alias_changes.c.spec == spec)
    if alias is not None:
        query = query.where(schema.alias_changes.c.alias == alias)
    return [AliasHistoryEntry(**row._mapping) for row in connection.execute(query)][::-1]


def _place(of: FromClause) -> list[ColumnElement[str]]:
    return [of.c.spec, of.c.alias, of.c.action]


def _last(query: Select[Any], of: FromClause) -> Select[Any]:
    return query.order_by(*(column.desc() for column in (*_place(of), of.c.id))).limit(1)


def _standing() -> Select[Any]:
    places = _last(select(schema.alias_changes), schema.alias_changes).cte("found", recursive=True)
    other = schema.alias_changes.alias("other")
    is_before = tuple_(*_place(other)) < tuple_(*_place(places))
    before = _last(select(other).where(is_before), other).lateral("before")
    every = places.union_all(select(before).select_from(places.join(before, true())))
    return select(every).order_by(every.c.id)


STANDING = _standing()
