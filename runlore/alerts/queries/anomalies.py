"""Anomalies: at most one is open per kind and subject; opened with evidence, then resolved.

An open anomaly is an alert (`alerts`): these functions are for watchers that have only a kind, a
subject and evidence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, select

from runlore.alerts.queries import alerts
from runlore.alerts.rules.anomaly import finding
from runlore.store import schema


@dataclass(frozen=True)
class Anomaly:
    """A deviation. kind: its sort, such as `drift`. subject: what deviates, such as a spec."""

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

    severity: info, warning or critical. evidence: what json can hold; `what`, `certainty`,
    `advice` and `since` in it are shown to people as they are.
    """
    step = alerts.observe(connection, finding(kind, subject, severity, evidence), at)
    return step.alert.id if step.event in ("opened", "returned") else None


def resolve_anomaly(connection: Connection, kind: str, subject: str, at: datetime) -> int | None:
    """Close the open anomaly of this kind and subject; None when none is open."""
    step = alerts.quiet(connection, kind, subject, at)
    return None if step is None or step.event is None else step.alert.id


def read_open(connection: Connection, kind: str | None = None) -> list[Anomaly]:
    """The open anomalies, the newest first."""
    query = (
        select(schema.anomalies)
        .where(schema.anomalies.c.resolved_at.is_(None))
        .order_by(schema.anomalies.c.id.desc())
    )
    if kind is not None:
        query = query.where(schema.anomalies.c.kind == kind)
    return [_anomaly(row) for row in connection.execute(query)]


def read_history(connection: Connection, kind: str, subject: str) -> list[Anomaly]:
    """All anomalies of one kind and subject, open and resolved, the newest first."""
    wanted = (schema.anomalies.c.kind == kind, schema.anomalies.c.subject == subject)
    query = select(schema.anomalies).where(*wanted).order_by(schema.anomalies.c.id.desc())
    return [_anomaly(row) for row in connection.execute(query)]


def _anomaly(row: "Row[Any]") -> Anomaly:
    return Anomaly(**{name: row._mapping[name] for name in Anomaly.__dataclass_fields__})


AnomalyChange = Literal["opened", "open", "resolved"]


def anomaly_now(connection: Connection, subject: str, kind: str = "drift") -> AnomalyChange | None:
    """Return "open" while an anomaly of this kind is open for the subject."""
    is_open = any(anomaly.subject == subject for anomaly in read_open(connection, kind))
    return "open" if is_open else None
