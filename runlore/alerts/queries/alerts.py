"""Alerts: the rows of `anomalies`, with notifications, acknowledgements and their history.

An alert is an anomaly: there is one row for both, so nobody can open one without the other. Each
change is written in the caller's transaction together with what is to be sent (`alert_outbox`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, text, update

from runlore.alerts.queries import outbox
from runlore.alerts.rules import state
from runlore.alerts.rules.finding import VERSION, AlertFinding, Severity
from runlore.alerts.rules.state import NEW, QUIET, AlertEpisode, AlertStep
from runlore.store import schema
from runlore.store.live_outbox import Topic, publish
from runlore.store.schema import alert_events

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('runlore.alert ' || :cause, 0))")
WATCHER = "runlore"  # the actor of entries that no person wrote

Standing = Literal["open", "resolved", "all"]


@dataclass(frozen=True)
class AlertHistoryEntry:
    """An entry of an alert's history. at: of the finding; written_at: by the database's clock."""

    id: int
    alert_id: int
    at: datetime
    written_at: datetime
    event: str
    severity: str
    actor: str
    note: str
    evidence: dict[str, Any]


@dataclass(frozen=True)
class AlertQuery:
    """Which alerts to read, the newest first. before: only ids below this one, for paging.

    specs: subjects that are one of these specs or a version of one; None: any subject. kind: one,
    or several. open_at: those open at that instant, whatever their standing now.
    """

    standing: Standing = "open"
    kind: str | tuple[str, ...] | None = None
    subject: str | None = None
    before: int | None = None
    limit: int = 100
    specs: tuple[str, ...] | None = None
    open_at: datetime | None = None


def observe(connection: Connection, finding: AlertFinding, at: datetime) -> AlertStep:
    """Record a finding: open its cause's alert, count it or escalate it, in this transaction."""
    _lock(connection, finding.kind, finding.subject)
    step = state.observe(last(connection, finding.kind, finding.subject), finding, at)
    return save(connection, step, at, WATCHER, finding.what)


def quiet(
    connection: Connection, kind: str, subject: str, at: datetime, by: str = QUIET
) -> AlertStep | None:
    """Resolve the alert of a cause that is over; None when none is open. by: who ended it."""
    _lock(connection, kind, subject)
    alert = last(connection, kind, subject)
    if alert is None or not alert.is_open:
        return None
    actor, note = (WATCHER, QUIET) if by == QUIET else (by, "")
    return save(connection, state.resolve(alert, at, by), at, actor, note)


def save(connection: Connection, step: AlertStep, at: datetime, actor: str, note: str) -> AlertStep:
    """Write a step: the alert as it is now, its history entry, and what is to be sent.

    Returns the step with the alert's id.
    """
    alert = put(connection, step.alert)
    if step.event is not None:
        line = {"alert_id": alert.id, "at": at, "event": step.event, "severity": alert.severity}
        details = {"actor": actor, "note": note, "evidence": dict(alert.evidence)}
        connection.execute(insert(alert_events).values(line | details))
        _publish(connection, alert, step.event)
        if step.hold_s is not None:
            outbox.add(connection, alert, step.event, step.hold_s)
    return AlertStep(alert, step.event, step.hold_s)


def last(connection: Connection, kind: str, subject: str) -> AlertEpisode | None:
    """The newest episode of a cause; its row is locked until the transaction ends."""
    of_cause = (schema.anomalies.c.kind == kind, schema.anomalies.c.subject == subject)
    newest = (
        select(schema.anomalies).where(*of_cause).order_by(schema.anomalies.c.id.desc()).limit(1)
    )
    row = connection.execute(newest.with_for_update()).first()
    return None if row is None else as_alert(row)


def find(
    connection: Connection, alert_id: int, *, skip_locked: bool = False
) -> AlertEpisode | None:
    """The alert with an id; its row is locked until the transaction ends.

    skip_locked: return None when another transaction holds the row.
    """
    wanted = select(schema.anomalies).where(schema.anomalies.c.id == alert_id)
    row = connection.execute(wanted.with_for_update(skip_locked=skip_locked)).first()
    return None if row is None else as_alert(row)


def read(connection: Connection, wanted: AlertQuery) -> list[AlertEpisode]:
    query = (
        select(schema.anomalies).where(*_conditions(wanted)).order_by(schema.anomalies.c.id.desc())
    )
    return [as_alert(row) for row in connection.execute(query.limit(wanted.limit))]


def count_open(connection: Connection) -> dict[str, int]:
    """Severity -> how many alerts are open."""
    query = select(schema.anomalies.c.severity, func.count()).where(
        schema.anomalies.c.resolved_at.is_(None)
    )
    return {
        row[0]: row[1] for row in connection.execute(query.group_by(schema.anomalies.c.severity))
    }


def history(connection: Connection, alert_ids: Collection[int]) -> list[AlertHistoryEntry]:
    """The history of alerts, oldest first."""
    of_alerts = alert_events.c.alert_id.in_(list(alert_ids))
    query = select(alert_events).where(of_alerts).order_by(alert_events.c.id)
    return [AlertHistoryEntry(**row._mapping) for row in connection.execute(query)]


def as_alert(row: "Row[Any]") -> AlertEpisode:
    values = {name: row._mapping[name] for name in AlertEpisode.__dataclass_fields__}
    for name in ("severity", "told", "known"):
        values[name] = None if values[name] is None else Severity(values[name])
    return AlertEpisode(**values)


def put(connection: Connection, alert: AlertEpisode) -> AlertEpisode:
    """Write an alert without an event; returns it with its id."""
    values = {
        name: getattr(alert, name) for name in AlertEpisode.__dataclass_fields__ if name != "id"
    }
    values["evidence"] = dict(alert.evidence)
    if alert.id != NEW:
        connection.execute(
            update(schema.anomalies).where(schema.anomalies.c.id == alert.id).values(values)
        )
        return alert
    number = connection.execute(
        insert(schema.anomalies).values(values).returning(schema.anomalies.c.id)
    ).scalar_one()
    return AlertEpisode(**{**vars(alert), "id": number})


def _publish(connection: Connection, alert: AlertEpisode, event: str) -> None:
    """For those who watch live."""
    data = {
        "alert": alert.id,
        "event": event,
        "kind": alert.kind,
        "severity": alert.severity.value,
        "what": alert.what,
        "advice": alert.advice,
    }
    publish(connection, Topic.ALERTS, alert.subject, data)


def _conditions(wanted: AlertQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.open_at is not None:
        ended = schema.anomalies.c.resolved_at
        conditions.append(schema.anomalies.c.opened_at <= wanted.open_at)
        conditions.append(ended.is_(None) | (ended > wanted.open_at))
    elif wanted.standing != "all":
        is_open = schema.anomalies.c.resolved_at.is_(None)
        conditions.append(is_open if wanted.standing == "open" else ~is_open)
    if wanted.kind is not None:
        kinds = (wanted.kind,) if isinstance(wanted.kind, str) else wanted.kind
        conditions.append(schema.anomalies.c.kind.in_(kinds))
    if wanted.subject is not None:
        conditions.append(schema.anomalies.c.subject == wanted.subject)
    if wanted.specs is not None:
        conditions.append(
            func.regexp_replace(schema.anomalies.c.subject, VERSION, "").in_(wanted.specs)
        )
    if wanted.before is not None:
        conditions.append(schema.anomalies.c.id < wanted.before)
    return conditions


def _lock(connection: Connection, kind: str, subject: str) -> None:
    """Serialise findings of one cause until the transaction ends, also when there is no row yet."""
    connection.execute(LOCK, {"cause": f"{kind}/{subject}"})
