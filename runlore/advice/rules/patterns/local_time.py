"""Instants as the clocks of a time zone show them, summer time included."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAY_S, HOUR_S, QUARTER_S = 86_400, 3_600, 900
HOURS = 168  # of a week, from Monday 0:00 on
MONDAY = 4  # 1970-01-01 was a Thursday: day 4 was a Monday


@dataclass(frozen=True, eq=False)
class LocalTimes:
    """(n,) each. day: days since 1970; weekday: 0 is Monday; minute: of the day, 0 to 1440."""

    day: Ints
    weekday: Ints
    minute: Floats

    @property
    def hour_of_week(self) -> Ints:
        """(n,), 0 is Monday 0:00 to 1:00."""
        return self.weekday * 24 + (self.minute // 60).astype(np.int64)


def local_times(at_s: Floats, zone: tzinfo) -> LocalTimes:
    """at_s: (n,) seconds since 1970, UTC."""
    local = at_s + offsets(at_s, zone)
    day = np.floor(local / DAY_S).astype(np.int64)
    minute = np.clip((local - day * DAY_S) / 60, 0, np.nextafter(1440, 0))
    return LocalTimes(day, (day - MONDAY) % 7, minute)


def offsets(at_s: Floats, zone: tzinfo) -> Floats:
    """(n,) seconds that the zone's clocks are ahead of UTC.

    Each quarter of an hour has one offset: zones change at full quarters.
    """
    quarters, place = np.unique(np.floor(at_s / QUARTER_S).astype(np.int64), return_inverse=True)
    days, of_day = np.unique(quarters * QUARTER_S // DAY_S, return_inverse=True)
    begins = np.array([_offset(int(day) * DAY_S, zone) for day in days], dtype=np.float64)
    ends = np.array([_offset((int(day) + 1) * DAY_S, zone) for day in days], dtype=np.float64)
    found = begins[of_day]
    for at in np.flatnonzero((begins != ends)[of_day]):
        found[at] = _offset(int(quarters[at]) * QUARTER_S, zone)
    return found[place]


def _offset(at_s: int, zone: tzinfo) -> float:
    shift = datetime.fromtimestamp(at_s, UTC).astimezone(zone).utcoffset()
    return 0.0 if shift is None else shift.total_seconds()
