"""Stored reports on their way to channels. Whoever sends one holds its row meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, insert, select, text, update

from runlore.reports.rules.schedule import Attachment
from runlore.store import schema

CLAIM = text("""
SELECT id, report_id, channel, attachment, key, attempts, clock_timestamp() AS now,
    extract(epoch FROM clock_timestamp() - created_at)::float8 AS age_s
FROM runlore.report_deliveries
WHERE state = 'waiting' AND next_at <= clock_timestamp()
ORDER BY next_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
""")


@dataclass(frozen=True)
class ClaimedReport:
    """A delivery whose row is held. key: the same at each attempt. now: by the database's clock."""

    id: int
    report_id: int
    channel: str
    attachment: Attachment
    key: UUID
    attempts: int
    now: datetime
    age_s: float


@dataclass(frozen=True)
class ReportDelivery:
    """state: waiting, delivered or lost."""

    channel: str
    state: str
    attempts: int
    settled_at: datetime | None
    error: str | None


def add_deliveries(
    connection: Connection, report_id: int, channels: Sequence[str], attachment: Attachment
) -> None:
    rows = [
        {"report_id": report_id, "channel": name, "attachment": attachment, "state": "waiting"}
        for name in channels
    ]
    if rows:
        connection.execute(insert(schema.report_deliveries).values(rows))


def claim_delivery(connection: Connection) -> ClaimedReport | None:
    row = connection.execute(CLAIM).first()
    return None if row is None else ClaimedReport(*row)


def settle_delivery(
    connection: Connection, claim: ClaimedReport, error: str | None, pause_s: float | None
) -> None:
    """Record an attempt. error: None: it arrived. pause_s: until the next; None: there is none."""
    values: dict[str, Any] = {"attempts": claim.attempts + 1, "error": error}
    if error is None:
        values |= {"state": "delivered", "settled_at": func.clock_timestamp()}
    elif pause_s is None:
        values |= {"state": "lost", "settled_at": func.clock_timestamp()}
    else:
        values["next_at"] = func.clock_timestamp() + timedelta(seconds=pause_s)
    table = schema.report_deliveries
    connection.execute(update(table).where(table.c.id == claim.id).values(values))


def deliveries_of(connection: Connection, report_id: int) -> list[ReportDelivery]:
    table = schema.report_deliveries
    names = [getattr(table.c, name) for name in ReportDelivery.__dataclass_fields__]
    query = select(*names).where(table.c.report_id == report_id).order_by(table.c.id)
    return [ReportDelivery(**row._mapping) for row in connection.execute(query)]
