"""Stored reports: rows that are only ever added."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from runlore.reports.rules.period import Length
from runlore.store import schema


@dataclass(frozen=True)
class StoredReport:
    """document: JSON of a ReportDocument. schedule: the name of what made it; None: a person did.

    after_day: the first day after the period.
    """

    id: int
    first_day: date
    after_day: date
    zone: str
    length: Length
    known_at: datetime
    made_at: datetime
    made_by: str
    schedule: str | None
    document: Mapping[str, Any]


@dataclass(frozen=True)
class NewReport:
    schedule_id: int | None
    first_day: date
    after_day: date
    zone: str
    length: Length
    known_at: datetime
    made_by: str
    document: Mapping[str, Any]


def add_report(connection: Connection, report: NewReport) -> int:
    """Raises IntegrityError where the schedule has a report of this period already."""
    added = insert(schema.reports).values(vars(report)).returning(schema.reports.c.id)
    return int(connection.execute(added).scalar_one())


def find_report(connection: Connection, report_id: int) -> StoredReport | None:
    row = connection.execute(_reports().where(schema.reports.c.id == report_id)).first()
    return None if row is None else StoredReport(**row._mapping)


def list_reports(
    connection: Connection, limit: int, before: int | None = None
) -> list[StoredReport]:
    """The newest first. before: only ids below this one."""
    query = _reports().order_by(schema.reports.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(schema.reports.c.id < before)
    return [StoredReport(**row._mapping) for row in connection.execute(query)]


def _reports() -> Any:  # noqa: ANN401  (a select of these columns)
    named = schema.report_schedules.c.name.label("schedule")
    columns = [
        getattr(schema.reports.c, name)
        for name in StoredReport.__dataclass_fields__
        if name != "schedule"
    ]
    return select(*columns, named).outerjoin(
        schema.report_schedules, schema.report_schedules.c.id == schema.reports.c.schedule_id
    )
