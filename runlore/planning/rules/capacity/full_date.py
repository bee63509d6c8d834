"""When demand exceeds capacity: the first week whose demand is more than its capacity."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.capacity.demand_paths import LEAST_DAYS, WEEK, DemandPaths

Floats = NDArray[np.float64]
FullState = Literal["full", "expected", "unlikely", "unknown"]
QUIET_DAYS = 14
LEVEL = 0.9


@dataclass(frozen=True)
class FullDate:
    """When the pool is full, in days after the last one of the past; None: beyond the horizon.

    "full": the last week's demand exceeded its capacity. "expected": at least half of the paths do
    so within the horizon. "unlikely": fewer. "unknown": reason says why. early, late: ends of the
    interval of `level`. probability: of a full week within the horizon. chances: of one within so
    many days, by day.
    """

    state: FullState
    level: float = LEVEL
    reason: str = ""
    early: int | None = None
    median: int | None = None
    late: int | None = None
    probability: float | None = None
    chances: Floats | None = None

    def chance_within(self, days: int) -> float:
        """Of a full week within so many days; 0: nothing is known."""
        if self.state == "full":
            return 1.0
        if self.chances is None or not len(self.chances):
            return 0.0
        return float(self.chances[min(days, len(self.chances)) - 1])


@dataclass(frozen=True, eq=False)
class FirstPassage:
    """The first day on which paths are over a line, from 1; None: beyond the horizon.

    early, late: ends of the interval. chances: of one within so many days, by day.
    """

    early: int | None
    median: int | None
    late: int | None
    probability: float
    chances: Floats


def why_unknown(past: Floats) -> str:
    """Why demand cannot be forecast from these days; empty: it can."""
    if not past.any():
        return "the log has no task of this pool"
    quiet = len(past) - 1 - int(np.flatnonzero(past)[-1])
    if quiet >= QUIET_DAYS:
        return f"no task came in the last {quiet} days"
    seen = len(past) - int(np.flatnonzero(past)[0])
    if seen < LEAST_DAYS:
        return f"the log has {seen} days of demand; {LEAST_DAYS} are needed"
    return ""


def find_full_date(
    past: Floats, paths: DemandPaths, capacity: Floats, level: float = LEVEL
) -> FullDate:
    """past: demand a day. capacity: slot-hours of the days of the past and the horizon."""
    days = len(past)
    weekly = week_sums(capacity[days - WEEK :])
    if past[-WEEK:].sum() > weekly[0]:
        return FullDate("full", level, early=0, median=0, late=0, probability=1.0)
    recent = np.repeat(past[-(WEEK - 1) :, None], paths.values.shape[1], axis=1)
    demand = week_sums(np.concatenate([recent, paths.values]))
    found = find_passage(demand > weekly[1:, None], level)
    state: FullState = "expected" if found.median is not None else "unlikely"
    return FullDate(state, level, "", **vars(found))


def find_passage(is_over: NDArray[np.bool_], level: float) -> FirstPassage:
    """Of (days, paths): whether a path is over a line on a day."""
    first = np.sort(np.where(is_over.any(axis=0), is_over.argmax(axis=0) + 1.0, np.inf))
    tail = (1 - level) / 2
    early, median, late = (_day(first, share) for share in (tail, 0.5, 1 - tail))
    probability = float(np.isfinite(first).mean())
    chances = np.searchsorted(first, np.arange(1, len(is_over) + 1), side="right") / len(first)
    return FirstPassage(early, median, late, probability, chances)


def week_sums(values: Floats) -> Floats:
    """Sums of seven days in a row, along the first axis."""
    sums = np.cumsum(np.concatenate([np.zeros_like(values[:1]), values]), axis=0)
    return np.asarray(sums[WEEK:] - sums[:-WEEK])


def _day(first: Floats, share: float) -> int | None:
    day = first[min(int(share * len(first)), len(first) - 1)]
    return int(day) if np.isfinite(day) else None
