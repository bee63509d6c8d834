"""What better limits would have saved: policies replayed on the future part of a log."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.durations import HOUR_S
from runlore.look.rules.findings import LimitFindings, Measured
from runlore.performance.rules.limit_replay import LimitedRuns, LimitReplay, replay_limit
from runlore.training.rules.bootstrap import draw_blocks, percentile

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_RUNS = 100  # with a request, on which a policy is replayed
GIB = 2.0**30


@dataclass(frozen=True, eq=False)
class LimitPolicy:
    """name: in words. limit: (n,), in the unit of the requests; NaN: the run keeps its request."""

    name: str
    limit: Floats


@dataclass(frozen=True, eq=False)
class TimeRequests:
    """The runs of the future part. weight_name: what a run's hours are multiplied by."""

    at_us: Ints
    runs: LimitedRuns
    weight_name: str


def replay_times(
    requests: TimeRequests, policies: tuple[LimitPolicy, ...], price_per_hour: float | None
) -> tuple[LimitFindings, ...]:
    """Replay limits of time; empty where too few runs requested one."""
    usable = np.isfinite(requests.runs.needed) & np.isfinite(requests.runs.requested)
    if usable.sum() < LEAST_RUNS:
        return ()
    at_us, runs = requests.at_us[usable], requests.runs.take(usable)
    unit = "hours" if requests.weight_name == "" else f"{requests.weight_name} hours"
    found = []
    for policy in policies:
        limit = policy.limit[usable]
        replayed = replay_limit(runs, limit)
        saved = _saved_share(at_us, runs, limit, replayed)
        amount = replayed.saved / HOUR_S
        found.append(
            LimitFindings(
                resource="time",
                policy=policy.name,
                unit=unit,
                runs=replayed.runs,
                requested=replayed.requested / HOUR_S,
                needed=replayed.needed / HOUR_S,
                saved_amount=amount,
                saved=saved,
                killed=Measured.of(replayed.killed_share, replayed.killed_interval, replayed.good),
                within=replayed.within,
                price=None if price_per_hour is None else amount * price_per_hour,
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
    replicates = blocks.sums(saved) / blocks.sums(runs.weight * runs.requested)
    return Measured.of(replayed.saved_share, percentile(replicates), replayed.runs)
