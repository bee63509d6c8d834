"""Windows are rows of slices: whole days where a window is whole days, else whole hours."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from runlore.features.declaration import FeaturePlan
from runlore.features.matrix import Log
from runlore.kernel.durations import DAY_S, HOUR_S
from runlore.kernel.instants import from_us, to_us
from runlore.log.executions import has_submissions, last_submission
from runlore.records.validate import EARLIEST_US
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Store

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """Slices of one length, numbered from 1970: number k holds what came after k lengths, until
    k + 1 lengths."""

    length_us: int

    def of(self, at_us: Ints) -> Ints:
        return (at_us - 1) // self.length_us

    def begin(self, number: int) -> datetime:
        return from_us(number * self.length_us)

    def ended_by(self, at: datetime) -> int:
        """The number of the first slice that has not ended."""
        return to_us(at) // self.length_us


@dataclass(frozen=True)
class SliceRange:
    """Slices from number `first` on, before number `last`."""

    grid: Grid
    first: int
    last: int

    @property
    def numbers(self) -> range:
        return range(self.first, self.last)

    @property
    def begin(self) -> datetime:
        return self.grid.begin(self.first)

    @property
    def end(self) -> datetime:
        return self.grid.begin(self.last)

    @property
    def length_s(self) -> float:
        return (self.last - self.first) * self.grid.length_us / 1e6


def grid_of(window_s: float) -> Grid:
    """The longest of days, hours or the window itself that fit into it without a rest."""
    lengths = (DAY_S, HOUR_S, window_s)
    fitting = next(length for length in lengths if length <= window_s and not window_s % length)
    return Grid(round(fitting * 1e6))


def ending(at: datetime, window_s: float) -> SliceRange:
    """The newest window whose slices had all ended at an instant."""
    grid = grid_of(window_s)
    last = grid.ended_by(at)
    return SliceRange(grid, last - round(window_s * 1e6) // grid.length_us, last)


def newest(store: Store, spec: ModelSpec, at: datetime, window_s: float) -> tuple[SliceRange, str]:
    """The window before `at`; where the log had ended by then, its last one, and a note of it."""
    asked, members = ending(at, window_s), spec.population
    if has_submissions(store, asked.begin, asked.end, members):
        return asked, ""
    last = last_submission(store, asked.end, members)
    if last is None or last > asked.begin:
        return asked, ""
    if to_us(last) == EARLIEST_US:
        return asked, "The log says no times: it has no last window."
    grid, size = asked.grid, asked.last - asked.first
    end = (to_us(last) - 1) // grid.length_us + 1
    note = f"The log ends on {last:%Y-%m-%d %H:%M} UTC: this is its last window."
    return SliceRange(grid, end - size, end), note


def within(window_s: float, first_us: int, last_us: int, most: int) -> list[SliceRange]:
    """Up to `most` windows that lie between two instants, up to the last, the earliest first."""
    grid = grid_of(window_s)
    size = round(window_s * 1e6) // grid.length_us
    end, start = (last_us // grid.length_us), -(-first_us // grid.length_us)
    count = min((end - start) // size, most)
    return [SliceRange(grid, end - n * size, end - (n - 1) * size) for n in range(count, 0, -1)]


def population(log: Log, spec: ModelSpec) -> NDArray[np.bool_]:
    """The executions that the spec speaks of, whether or not they have ended: (N,)."""
    belongs = np.ones(len(log.executions), dtype=bool)
    for column, names in (("kind", spec.population.kinds), ("source", spec.population.sources)):
        if names:
            belongs &= log.executions[column].isin(names).to_numpy()
    if out := spec.population.without_actors:
        belongs &= ~log.executions["actor"].isin(out).to_numpy()
    return belongs


def incomparable(plan: FeaturePlan, window_s: float) -> tuple[str, ...]:
    """Calendar features that a window of this length holds only part of, whatever happens."""
    if not plan.has_calendar:
        return ()
    parts = (("hour", 24), ("weekday", 7 * 24), ("hour_of_week", 7 * 24))
    return tuple(name for name, hours in parts if window_s % (hours * HOUR_S))
