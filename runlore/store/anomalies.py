"""What deviates: one open anomaly per kind and subject, opened with evidence, then resolved."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert

from runlore.store.schema import anomalies as table


@dataclass(frozen=True)
class Anomaly:
    """kind: what sort of deviation, such as `drift`. subject: what deviates, such as a spec."""

    id: int
    kind: str
    subject: str
    severity: str
    evidence: Mapping[str, Any]
    opened_at: datetime
    resolved_at: datetime | None


def open_anomaly(
    connection: Connection,
    kind: str,
    subject: str,
    severity: str,
    evidence: Mapping[str, Any],
    at: datetime,
) -> int | None:
    """Open an anomaly; None when one of this kind and subject is open already.

    evidence: what json can hold.
    """
    values = {
        "kind": kind,
        "subject": subject,
        "severity": severity,
        "evidence": dict(evidence),
        "opened_at": at,
    }
    opened = (
        pg_insert(table)
        .values(values)
        .on_conflict_do_nothing(
            index_elements=["kind", "subject"], index_where=table.c.resolved_at.is_(None)
        )
    )
    return connection.scalar(opened.returning(table.c.id))


def resolve_anomaly(connection: Connection, kind: str, subject: str, at: datetime) -> int | None:
    """Close the open anomaly of this kind and subject; None when none is open."""
    is_open = (table.c.kind == kind, table.c.subject == subject, table.c.resolved_at.is_(None))
    return connection.scalar(
        update(table).where(*is_open).values(resolved_at=at).returning(table.c.id)
    )


def read_open(connection: Connection, kind: str | None = None) -> list[Anomaly]:
    """What is open, the newest first."""
    query = select(table).where(table.c.resolved_at.is_(None)).order_by(table.c.id.desc())
    if kind is not None:
        query = query.where(table.c.kind == kind)
    return [_anomaly(row) for row in connection.execute(query)]


def read_history(connection: Connection, kind: str, subject: str) -> list[Anomaly]:
    """All of one kind and subject, open and resolved, the newest first."""
    wanted = (table.c.kind == kind, table.c.subject == subject)
    query = select(table).where(*wanted).order_by(table.c.id.desc())
    return [_anomaly(row) for row in connection.execute(query)]


def _anomaly(row: "Row[tuple[object, ...]]") -> Anomaly:
    return Anomaly(**row._mapping)
