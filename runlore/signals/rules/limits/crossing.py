"""When a growing series reaches a limit: quantiles of simulated paths, or why none is said."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from runlore.kernel.errors import BadInput
from runlore.signals.rules.limits.clean_ups import LEAST_RHYTHM, CleanUps, learn_clean_ups
from runlore.signals.rules.limits.growth_jumps import GrowthJumps, find_jumps, without_spikes
from runlore.signals.rules.limits.growth_model import GrowthDraws, draw_growth
from runlore.signals.rules.limits.growth_paths import bursts_of, simulate_growth
from runlore.signals.rules.series.grid import Floats

LimitSide = Literal["above", "below"]
CrossingState = Literal["crossed", "expected", "unlikely", "withheld"]

PATHS = 600
SEED = 28
LEAST_STEPS = 20
MOST_GAPS = 0.5
HELD_STEPS = 12  # after a clean-up that is no rhythm
HELD_SHARE = 0.05  # of the steps there are
CHANCE = 0.05  # that there is no growth; that the early quantile is right of the truth
EARLY, LATE = 0.04, 0.96  # ends of the interval of 90 %, as chosen in bench/crossings.py


@dataclass(frozen=True)
class LimitRule:
    """limit: in the series' unit. horizon: steps that are looked ahead."""

    limit: float
    horizon: int
    side: LimitSide = "above"


@dataclass(frozen=True)
class Crossing:
    """When values reach the limit, in steps after the last one; None: beyond the horizon.

    early, late: the interval of 90 %. median: half of the paths have crossed by then. probability:
    of a crossing within the horizon; None where nothing can be said. reason: of "withheld", or a
    remark. slope, low, high: growth a step between clean-ups, with its 90 % interval.
    fan: low end, middle and high end of the values of each step to come, (3, horizon).
    """

    state: CrossingState
    reason: str = ""
    early: int | None = None
    median: int | None = None
    late: int | None = None
    probability: float | None = None
    slope: float | None = None
    low: float | None = None
    high: float | None = None
    clean_ups: int = 0
    bursts: int = 0
    fan: Floats | None = None


def find_crossing(values: Floats, rule: LimitRule) -> Crossing:
    """When a series reaches a limit.

    values: one a step, NaN where none came. The future is simulated from what the past allows:
    slope, noise, bursts, and clean-ups where they recur. "crossed": the last value is beyond.
    "expected": at least half of the paths cross. "unlikely": fewer do. "withheld": no date can be
    said; probability may be there. Raises BadInput for a limit that is no number.
    """
    if not np.isfinite(rule.limit):
        raise BadInput(f"limit: {rule.limit} is not a number", "limit")
    sign = 1.0 if rule.side == "above" else -1.0
    known = np.flatnonzero(np.isfinite(values))
    if len(known) and sign * values[known[-1]] >= sign * rule.limit:
        return Crossing("crossed", probability=1.0)
    if len(known) < LEAST_STEPS:
        return Crossing("withheld", f"{len(known)} steps have values; {LEAST_STEPS} are needed")
    if len(known) < MOST_GAPS * len(values):
        return Crossing("withheld", "more than half of the steps have no value")
    series = np.interp(np.arange(known[0], known[-1] + 1), known, sign * values[known])
    crossing = _simulated(without_spikes(series), sign * rule.limit, rule.horizon)
    return crossing if sign > 0 else _turned(crossing)


def _simulated(series: Floats, limit: float, horizon: int) -> Crossing:
    rng = np.random.default_rng(SEED)
    jumps = find_jumps(series)
    draws, sizes = draw_growth(series, jumps, PATHS, rng)
    merged = GrowthJumps(jumps.at, sizes).merged()
    upward, downward = merged.only(is_up=True), merged.only(is_up=False)
    bursts = bursts_of(upward, len(series))
    drift = draws.slope + float(upward.size.sum()) / len(series)
    clean_ups = learn_clean_ups(series, downward, float(np.median(drift)))
    paths = simulate_growth(draws, bursts, clean_ups, horizon, rng)
    return _judged(paths, limit, draws, clean_ups, bursts=len(upward.at), drift=drift)


def _judged(
    paths: Floats,
    limit: float,
    draws: GrowthDraws,
    clean_ups: CleanUps,
    *,
    bursts: int,
    drift: Floats,
) -> Crossing:
    is_beyond = paths >= limit
    crosses = is_beyond.any(axis=0)
    first = np.sort(np.where(crosses, is_beyond.argmax(axis=0) + 1.0, np.inf))
    early, median, late = (_step(first, share) for share in (EARLY, 0.5, LATE))
    is_open, reason = _why_no_date(clean_ups, drift)
    is_said = not reason
    low, high = np.quantile(drift, [EARLY, LATE])
    return Crossing(
        _state(is_open, is_said, median),
        reason,
        early if is_said else None,
        median if is_said else None,
        late if is_said else None,
        float(crosses.mean()),
        float(np.median(drift)),
        float(low),
        float(high),
        clean_ups.count,
        bursts,
        np.quantile(paths, [EARLY, 0.5, LATE], axis=1),
    )


def _step(first: Floats, share: float) -> int | None:
    step = first[min(int(share * len(first)), len(first) - 1)]
    return int(step) if np.isfinite(step) else None


def _state(is_open: bool, is_said: bool, median: int | None) -> CrossingState:
    if median is None and not is_open:
        return "unlikely"
    return "expected" if is_said else "withheld"


def _why_no_date(clean_ups: CleanUps, drift: Floats) -> tuple[bool, str]:
    """Whether what comes is open, too; and why no date is said, or nothing."""
    needed = max(HELD_STEPS, int(HELD_SHARE * clean_ups.steps))
    if clean_ups.count and clean_ups.count < LEAST_RHYTHM and clean_ups.elapsed < needed:
        return True, (
            f"a clean-up was {clean_ups.elapsed} steps ago; growth has to hold for {needed} steps"
        )
    return False, "no growth beyond chance" if (drift <= 0).mean() > CHANCE else ""


def _turned(crossing: Crossing) -> Crossing:
    """Of the series with its sign changed back."""
    if crossing.fan is None or crossing.slope is None:
        return crossing
    return replace(
        crossing,
        slope=-crossing.slope,
        low=-(crossing.high or 0.0),
        high=-(crossing.low or 0.0),
        fan=-crossing.fan[::-1],
    )
