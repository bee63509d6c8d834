"""The periods of reports: weeks, months and spans of days in a person's time zone. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from runlore.kernel.errors import BadInput

Every = Literal["week", "month"]
Length = Literal["week", "month", "days"]
EVERY: tuple[Every, ...] = get_args(Every)
DAY = timedelta(days=1)
WEEK_DAYS = 7
LONGEST_DAYS = 366
FIRST_YEAR, LAST_YEAR = 1971, 2199


@dataclass(frozen=True)
class ReportPeriod:
    """Whole days from `first` until before `after`, as the clocks of `zone` count them."""

    first: date
    after: date
    zone: str = "UTC"
    length: Length = "days"

    def __post_init__(self) -> None:
        if not self.first < self.after:
            raise BadInput(f"to: {self.after} is not after {self.first}", "to")
        if self.days > LONGEST_DAYS:
            raise BadInput(
                f"from: {self.first} to {self.after} are {self.days} days, {LONGEST_DAYS} at most",
                "from",
            )
        if not FIRST_YEAR <= self.first.year <= self.after.year <= LAST_YEAR:
            raise BadInput(
                f"from: {self.first} is not in the years {FIRST_YEAR} to {LAST_YEAR}", "from"
            )

    @property
    def days(self) -> int:
        return (self.after - self.first).days

    @property
    def starts_at(self) -> datetime:
        return midnight(self.first, self.zone)

    @property
    def ends_at(self) -> datetime:
        return midnight(self.after, self.zone)

    @property
    def before(self) -> "ReportPeriod":
        """The period of the same length that ends where this one begins."""
        if self.length == "month":
            return ReportPeriod(_month(self.first, -1), self.first, self.zone, "month")
        return ReportPeriod(
            self.first - timedelta(days=self.days), self.first, self.zone, self.length
        )

    @property
    def next(self) -> "ReportPeriod":
        """The period of the same length that begins where this one ends."""
        if self.length == "month":
            return ReportPeriod(self.after, _month(self.after, 1), self.zone, "month")
        return ReportPeriod(
            self.after, self.after + timedelta(days=self.days), self.zone, self.length
        )

    @property
    def name(self) -> str:
        """
        >>> week_of(date(2026, 11, 25)).name, month_of(date(2026, 11, 3)).name
        ('23 to 29 November 2026', 'November 2026')
        >>> ReportPeriod(date(2026, 12, 28), date(2027, 1, 4)).name
        '28 December 2026 to 3 January 2027'
        """
        last = self.after - DAY
        if self.length == "month":
            return f"{self.first:%B %Y}"
        if self.days == 1:
            return f"{last.day} {last:%B %Y}"
        start = f"{self.first.day}"
        if (self.first.year, self.first.month) != (last.year, last.month):
            start += f" {self.first:%B}"
        if self.first.year != last.year:
            start += f" {self.first.year}"
        return f"{start} to {last.day} {last:%B %Y}"


def zone_of(name: str) -> ZoneInfo:
    """Raises BadInput for a name that the time zone database does not have."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput(
            f"zone: {name[:80]!r} is no time zone; write one such as Europe/Berlin or UTC", "zone"
        ) from error


def midnight(day: date, zone: str, at: time = time()) -> datetime:
    """The instant of a local time. One that clocks skip is taken as if they had not yet changed.

    >>> midnight(date(2026, 3, 29), "Europe/Berlin", time(2, 30)).isoformat()
    '2026-03-29T01:30:00+00:00'
    """
    return datetime.combine(day, at, zone_of(zone)).astimezone(UTC)


def week_of(day: date, zone: str = "UTC") -> ReportPeriod:
    """The week, Monday to Sunday, that a day lies in."""
    monday = day - timedelta(days=day.weekday())
    return ReportPeriod(monday, monday + timedelta(days=WEEK_DAYS), zone, "week")


def month_of(day: date, zone: str = "UTC") -> ReportPeriod:
    first = day.replace(day=1)
    return ReportPeriod(first, _month(first, 1), zone, "month")


def last_complete(every: Every, at: datetime, zone: str) -> ReportPeriod:
    """The week or month that has ended last."""
    today = at.astimezone(zone_of(zone)).date()
    return (week_of(today, zone) if every == "week" else month_of(today, zone)).before


def due_at(period: ReportPeriod, at: time) -> datetime:
    """When the report of a period is due: at a local time of the first day after it."""
    return midnight(period.after, period.zone, at)


def read_day(text: str, field: str) -> date:
    """A day as ISO 8601 writes it. Raises BadInput."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{field}: {text[:80]!r} is not a day like 2026-11-29", field) from error


def read_time(text: str, field: str = "at") -> time:
    """A local time, hours and minutes. Raises BadInput."""
    try:
        parsed = time.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{field}: {text[:80]!r} is not a time like 06:00", field) from error
    if parsed.tzinfo is not None or parsed.second or parsed.microsecond:
        raise BadInput(f"{field}: {text[:80]!r} is not a time like 06:00", field)
    return parsed


def _month(first: date, months: int) -> date:
    """The first day of a month so many months later."""
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)
