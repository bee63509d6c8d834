"""Limits of time and of memory, replayed on the future part of a log."""

import numpy as np
from numpy.typing import NDArray

from runlore.features.log import Log
from runlore.kernel.durations import HOUR_S
from runlore.kernel.errors import RunloreError
from runlore.look.actions.learning import (
    REQUESTED_MEMORY,
    REQUESTED_TIMES,
    Learned,
    Say,
    learn,
    past_runs,
    requested,
)
from runlore.look.rules import savings, specs
from runlore.look.rules.findings import LimitFindings
from runlore.look.rules.savings import LimitPolicy, Requests
from runlore.performance.rules.limit_replay import LimitedRuns, largest_of_last
from runlore.training.rules.trained import CHECKED_LEVELS

Floats = NDArray[np.float64]

LEAST_LEVEL = 0.95  # of the quantiles that are replayed as limits
RULE_OF_THUMB = "the longest of the last ten runs + 15 %"
LARGEST = "the most of the last ten runs + 15 %"
GIB = 2.0**30
PROCESSORS = (("processors", "processor"), ("cpus", "CPU"))


def time_limits(learned: Learned, price_per_hour: float | None) -> tuple[LimitFindings, ...]:
    """What limits of time would have saved; empty where the log has too few requested times."""
    log, tested = learned.log, learned.tested
    request = requested(log, REQUESTED_TIMES)
    if request is None:
        return ()
    past = past_runs(log, "duration_s")
    weight, name = _weight(log)
    runs = LimitedRuns(past.needed[tested], request[tested], _is_good(learned), weight[tested])
    policies = (
        *_quantiles(learned),
        LimitPolicy(RULE_OF_THUMB, largest_of_last(past)[tested]),
    )
    unit = f"{name} hours".strip()
    requests = Requests("time", learned.trained.test.as_of_us, runs, unit, HOUR_S)
    return savings.replay(requests, policies, price_per_hour)


def memory_limits(log: Log, say: Say) -> tuple[LimitFindings, ...]:
    """What limits of memory would have saved; empty where the log has too few requests or peaks.

    A run is weighted by its hours, where these are known.
    """
    request = requested(log, REQUESTED_MEMORY)
    past = past_runs(log, specs.MEMORY.question.of)
    if request is None or np.isfinite(past.needed * request).sum() < savings.LEAST_RUNS:
        return ()
    say("learning how much memory runs need")
    try:
        learned = learn(log, specs.MEMORY, lambda text: say(f"memory: {text}"))
    except RunloreError:
        return ()
    tested = learned.tested
    hours = past_runs(log, "duration_s").needed[tested] / HOUR_S
    is_timed = bool(np.isfinite(hours).any())
    weight = np.nan_to_num(hours) if is_timed else np.ones(tested.size)
    runs = LimitedRuns(past.needed[tested], request[tested], _is_good(learned), weight)
    policies = (*_quantiles(learned), LimitPolicy(LARGEST, largest_of_last(past)[tested]))
    at_us = learned.trained.test.as_of_us
    unit = "GiB hours" if is_timed else "GiB"
    return savings.replay(Requests("memory", at_us, runs, unit, GIB), policies)


def _quantiles(learned: Learned) -> tuple[LimitPolicy, ...]:
    """The model's own limits."""
    quantiles = learned.trained.test.quantiles
    if quantiles is None:
        return ()
    return tuple(
        LimitPolicy(f"the model's {level:.0%} quantile".replace("%", " %"), limits)
        for level, limits in zip(CHECKED_LEVELS, quantiles.T, strict=True)
        if level >= LEAST_LEVEL
    )


def _is_good(learned: Learned) -> NDArray[np.bool_]:
    """(t,): the runs that no limit should end."""
    log = learned.log
    status = log.facts["status"].to_numpy(dtype=object)[log.events.final[learned.tested]]
    return np.asarray(status == "succeeded", dtype=np.bool_)


def _weight(log: Log) -> tuple[Floats, str]:
    """(N,): the processors of each run, and their name; 1 where the log does not say them."""
    for name, shown in PROCESSORS:
        values = requested(log, (name,))
        if values is not None:
            return np.where(np.isfinite(values), values, 1.0), shown
    return np.ones(len(log.executions)), ""
