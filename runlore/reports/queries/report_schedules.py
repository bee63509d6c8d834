"""The schedules of reports. One that has ended stays, because reports refer to it."""

from datetime import datetime

from sqlalchemy import Connection, insert, select, text, update

from runlore.reports.rules.schedule import ReportSchedule
from runlore.store import schema

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('runlore.report_schedules', 0))")


def lock_schedules(connection: Connection) -> None:
    """Be the only one who changes schedules until the transaction ends."""
    connection.execute(LOCK)


def add_schedule(connection: Connection, schedule: ReportSchedule) -> ReportSchedule:
    """Returns it with its id."""
    values = {name: value for name, value in vars(schedule).items() if name != "id"}
    values |= {"work": dict(schedule.work), "channels": list(schedule.channels)}
    added = insert(schema.report_schedules).values(values).returning(schema.report_schedules.c.id)
    number = connection.execute(added).scalar_one()
    return ReportSchedule(**{**vars(schedule), "id": number})


def list_schedules(connection: Connection) -> list[ReportSchedule]:
    """Those that have not ended, by their names."""
    names = [
        getattr(schema.report_schedules.c, name) for name in ReportSchedule.__dataclass_fields__
    ]
    query = (
        select(*names)
        .where(schema.report_schedules.c.ended_at.is_(None))
        .order_by(schema.report_schedules.c.name)
    )
    rows = (dict(row._mapping) for row in connection.execute(query))
    return [ReportSchedule(**{**row, "channels": tuple(row["channels"])}) for row in rows]


def end_schedule(connection: Connection, schedule_id: int, by: str, at: datetime) -> None:
    connection.execute(
        update(schema.report_schedules)
        .where(schema.report_schedules.c.id == schedule_id)
        .values(ended_at=at, ended_by=by)
    )
