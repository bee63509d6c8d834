"""Best times as people and programs read them."""

from dataclasses import dataclass
from datetime import datetime

from runlore.engagement.actions.publishing_times import PublishingTimes
from runlore.engagement.rules.times.naming import TimeEffect

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS = 24


@dataclass(frozen=True)
class TimeEntry:
    """gain, low, high: points of the engagement rate beside the average hour of the week, 90 %.

    hour, weekday: None where it is about all of them. p: of no effect, all times allowed for.
    """

    text: str
    weekday: str | None
    hour: int | None
    posts: int
    gain: float
    low: float
    high: float
    p: float
    is_best: bool


@dataclass(frozen=True)
class PlatformHour:
    """share: of the platform's personas that do best at this local hour; told with noise."""

    hour: int
    share: float


@dataclass(frozen=True)
class TimesView:
    """best: those that are better beyond chance, the largest gain first. week: 7 rows of 24 gains,
    Monday first, and posts at each. reason: why there is no best time; else empty.
    platform_hours: an idea from other personas then."""

    persona: str
    platform: str | None
    zones: tuple[str, ...]
    as_of: datetime
    posts: int
    mean_rate: float | None
    best: tuple[TimeEntry, ...]
    hours: tuple[TimeEntry, ...]
    weekdays: tuple[TimeEntry, ...]
    week: tuple[tuple[float, ...], ...]
    week_posts: tuple[tuple[int, ...], ...]
    reason: str
    platform_hours: tuple[PlatformHour, ...]


def show_times(made: PublishingTimes) -> TimesView:
    found = made.best
    hours = tuple(_entry(one, None, one.label) for one in found.hours)
    weekdays = tuple(_entry(one, DAYS[one.label], None) for one in found.weekdays)
    slots = [_entry(one, DAYS[one.label // HOURS], one.label % HOURS) for one in found.slots]
    best = [one for group in (hours, weekdays, slots) for one in _best(group)]
    starts = range(0, len(slots), HOURS)
    return TimesView(
        persona=made.request.persona,
        platform=made.request.platform,
        zones=made.zones,
        as_of=made.as_of,
        posts=found.posts,
        mean_rate=found.rate,
        best=tuple(best),
        hours=hours,
        weekdays=weekdays,
        week=tuple(tuple(one.gain for one in slots[at : at + HOURS]) for at in starts),
        week_posts=tuple(tuple(one.posts for one in slots[at : at + HOURS]) for at in starts),
        reason=found.reason,
        platform_hours=tuple(
            PlatformHour(one.hour, one.share or 0.0) for one in made.platform_hours
        ),
    )


def _best(entries: "tuple[TimeEntry, ...] | list[TimeEntry]") -> list[TimeEntry]:
    return sorted((one for one in entries if one.is_best), key=lambda one: -one.gain)


def _entry(one: TimeEffect, weekday: str | None, hour: int | None) -> TimeEntry:
    clock = "" if hour is None else f"{hour:02}:00 to {hour + 1:02}:00"
    when = " ".join(part for part in (f"{weekday}s" if weekday else "", clock) if part)
    gain = f"{one.gain:+.1f} points ({one.low:+.1f} to {one.high:+.1f})"
    return TimeEntry(
        f"{when}: {gain}, {one.posts} posts",
        weekday,
        hour,
        one.posts,
        one.gain,
        one.low,
        one.high,
        one.p,
        one.is_best,
    )
