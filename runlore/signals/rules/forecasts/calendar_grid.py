"""A series on the grid of a calendar: the clock on the wall of a zone, and its holidays."""

from dataclasses import dataclass, replace
from datetime import UTC, date, tzinfo

import numpy as np

from runlore.kernel.calendars import HolidaysOf, no_holidays
from runlore.signals.rules.series.clock import WallClock
from runlore.signals.rules.series.grid import (
    SECOND_US,
    Floats,
    HolidayDays,
    Instants,
    SeriesGrid,
    to_grid,
)
from runlore.signals.rules.series.seasons import DAY_S

EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Calendar:
    """zone: whose clocks a rhythm follows. holidays: the days that are unlike their weekday."""

    zone: tzinfo = UTC
    holidays: HolidaysOf = no_holidays


UTC_CALENDAR = Calendar()


@dataclass(frozen=True, kw_only=True)
class CalendarGrid(SeriesGrid):
    """The steps are those of the clock on the wall, which shows UTC at the last point.

    When clocks go forward, an hour has no value, and when they go back, one is the mean of two.
    is_cut: the newest steps were cut off; what comes is by the clock on the wall, too.
    """

    clock: WallClock
    holidays: HolidaysOf
    is_cut: bool = False

    def instant(self, step: int) -> int:
        shown = super().instant(step)
        return shown - int(self.clock.shifts(np.array([shown]), self.step_s)[0])

    def until(self, end: int) -> SeriesGrid:
        return replace(self, values=self.values[: max(end, 0)], is_cut=True)

    def in_utc(self) -> SeriesGrid:
        first_us = self.instant(0)
        count = (self.end_us - first_us) // (self.step_s * SECOND_US)
        places = np.clip(self._steps(-count, 0) + len(self.values), 0, len(self.values) - 1)
        return SeriesGrid(first_us, self.step_s, self.values[places])

    def places_ahead(self, horizon: int) -> Instants:
        if self.is_cut:
            return super().places_ahead(horizon)
        return np.maximum(self._steps(0, horizon), 0)

    def holiday_days(self, horizon: int) -> HolidayDays | None:
        if self.step_s > DAY_S or self.holidays is no_holidays:
            return None
        steps = np.arange(len(self.values) + horizon)
        days = self.clock.local_days(self.start_us + steps * self.step_s * SECOND_US)
        years = (date.fromordinal(EPOCH + int(day)).year for day in (days[0], days[-1]))
        free = [day.toordinal() - EPOCH for day in self.holidays(*years)]
        is_holiday = np.isin(days, free)
        return HolidayDays(days, is_holiday, DAY_S // self.step_s) if is_holiday.any() else None

    def _steps(self, first: int, last: int) -> Instants:
        """Steps of UTC, counted from the end, as steps of the clock."""
        steps = np.arange(first, last)
        at = self.end_us + steps * self.step_s * SECOND_US
        shown: Instants = steps + self.clock.shifts(at, self.step_s) // (self.step_s * SECOND_US)
        return shown


def to_calendar_grid(
    at: Instants, values: Floats, step_s: int, calendar: Calendar = UTC_CALENDAR
) -> SeriesGrid:
    """Average the points of each step of the calendar.

    at: ascending, in microseconds. Steps of more than two hours go by UTC, as does a day.
    """
    if calendar == UTC_CALENDAR:
        return to_grid(at, values, step_s)
    clock = WallClock(calendar.zone, int(at[-1]))
    shown = at + clock.shifts(at, step_s)
    # Within an hour that comes twice, the clock has shown later times than it does now.
    past = np.flatnonzero(shown <= at[-1])
    order = past[np.argsort(shown[past], kind="stable")]
    grid = to_grid(shown[order], values[order], step_s)
    return CalendarGrid(
        grid.start_us, grid.step_s, grid.values, clock=clock, holidays=calendar.holidays
    )
