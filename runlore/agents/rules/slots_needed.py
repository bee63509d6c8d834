"""How many slots agents need, so that tasks begin soon: the window's own tasks, drawn anew."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.capacity.queueing import simulate_waits

SHARE, WITHIN_S = 0.95, 600.0  # so many tasks begin so soon
LEAST_TASKS = 50
MOST_TASKS = 500  # the newest: bounds the time of a simulation
RUNS, BLOCKS = 40, 20
LARGEST = 10_000
LEVELS = (0.95, 0.5, 0.05)  # of draws: the low, middle and high number
SEED = 2032
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SlotsNeeded:
    """The smallest number at which 95 % of tasks begin within 10 minutes, with an interval of 90 %.

    reason: why it is not known; empty: it is known.
    """

    tasks: int
    middle: int | None = None
    low: int | None = None
    high: int | None = None
    reason: str = ""


def find_slots(arrivals_s: Floats, services_s: Floats) -> SlotsNeeded:
    """arrivals_s: when tasks were created, ascending. services_s: the work on
    ended ones.

    Waiting is simulated (Kiefer & Wolfowitz 1955) for arrivals drawn in blocks of the log, so that
    bursts stay, and for services drawn one by one. The interval is that of such draws.
    """
    arrivals_s = arrivals_s[-MOST_TASKS:]
    count = len(arrivals_s)
    if count < LEAST_TASKS or len(services_s) < LEAST_TASKS:
        reason = f"that takes {LEAST_TASKS} tasks, {LEAST_TASKS} of them ended"
        return SlotsNeeded(count, reason=reason)
    rng = np.random.default_rng(SEED)
    arrivals = _drawn(np.diff(arrivals_s), rng)
    services = rng.choice(services_s, arrivals.shape)
    shares: dict[int, Floats] = {}

    def share_of(size: int) -> Floats:
        if size not in shares:
            waits = simulate_waits(arrivals, services, np.ones_like(arrivals), float(size))
            shares[size] = (waits <= WITHIN_S).mean(axis=1)
        return shares[size]

    # With few slots the luckiest draws are in time, with more the usual ones, then nearly all.
    low, middle, high = (_smallest(share_of, level) for level in LEVELS)
    if high is None:
        return SlotsNeeded(count, reason=f"more than {LARGEST:,} slots would be needed")
    return SlotsNeeded(count, middle, low, high)


def _drawn(gaps: Floats, rng: np.random.Generator) -> Floats:
    """Instants of RUNS runs out of blocks of consecutive gaps."""
    length = max(1, len(gaps) // BLOCKS)
    starts = rng.integers(0, len(gaps) - length + 1, (RUNS, -(-len(gaps) // length)))
    drawn = gaps[(starts[:, :, None] + np.arange(length)).reshape(RUNS, -1)]
    return np.cumsum(drawn, axis=1)


def _smallest(share_of: Callable[[int], Floats], level: float) -> int | None:
    """By bisection: with more slots nobody waits longer."""
    low, high = 0, 1
    while np.quantile(share_of(high), level) < SHARE:
        low, high = high, 2 * high
        if high > LARGEST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if np.quantile(share_of(middle), level) >= SHARE:
            high = middle
        else:
            low = middle
    return high
