"""Forecasts around changes of clocks, holidays and shifts of level, with what is known of them.

    python bench/forecast_worlds.py [--seeds 6]

Simulated hours of 8 to 26 weeks: office hours by the clocks of Berlin, autocorrelated noise whose
innovations have a deviation of 1.5. The next day is forecast (after a shift, two days). Prints one
JSON object per case: mean absolute error, mean width of the 90 % band, and the share that it held.
"""

import argparse
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.calendars import find_holidays
from runlore.signals.rules.forecasts import level_shift
from runlore.signals.rules.forecasts.calendar_grid import Calendar, to_calendar_grid
from runlore.signals.rules.forecasts.forecasting import Forecast, forecast
from runlore.signals.rules.forecasts.level_shift import AlignedPast
from runlore.signals.rules.series.grid import SECOND_US, SeriesGrid

Floats = NDArray[np.float64]
BERLIN, GERMAN = ZoneInfo("Europe/Berlin"), find_holidays("DE")
HOUR_US, DAY = 3_600 * SECOND_US, 24
CLOCKS = ("2026-03-28", "2026-03-30", "2026-03-31", "2026-10-24", "2026-10-26", "2026-10-27")
HOLIDAYS = ("2025-05-01", "2025-05-02", "2025-05-29", "2025-10-03", "2025-12-25", "2026-01-08")
SHIFTED_DAYS = (2, 3, 7, 14, 28)


def noise(rng: np.random.Generator, count: int) -> Floats:
    made, last = np.empty(count), 0.0
    for place in range(count):
        last = 0.6 * last + rng.normal(0, 1.5)
        made[place] = last
    return made


def office(end: datetime, weeks: int, seed: int, free: frozenset[date]) -> tuple[Floats, Floats]:
    """at, values: until `end`, and a day more."""
    count = weeks * 7 * DAY
    at = int(end.timestamp()) * SECOND_US + np.arange(-count, DAY) * HOUR_US
    clocks = [datetime.fromtimestamp(one / SECOND_US, BERLIN) for one in at.tolist()]
    is_free = np.array([one.weekday() >= 5 or one.date() in free for one in clocks])
    is_open = np.array([8 <= one.hour < 18 for one in clocks])
    values = 40 + 30 * is_open * np.where(is_free, 0.3, 1.0)
    return at, values + noise(np.random.default_rng(seed), len(at))


def scores(made: Forecast, came: Floats) -> tuple[float, float, float]:
    held = (made.low <= came) & (came <= made.high)
    error = np.abs(made.value - came).mean()
    return float(error), float((made.high - made.low).mean()), float(held.mean())


def tell(case: str, way: str, rows: list[tuple[float, float, float]]) -> None:
    mae, width, held = np.mean(rows, axis=0)
    figures = {"mae": round(mae, 2), "band_width": round(width, 2), "held": round(held, 3)}
    print(json.dumps({"bench": "forecast_worlds", "case": case, "way": way} | figures), flush=True)


def by_calendars(
    day: str, weeks: int, seeds: int, free: frozenset[date], ways: dict[str, Calendar]
) -> None:
    end = datetime.fromisoformat(day).replace(tzinfo=BERLIN).astimezone(UTC)
    for way, calendar in ways.items():
        rows = []
        for seed in range(seeds):
            at, values = office(end, weeks, seed, free)
            grid = to_calendar_grid(at[:-DAY], values[:-DAY], 3_600, calendar)
            rows.append(scores(forecast(grid, DAY), values[-DAY:]))
        tell(day, way, rows)


def shifted(days: int, seed: int) -> Floats:
    """A rhythm whose level rises by 40, `days` before the last two days."""
    hours = np.arange(8 * 7 * DAY + 48)
    rhythm = 60 + 8 * np.sin(2 * np.pi * hours / DAY) + 4 * (hours // DAY % 7 >= 5)
    step = 40.0 * (hours >= len(hours) - 48 - days * DAY)
    return rhythm + step + noise(np.random.default_rng(seed), len(hours))


def after_shifts(days: int, seeds: int) -> None:
    real = level_shift.align
    ways: dict[str, Callable[..., AlignedPast]] = {
        "the past as it was": lambda values, *_rest: AlignedPast(values, ()),
        "the past at the new level": real,
    }
    for way, align in ways.items():
        level_shift.align = align
        series = [shifted(days, seed) for seed in range(seeds)]
        rows = [scores(forecast(SeriesGrid(0, 3_600, v[:-48]), 48), v[-48:]) for v in series]
        tell(f"{days} days after a shift", way, rows)
    level_shift.align = real


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=6)
    seeds = options.parse_args().seeds
    for day in CLOCKS:
        by_calendars(day, 8, seeds, frozenset(), {"UTC": Calendar(), "zone": Calendar(BERLIN)})
    ways = {"zone": Calendar(BERLIN), "zone and holidays": Calendar(BERLIN, GERMAN)}
    for day in HOLIDAYS:
        by_calendars(day, 26, seeds, GERMAN(2024, 2026), ways)
    for days in SHIFTED_DAYS:
        after_shifts(days, seeds)


if __name__ == "__main__":
    main()
