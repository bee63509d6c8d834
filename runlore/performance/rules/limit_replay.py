"""Limits of time or memory, replayed on runs whose needs are known: what they save, what they kill.

A limit that kills a run costs that run twice: the limit was spent in vain, and the run is repeated
with what its user requested.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.kernel.intervals import Interval
from runlore.plots.style import wilson

Floats = NDArray[np.float64]

LAST_RUNS = 10  # of an actor, of which the rule of thumb takes the largest
MARGIN = 1.15  # and what it adds to that


@dataclass(frozen=True, eq=False)
class LimitedRuns:
    """n runs with what each needed and what its user requested, in one unit; NaN: not known.

    weight: (n,), what a unit of the request costs, such as the processors of a run; a run's hours
    where the unit is memory. is_good: runs that completed, which no limit should have killed.
    """

    needed: Floats
    requested: Floats
    is_good: NDArray[np.bool_]
    weight: Floats

    def take(self, chosen: NDArray[np.bool_]) -> "LimitedRuns":
        return LimitedRuns(*(values[chosen] for values in vars(self).values()))


@dataclass(frozen=True)
class LimitReplay:
    """What a limit would have done to `runs` runs that requested something.

    within: the share of runs that need no more than they were granted. killed: how many of the
    `good` ones the limit ends that their request did not; `killed_interval` is of that share,
    95 %. requested, granted, needed: sums over the runs, weighted. repeated: what the killed ones
    request when they are run again.
    """

    runs: int
    good: int
    within: float
    killed: int
    killed_interval: Interval
    requested: float
    granted: float
    repeated: float
    needed: float

    @property
    def killed_share(self) -> float:
        return self.killed / self.good if self.good else float("nan")

    @property
    def saved(self) -> float:
        """In the requests' unit, with the repeated runs paid for; below 0: it cost more."""
        return self.requested - self.granted - self.repeated

    @property
    def saved_share(self) -> float:
        return self.saved / self.requested if self.requested else float("nan")


def replay_limit(runs: LimitedRuns, limit: Floats) -> LimitReplay:
    """Replay a limit, (n,), on runs; NaN: the run keeps its request, and none is above its request.

    Runs without a request or whose need is not known are left out. With the requests themselves as
    the limit, it is what the users did: nothing is saved, and no run is killed that was not.
    """
    is_usable = np.isfinite(runs.needed) & np.isfinite(runs.requested) & (runs.requested > 0)
    mine, limit = runs.take(is_usable), limit[is_usable]
    granted = np.fmin(np.where(np.isnan(limit), mine.requested, limit), mine.requested)
    is_within = mine.needed <= granted
    is_killed = mine.is_good & ~is_within & (granted < mine.requested)
    good, killed = int(mine.is_good.sum()), int(is_killed.sum())
    return LimitReplay(
        runs=len(granted),
        good=good,
        within=float(is_within.mean()) if len(granted) else float("nan"),
        killed=killed,
        killed_interval=_share_interval(killed, good),
        requested=float(mine.weight @ mine.requested),
        granted=float(mine.weight @ granted),
        repeated=float((mine.weight * mine.requested)[is_killed].sum()),
        needed=float(mine.weight @ np.fmin(mine.needed, mine.requested)),
    )


@dataclass(frozen=True, eq=False)
class PastRuns:
    """n runs of all actors; `known_us`: when what a run needed became known. Instants in µs."""

    actor: NDArray[np.object_]
    submitted_us: NDArray[np.int64]
    known_us: NDArray[np.int64]
    needed: Floats


def largest_of_last(runs: PastRuns, last: int = LAST_RUNS, margin: float = MARGIN) -> Floats:
    """(n,): the rule of thumb, the largest need among an actor's last runs, with a margin.

    It counts what was known when a run was submitted; NaN: nothing was.
    """
    actor = pd.factorize(runs.actor)[0]
    ended = pd.DataFrame({"actor": actor, "at": runs.known_us, "needed": runs.needed})
    ended = ended[np.isfinite(runs.needed)].sort_values(["at"], kind="stable")
    rolling = ended.groupby("actor")["needed"].rolling(last, min_periods=1).max()
    ended["largest"] = rolling.droplevel(0)
    requests = pd.DataFrame(
        {"actor": actor, "at": runs.submitted_us, "place": np.arange(len(actor))}
    )
    requests = requests.sort_values("at", kind="stable")
    known = pd.merge_asof(requests, ended[["actor", "at", "largest"]], on="at", by="actor")
    limits = np.full(len(actor), np.nan)
    limits[known["place"].to_numpy()] = known["largest"].to_numpy(dtype=np.float64) * margin
    return limits


def _share_interval(count: int, n: int) -> Interval:
    if not n:
        return Interval(float("nan"), float("nan"))
    low, high = wilson(np.array([float(count)]), np.array([float(n)]))
    return Interval(float(low[0]), float(high[0]))
