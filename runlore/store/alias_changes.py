"""Which version an alias pointed to, since when, and why: rows that are only added."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select

from runlore.store.engine import Store
from runlore.store.schema import alias_changes as table


@dataclass(frozen=True)
class Change:
    spec: str
    alias: str
    version: str
    actor: str
    reason: str
    evidence: Mapping[str, Any]


def record(store: Store, change: Change) -> bool:
    """Write a change down; one that the history ends with already is not written again.

    So a process that was killed between MLflow and here makes up for it when it runs again.
    """
    last = (
        select(table.c.version)
        .where(table.c.spec == change.spec, table.c.alias == change.alias)
        .order_by(table.c.id.desc())
        .limit(1)
    )
    with store.begin() as connection:
        previous = connection.execute(last).scalar()
        if previous == change.version:
            return False
        connection.execute(
            insert(table).values(
                spec=change.spec,
                alias=change.alias,
                version=change.version,
                previous=previous,
                actor=change.actor,
                reason=change.reason,
                evidence=dict(change.evidence),
            )
        )
    return True
