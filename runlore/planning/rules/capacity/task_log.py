"""Tasks of a pool as arrays, and the slot-hours that they take a day."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Instants = NDArray[np.int64]  # microseconds since 1970
HOUR_US = 3_600_000_000
LEAST_SLOTS = 1e-9


@dataclass(frozen=True, eq=False)
class TaskLog:
    """One row a task, by submission. start, end: -1 where it is not known yet.

    slots: that it takes. share: of its work that falls to the pool, where several serve its kind.
    """

    submitted: Instants
    start: Instants
    end: Instants
    slots: Floats
    share: Floats

    def __len__(self) -> int:
        return len(self.submitted)

    @property
    def is_finished(self) -> NDArray[np.bool_]:
        return (self.end >= 0) & (self.start >= 0)

    def hours(self, as_of_us: int) -> Floats:
        """How long each takes: as it did; one that runs as those that took longer than it has so
        far, and one that waits as all do."""
        finished = self.is_finished
        took = np.where(finished, self.end - self.start, 0) / HOUR_US
        so_far = np.where(self.start >= 0, as_of_us - self.start, 0).clip(0) / HOUR_US
        return np.where(finished, took, _mean_beyond(took[finished], so_far))

    def taken(self, rows: NDArray[np.bool_]) -> "TaskLog":
        return TaskLog(
            self.submitted[rows],
            self.start[rows],
            self.end[rows],
            self.slots[rows],
            self.share[rows],
        )


def demand_by_day(log: TaskLog, bounds: Instants, as_of_us: int) -> Floats:
    """Slot-hours of the tasks submitted each day, whenever they run: (days,).

    bounds: when each day begins, and the last one ends.
    """
    work = log.hours(as_of_us) * log.slots * log.share
    return np.histogram(log.submitted, bounds, weights=work)[0].astype(np.float64)


def use_by_day(log: TaskLog, bounds: Instants, as_of_us: int) -> Floats:
    """Slot-hours that were occupied each day; a task that runs is occupied until now: (days,)."""
    running = log.start >= 0
    start = log.start[running]
    end = np.where(log.end[running] >= 0, log.end[running], as_of_us)
    weight = (log.slots * log.share)[running]
    return np.diff(_occupied_until(start, np.maximum(end, start), weight, bounds))


def _occupied_until(start: Instants, end: Instants, weight: Floats, at: Instants) -> Floats:
    """Slot-hours before each instant: those of tasks begun, less those that they run after it."""
    return (_area(start, weight, at) - _area(end, weight, at)) / HOUR_US


def _area(since: Instants, weight: Floats, at: Instants) -> Floats:
    """Sum of weight × (at - since) over what was before."""
    order = np.argsort(since, kind="stable")
    ordered, heavy = (since[order] - at[0]).astype(np.float64), weight[order]
    count = np.searchsorted(since[order], at, side="right")
    total = np.concatenate([[0.0], np.cumsum(heavy)])[count]
    moment = np.concatenate([[0.0], np.cumsum(heavy * ordered)])[count]
    return np.asarray(total * (at - at[0]) - moment)


def _mean_beyond(seen: Floats, least: Floats) -> Floats:
    """The mean of those of `seen` above each value; where none is, their largest."""
    if not len(seen):
        return np.zeros_like(least)
    ordered = np.sort(seen)
    sums = np.concatenate([np.cumsum(ordered[::-1])[::-1], [0.0]])
    first = np.searchsorted(ordered, least, side="right")
    count = len(ordered) - first
    return np.where(count > 0, sums[first] / np.maximum(count, 1), ordered[-1])
