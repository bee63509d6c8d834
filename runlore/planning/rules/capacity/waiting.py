"""Waiting of a pool of some size, and the smallest size that meets an objective."""

import re
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.durations import HOUR_S
from runlore.kernel.errors import BadInput
from runlore.planning.rules.capacity.arrivals import ArrivalRuns
from runlore.planning.rules.capacity.lengths import read_length_s
from runlore.planning.rules.capacity.queueing import simulate_waits

OBJECTIVE = re.compile(r"(\d+(?:\.\d+)?)\s*%\s+start\s+within\s+(.+)")
LARGEST = 100_000
QUANTILES = (0.5, 0.95)


@dataclass(frozen=True)
class StartObjective:
    """share: of tasks that wait at most within_h open hours."""

    share: float
    within_h: float

    def __str__(self) -> str:
        return f"{100 * self.share:g}% start within {60 * self.within_h:g} min"


@dataclass(frozen=True)
class Waiting:
    """Of simulated tasks, in open hours. low, high: the middle 90 % of runs of the mean.

    share: of tasks that met the objective, with that of runs; None: no objective.
    """

    size: float
    tasks: int
    runs: int
    mean_h: float
    low_h: float
    high_h: float
    median_h: float
    p95_h: float
    share: float | None = None
    share_low: float | None = None
    share_high: float | None = None


def read_objective(text: str) -> StartObjective:
    """Raises BadInput for what is no such sentence.

    >>> read_objective("95% start within 10min")
    StartObjective(share=0.95, within_h=0.16666666666666666)
    """
    found = OBJECTIVE.fullmatch(text.strip())
    if not found:
        raise BadInput(
            f"objective: {text[:60]!r} is not such as '95% start within 10min'", "objective"
        )
    share = float(found[1]) / 100
    if not 0 < share < 1:
        raise BadInput(f"objective: {found[1]} % is not between 0 and 100", "objective")
    return StartObjective(share, read_length_s(found[2], "objective") / HOUR_S)


def judge_waiting(runs: ArrivalRuns, size: float, objective: StartObjective | None) -> Waiting:
    """Simulate a size."""
    waits = simulate_waits(runs.arrivals, runs.services, runs.slots, size)
    counted = np.where(runs.is_counted, waits, np.nan)
    means = np.nanmean(counted, axis=1)
    every = counted[runs.is_counted]
    low, high = np.quantile(means, [0.05, 0.95])
    median, p95 = np.quantile(every, QUANTILES)
    shares = (None, None, None) if objective is None else _shares(runs, counted, objective)
    return Waiting(
        size,
        len(every),
        len(means),
        float(every.mean()),
        float(low),
        float(high),
        float(median),
        float(p95),
        *shares,
    )


def find_size(runs: ArrivalRuns, objective: StartObjective, start: float) -> float | None:
    """The smallest whole size at which so many tasks start in time; None: not even LARGEST.

    start: a size to begin with. By bisection over the same arrivals (common random numbers): with
    more slots nobody waits longer.
    """

    def meets(size: int) -> bool:
        share = judge_waiting(runs, size, objective).share
        return share is not None and share >= objective.share

    high = max(ceil(start), 1)
    low = 0
    while not meets(high):
        low, high = high, 2 * high
        if high > LARGEST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if meets(middle):
            high = middle
        else:
            low = middle
    return float(high)


def _shares(
    runs: ArrivalRuns, counted: NDArray[np.float64], wanted: StartObjective
) -> tuple[float, float, float]:
    is_met = counted <= wanted.within_h + 1e-9
    by_run = is_met.sum(axis=1) / np.maximum(runs.is_counted.sum(axis=1), 1)
    low, high = np.quantile(by_run, [0.05, 0.95])
    return float(is_met.sum() / runs.is_counted.sum()), float(low), float(high)
