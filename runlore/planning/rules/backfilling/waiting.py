"""How long jobs waited under a schedule, and what one schedule gains on another."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.intervals import Interval
from runlore.planning.rules.backfilling.schedule import Schedule
from runlore.planning.rules.backfilling.workload import Floats, Ints, Workload

SHORTEST_S = 10.0  # shorter jobs count as this long: they would dominate the mean
WEEK_S = 7 * 86_400.0
LEAST_WEEKS = 6  # fewer cannot say how much weeks differ
RESAMPLES = 2_000
SEED = 29


@dataclass(frozen=True)
class WaitingTimes:
    """slowdown: mean bounded slowdown."""

    jobs: int
    slowdown: float
    wait_mean_s: float
    wait_median_s: float
    wait_p99_s: float
    wait_longest_s: float


def slowdowns(jobs: Workload, schedule: Schedule) -> Floats:
    """(n,) max(1, (wait + run) / max(run, 10 s)).

    Source: Feitelson, Rudolph, Schwiegelshohn, Sevcik, Wong, "Theory and practice in parallel job
    scheduling", JSSPP 1997.
    """
    response = schedule.started_s - jobs.submitted_s + jobs.ran_s
    return np.maximum(response / np.maximum(jobs.ran_s, SHORTEST_S), 1.0)


def measure_waiting(
    jobs: Workload, schedule: Schedule, is_counted: NDArray[np.bool_]
) -> WaitingTimes:
    """Of the counted jobs, one at least."""
    waits = (schedule.started_s - jobs.submitted_s)[is_counted]
    return WaitingTimes(
        len(waits),
        float(slowdowns(jobs, schedule)[is_counted].mean()),
        float(waits.mean()),
        float(np.median(waits)),
        float(np.quantile(waits, 0.99)),
        float(waits.max()),
    )


@dataclass(frozen=True)
class WaitGain:
    """share: by which a mean falls, 0.1 is 10 % less; interval: 95 %. -inf: it was 0 before."""

    share: float
    interval: Interval

    @property
    def is_shown(self) -> bool:
        return self.interval.low > 0


def measure_gain(submitted_s: Floats, before: Floats, after: Floats) -> WaitGain:
    """What the mean of a value falls by, both values of the same jobs.

    The interval is a paired bootstrap of whole weeks of submission, percentiles; fewer than six
    weeks have none.
    """
    week = weeks_of(submitted_s)
    sums = np.stack([np.bincount(week, before), np.bincount(week, after)])
    share = float(_falls(*sums.sum(axis=1, keepdims=True))[0])
    count = sums.shape[1]
    if count < LEAST_WEEKS:
        return WaitGain(share, Interval(-np.inf, np.inf))
    drawn = np.random.default_rng(SEED).integers(0, count, (RESAMPLES, count))
    low, high = np.quantile(_falls(*sums[:, drawn].sum(axis=2)), [0.025, 0.975], method="nearest")
    return WaitGain(share, Interval(float(low), float(high)))


def _falls(before: Floats, after: Floats) -> Floats:
    """1 - after / before; where nothing was before: 0 if nothing is after, else minus infinity."""
    nothing = np.where(after > 0, -np.inf, 0.0)
    return np.where(before > 0, 1 - after / np.where(before > 0, before, 1.0), nothing)


def weeks_of(submitted_s: Floats) -> Ints:
    """(n,) the week of each submission, counted from the first one."""
    weeks: Ints = ((submitted_s - submitted_s[0]) // WEEK_S).astype(np.int64)
    return weeks
