"""What better limits would have saved: policies replayed on the future part of a log."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runlore.look.rules.findings import LimitFindings, Measured
from runlore.performance.rules.limit_replay import LimitedRuns, LimitReplay, replay_limit
from runlore.training.rules.bootstrap import draw_blocks, percentile

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DECIMALS = 6  # of shares and hours; what is left of large sums beyond them is rounding
LEAST_RUNS = 100  # with a request, on which a policy is replayed


@dataclass(frozen=True, eq=False)
class LimitPolicy:
    """name: in words. limit: (n,), in the unit of the requests; NaN: the run keeps its request."""

    name: str
    limit: Floats


@dataclass(frozen=True, eq=False)
class Requests:
    """The runs of the future part. unit: of the sums, in words, and `per_unit` of what is weighted
    make one of it."""

    resource: Literal["time", "memory"]
    at_us: Ints
    runs: LimitedRuns
    unit: str
    per_unit: float


def replay(
    requests: Requests, policies: tuple[LimitPolicy, ...], price: float | None = None
) -> tuple[LimitFindings, ...]:
    """Replay limits; empty where too few runs requested something. price: of one unit."""
    usable = np.isfinite(requests.runs.needed) & np.isfinite(requests.runs.requested)
    if usable.sum() < LEAST_RUNS:
        return ()
    at_us, runs = requests.at_us[usable], requests.runs.take(usable)
    found = []
    for policy in policies:
        limit = policy.limit[usable]
        replayed = replay_limit(runs, limit)
        amount = round(replayed.saved / requests.per_unit, DECIMALS)
        found.append(
            LimitFindings(
                resource=requests.resource,
                policy=policy.name,
                unit=requests.unit,
                runs=replayed.runs,
                requested=replayed.requested / requests.per_unit,
                needed=replayed.needed / requests.per_unit,
                saved_amount=amount,
                saved=_saved_share(at_us, runs, limit, replayed),
                killed=Measured.of(replayed.killed_share, replayed.killed_interval, replayed.good),
                within=replayed.within,
                price=None if price is None else amount * price,
            )
        )
    return tuple(found)


def _saved_share(at_us: Ints, runs: LimitedRuns, limit: Floats, replayed: LimitReplay) -> Measured:
    """The saved share with its interval by block bootstrap over the runs in time order."""
    granted = np.fmin(np.where(np.isnan(limit), runs.requested, limit), runs.requested)
    is_killed = runs.is_good & (runs.needed > granted) & (granted < runs.requested)
    repeated = np.where(is_killed, runs.requested, 0.0)
    saved = runs.weight * (runs.requested - granted - repeated)
    blocks = draw_blocks(at_us)
    with np.errstate(invalid="ignore", divide="ignore"):
        replicates = blocks.sums(saved) / blocks.sums(runs.weight * runs.requested)
    value = round(replayed.saved_share, DECIMALS)
    return Measured.of(value, percentile(np.round(replicates, DECIMALS)), replayed.runs)
