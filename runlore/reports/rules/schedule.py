"""When reports that come by themselves are due, in a person's time zone. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from runlore.kernel.errors import BadInput
from runlore.reports.rules.period import (
    Every,
    ReportPeriod,
    due_at,
    month_of,
    read_time,
    week_of,
    zone_of,
)
from runlore.reports.rules.request import WorkFilter

Attachment = Literal["pdf", "html", "none"]
ATTACHMENTS: tuple[Attachment, ...] = get_args(Attachment)
MOST_MISSED = 12  # reports that are made up for after a long stop; older periods are left out
FIRST_PAUSE_S, LONGEST_PAUSE_S = 10.0, 900.0
NOTICED_S = 40.0  # a due report that nobody has begun so long after it was noticed is an alert
KIND = "report"  # of alerts; their subject is the schedule's name


@dataclass(frozen=True)
class ReportSchedule:
    """due_time: HH:MM of the first day after the period. work: scope, kind and actor.

    Periods that end after `created_at` are reported.
    """

    id: int
    name: str
    every: Every
    zone: str
    due_time: str
    work: Mapping[str, Any]
    channels: tuple[str, ...]
    attachment: Attachment
    created_at: datetime
    created_by: str

    def __post_init__(self) -> None:
        zone_of(self.zone)
        read_time(self.due_time)
        WorkFilter(**self.work)
        if self.attachment not in ATTACHMENTS:
            raise BadInput(
                f"attach: {self.attachment!r} is none of {', '.join(ATTACHMENTS)}", "attach"
            )


@dataclass(frozen=True)
class DuePeriod:
    period: ReportPeriod
    due_at: datetime


def due_periods(schedule: ReportSchedule, at: datetime) -> list[DuePeriod]:
    """The periods whose reports are due by now, the oldest first; of many the newest alone."""
    time, period = read_time(schedule.due_time), _first(schedule)
    due = []
    while due_at(period, time) <= at:
        due.append(DuePeriod(period, due_at(period, time)))
        period = period.next
    return due[-MOST_MISSED:]


def next_due(schedule: ReportSchedule, at: datetime) -> datetime:
    """When the next report after an instant is due."""
    time, period = read_time(schedule.due_time), _first(schedule)
    while due_at(period, time) <= at:
        period = period.next
    return due_at(period, time)


def period_of_run(schedule: ReportSchedule, first: Any) -> ReportPeriod:  # noqa: ANN401 (a date)
    return (week_of if schedule.every == "week" else month_of)(first, schedule.zone)


def retry_pause(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts.

    >>> [retry_pause(attempts).total_seconds() for attempts in (1, 2, 3, 20)]
    [10.0, 20.0, 40.0, 900.0]
    """
    return timedelta(seconds=min(FIRST_PAUSE_S * 2 ** min(attempts - 1, 30), LONGEST_PAUSE_S))


def _first(schedule: ReportSchedule) -> ReportPeriod:
    """The period that the schedule was made in."""
    day = schedule.created_at.astimezone(zone_of(schedule.zone)).date()
    return period_of_run(schedule, day)
