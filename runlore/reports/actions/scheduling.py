"""Schedules of reports: make one, end one, list them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from runlore.alerts.rules.finding import LONGEST_SUBJECT, line
from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.reports.queries import report_runs, report_schedules
from runlore.reports.rules.schedule import KIND, ReportSchedule, due_periods, next_due
from runlore.store import notices
from runlore.store.engine import Connection, Store


@dataclass(frozen=True)
class ScheduleView:
    """last_due, last_done: of the newest report; None: none was due yet. error: of its last try."""

    schedule: ReportSchedule
    next_due: datetime
    last_due: datetime | None
    last_done: datetime | None
    error: str | None


def schedule_report(
    store: Store, schedule: ReportSchedule, known_channels: Collection[str]
) -> ReportSchedule:
    """Have a report made and sent each week or month, from the current one on.

    schedule: without its id. Raises BadInput for a channel that the settings do not have, Refused
    for a name that is in use.
    """
    name = schedule.name
    if not name or name != line(name, LONGEST_SUBJECT):
        raise BadInput(f"name: {name[:80]!r} is not one line of letters", "name")
    for channel in schedule.channels:
        if channel not in known_channels:
            listed = ", ".join(sorted(known_channels)) or "none; set RUNLORE_ALERT_CHANNELS"
            raise BadInput(
                f"channel: {channel[:80]!r} is no channel of alerts; there are: {listed}", "channel"
            )
    with store.begin() as connection:
        report_schedules.lock_schedules(connection)
        if any(known.name == name for known in report_schedules.list_schedules(connection)):
            raise Refused(
                f"a schedule {name!r} exists; `runlore reports unschedule {name}` ends it"
            )
        made = report_schedules.add_schedule(connection, schedule)
        notices.notify(connection, notices.WORK_DUE, "reports")
        return made


def unschedule_report(store: Store, name: str, by: str, at: datetime) -> ReportSchedule:
    """End a schedule; reports that it made stay. Raises NotFound."""
    from runlore.alerts.actions.handling import resolve_alert

    with store.begin() as connection:
        report_schedules.lock_schedules(connection)
        known = {one.name: one for one in report_schedules.list_schedules(connection)}
        if name not in known:
            raise NotFound(f"no schedule {name!r}; `runlore reports schedules` lists them")
        report_schedules.end_schedule(connection, known[name].id, by, at)
        resolve_alert(connection, KIND, name, at, by)
        return known[name]


def list_schedules(store: Store, at: datetime) -> list[ScheduleView]:
    """Those that have not ended, with their newest report."""
    with store.begin() as connection:
        schedules = report_schedules.list_schedules(connection)
        runs = report_runs.last_runs(connection)
    return [
        ScheduleView(schedule, next_due(schedule, at), *runs.get(schedule.id, (None, None, None)))
        for schedule in schedules
    ]


def next_work_at(connection: Connection, at: datetime) -> datetime | None:
    """When a report is due, or one that is due may go on; in the past: now. None: never.

    What is due is noted in the caller's transaction.
    """
    schedules = open_due_runs(connection, at)
    waiting = report_runs.next_work_at(connection)
    later = [next_due(schedule, at) for schedule in schedules]
    return min([*later, *([] if waiting is None else [waiting])], default=None)


def open_due_runs(connection: Connection, at: datetime) -> list[ReportSchedule]:
    """Note all that is due in the caller's transaction; returns the schedules."""
    schedules = report_schedules.list_schedules(connection)
    for schedule in schedules:
        report_runs.open_runs(connection, schedule.id, due_periods(schedule, at))
    return schedules
