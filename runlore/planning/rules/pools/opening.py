"""When a pool is open, in UTC, and how many slot-hours that is a day."""

from datetime import date, datetime, time, timedelta, tzinfo

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.calendars import find_holidays, find_zone
from runlore.kernel.instants import to_us
from runlore.planning.rules.pools.pool import DAY_MINUTES, Pool

Floats = NDArray[np.float64]
Spans = NDArray[np.int64]
HOUR_US = 3_600_000_000


def open_spans(pool: Pool, first: date, days: int) -> Spans:
    """From when to when it is open: (spans, 2) in microseconds since 1970, ascending.

    first: the first day by the clocks of the pool. Spans that touch are one. Where clocks are set,
    a span has the hours that really pass.
    """
    return _merged([span for spans in _by_day(pool, first, days) for span in spans])


def slot_hours(pool: Pool, first: date, days: int) -> Floats:
    """Size × hours open, of each day by the clocks of the pool: (days,)."""
    hours = [
        sum(end - start for start, end in spans) / HOUR_US for spans in _by_day(pool, first, days)
    ]
    return pool.size * np.asarray(hours, dtype=np.float64)


def local_day(pool: Pool, at: datetime) -> date:
    """The day of an instant by the clocks of the pool."""
    return at.astimezone(find_zone(pool.zone)).date()


def day_bounds(pool: Pool, first: date, days: int) -> Spans:
    """When each day begins, and the last one ends: (days + 1,) in microseconds since 1970."""
    zone = find_zone(pool.zone)
    return np.array([_instant(first + timedelta(days=day), 0, zone) for day in range(days + 1)])


def _by_day(pool: Pool, first: date, days: int) -> list[list[tuple[int, int]]]:
    zone, last = find_zone(pool.zone), first + timedelta(days=max(days - 1, 0))
    closed = find_holidays(pool.holidays)(first.year, last.year)
    weekly = [pool.spans_of(weekday) for weekday in range(7)]
    found: list[list[tuple[int, int]]] = []
    for at in range(days):
        day = first + timedelta(days=at)
        spans = () if day in closed else weekly[day.weekday()]
        found.append([(_instant(day, a, zone), _instant(day, b, zone)) for a, b in spans])
    return found


def _instant(day: date, minute: int, zone: tzinfo) -> int:
    if minute == DAY_MINUTES:
        day, minute = day + timedelta(days=1), 0
    return to_us(datetime.combine(day, time(minute // 60, minute % 60), zone))


def _merged(spans: list[tuple[int, int]]) -> Spans:
    found: list[list[int]] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            found[-1][1] = max(found[-1][1], end)
        elif start < end:
            found.append([start, end])
    return np.array(found, dtype=np.int64).reshape(-1, 2)
