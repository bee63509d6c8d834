"""The past of a series as forecasts learn from it: whole, of ordinary days, at its newest level."""

from dataclasses import dataclass

import numpy as np

from runlore.signals.rules.forecasts import level_shift
from runlore.signals.rules.forecasts.holiday_effects import HolidayEffect, learn_holidays
from runlore.signals.rules.series.grid import Floats, SeriesGrid, fill_gaps
from runlore.signals.rules.series.seasons import Seasons


@dataclass(frozen=True)
class Past:
    """raw: without gaps. values: the same of ordinary days, at the newest level.

    observed: `values` with NaN where no point came, or on a holiday: that judges nothing.
    changed_us: when the newest level began; None: there is one level.
    """

    raw: Floats
    values: Floats
    observed: Floats
    holidays: HolidayEffect | None
    changed_us: int | None


def prepare(grid: SeriesGrid, seasons: Seasons, horizon: int) -> Past:
    """horizon: how many steps to come may have holidays."""
    raw, is_judged = fill_gaps(grid.values, seasons.short), np.isfinite(grid.values)
    days, effect, regular = grid.holiday_days(horizon), None, raw
    if days:
        effect = learn_holidays(raw, grid.values, days)
        regular = effect.regular
        is_judged &= ~days.is_holiday[: len(raw)]
    aligned = level_shift.align(regular, seasons, grid.step_s)
    observed = np.where(is_judged, aligned.values, np.nan)
    changed_us = grid.instant(aligned.shifts[0].start) if aligned.shifts else None
    return Past(raw, aligned.values, observed, effect, changed_us)
