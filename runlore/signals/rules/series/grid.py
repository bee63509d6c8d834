"""A series on a regular grid, as forecasting needs it: one value a step, gaps named."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.errors import BadInput

Floats = NDArray[np.float64]
Instants = NDArray[np.int64]  # microseconds since 1970

SECOND_US = 1_000_000
STEPS_S = (
    *(1, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_200, 1_800),
    *(3_600, 7_200, 10_800, 14_400, 21_600, 43_200, 86_400, 604_800),
)
MOST_CELLS = 200_000


@dataclass(frozen=True)
class HolidayDays:
    """days: of each step of the past and of the horizon, since 1970 in the series' zone.

    is_holiday: of the same steps. a_day: steps of a day.
    """

    days: Instants
    is_holiday: NDArray[np.bool_]
    a_day: int


@dataclass(frozen=True)
class SeriesGrid:
    """values: the mean of the points of each step, in their order; NaN where none came.

    start_us: when the first step begins. step_s: its length in seconds.
    """

    start_us: int
    step_s: int
    values: Floats

    @property
    def end_us(self) -> int:
        """When the last step ends, and the first forecast step begins."""
        return self.start_us + len(self.values) * self.step_s * SECOND_US

    def instant(self, step: int) -> int:
        """When a step of the past begins."""
        return self.start_us + step * self.step_s * SECOND_US

    def until(self, end: int) -> "SeriesGrid":
        """The first `end` steps."""
        return replace(self, values=self.values[: max(end, 0)])

    def in_utc(self) -> "SeriesGrid":
        """The same by UTC, where it is by another clock."""
        return self

    def places_ahead(self, horizon: int) -> Instants:
        """Which of the steps after the last one each step to come is, by the clock of the grid."""
        return np.arange(horizon)

    def holiday_days(self, _horizon: int) -> HolidayDays | None:
        """The days of the steps and of those to come; None: no holiday is among them."""
        return None


def find_step(at: Instants) -> int:
    """The usual distance of points in seconds, rounded to one of STEPS_S.

    at: ascending. Raises BadInput for fewer than two instants.
    """
    gaps = np.diff(np.unique(at)) / SECOND_US
    if not len(gaps):
        raise BadInput("a series needs points of at least two instants")
    steps = np.asarray(STEPS_S)
    return int(steps[np.abs(np.log(steps / np.median(gaps))).argmin()])


def to_grid(at: Instants, values: Floats, step_s: int | None = None) -> SeriesGrid:
    """Average the points of each step.

    at: ascending, in microseconds. step_s: None takes the usual distance of the points. Of a series
    that would have more than MOST_CELLS steps, the newest are taken.
    """
    step_s = step_s or find_step(at)
    cells = at // (step_s * SECOND_US)
    is_taken = cells > cells[-1] - MOST_CELLS
    cells, taken = cells[is_taken], values[is_taken]
    index = cells - cells[0]
    counts = np.bincount(index)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.bincount(index, weights=taken) / counts
    return SeriesGrid(int(cells[0]) * step_s * SECOND_US, step_s, means)


def fill_gaps(values: Floats, season: int) -> Floats:
    """Fill steps without a point: by the step one season before, else along a line.

    season: its length in steps.
    """
    filled = values.copy()
    for _ in range(2):  # a gap of more than a season is filled from the one before it
        gaps = np.flatnonzero(np.isnan(filled[season:])) + season
        filled[gaps] = filled[gaps - season]
    is_gap = np.isnan(filled)
    if is_gap.any():
        places = np.arange(len(filled))
        filled[is_gap] = np.interp(places[is_gap], places[~is_gap], filled[~is_gap])
    return filled
