"""Demand to come: many paths of slot-hours a day, from growth, weekdays and noise of the past."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from runlore.signals.rules.limits.growth_jumps import GrowthJumps
from runlore.signals.rules.limits.growth_model import GrowthDraws, draw_growth

Floats = NDArray[np.float64]
DayKinds = NDArray[np.int64]  # 0 is Monday, 7 a holiday

PATHS = 400
SEED = 29
HOLIDAY = 7
WEEK = 7
MOST_DAYS = 182  # of the past
LEAST_DAYS = 28
WORKING = 0.1  # of the usual day's demand: below it a kind of day tells nothing about growth
LEAST_HOLIDAYS = 3
MOST_GROWTH = 3.0  # natural logarithm of what a path may grow to, beyond the largest day
NO_JUMPS = GrowthJumps(np.zeros(0, dtype=np.int64), np.zeros(0))


@dataclass(frozen=True, eq=False)
class DemandPaths:
    """values: (days, paths) slot-hours. growth: of the expected day, a step, as draws: (paths,)."""

    values: Floats
    growth: Floats


def simulate_demand(past: Floats, kinds: DayKinds, horizon: int, paths: int = PATHS) -> DemandPaths:
    """Continue daily demand.

    past: (days,), the last one complete. kinds: of the days of the past and the horizon. Weekday
    factors are taken out; what is left follows a line with a random walk and AR(1) noise, of the
    values or of their logarithms, as is more likely (`draw_growth` of signals' limits).
    """
    cut = max(len(past) - MOST_DAYS, 0)
    past, kinds = past[cut:], kinds[cut:]
    rng = np.random.default_rng(SEED)
    factors = day_factors(past, kinds[: len(past)])
    is_working = factors[kinds] >= WORKING
    series = (past / np.maximum(factors[kinds[: len(past)]], WORKING))[is_working[: len(past)]]
    steps = np.cumsum(is_working[len(past) :])
    logs = _draw_logs(series, paths, rng)
    level, growth = _levels(series, int(max(steps[-1], 1)), logs, paths, rng)
    values = level[np.maximum(steps - 1, 0)] * factors[kinds[len(past) :]][:, None]
    return DemandPaths(np.maximum(values, 0.0), growth)


def day_factors(past: Floats, kinds: DayKinds) -> Floats:
    """Demand of each kind of day, relative to the week around it; 1 on average over a week: (8,).

    A holiday counts like the least of the weekdays until three were seen.
    """
    usual = np.convolve(past, np.ones(WEEK) / WEEK, mode="valid")
    around = np.pad(usual, (WEEK // 2, len(past) - len(usual) - WEEK // 2), mode="edge")
    seen = np.bincount(kinds, minlength=8)
    sums = np.bincount(kinds, weights=past, minlength=8)
    levels = np.bincount(kinds, weights=around, minlength=8)
    factors = np.where(levels > 0, sums / np.where(levels > 0, levels, 1.0), 1.0)
    mean = factors[:WEEK].mean()
    factors = factors / mean if mean > 0 else np.ones(8)
    if seen[HOLIDAY] < LEAST_HOLIDAYS:
        factors[HOLIDAY] = factors[:WEEK].min()
    return factors


def _draw_logs(series: Floats, paths: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which paths follow the logarithms: by how likely each is, both with a line and AR(1)."""
    if len(series) == 0 or series.min() <= 0:
        return np.zeros(paths, dtype=bool)
    logs = np.log(series)
    gain = _log_likelihood(logs) - float(logs.sum()) - _log_likelihood(series)
    return np.asarray(rng.random(paths) < 1 / (1 + np.exp(-np.clip(gain, -30, 30))))


def _log_likelihood(values: Floats) -> float:
    steps = np.arange(len(values))
    rest = values - np.polyval(np.polyfit(steps, values, 1), steps)
    spread = float(rest @ rest)
    if spread <= 0:
        return 0.0
    correlation = float(rest[1:] @ rest[:-1]) / spread
    new = rest[1:] - correlation * rest[:-1]
    return -len(values) / 2 * float(np.log(max(float(new @ new), 1e-300) / len(values)))


def _levels(
    series: Floats, steps: int, logs: NDArray[np.bool_], paths: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """(steps, paths) of a usual day, and the growth of its expectation in the first step."""
    level, growth = np.empty((steps, paths)), np.empty(paths)
    for taken, is_log in ((~logs, False), (logs, True)):
        count = int(taken.sum())
        if not count:
            continue
        own = np.log(series) if is_log else series
        draws, _ = draw_growth(own, NO_JUMPS, count, rng)
        made = _walk(draws, steps, rng)
        growth[taken] = draws.slope
        if is_log:
            made = np.exp(np.clip(made, own.min() - MOST_GROWTH, own.max() + MOST_GROWTH))
            growth[taken] *= float(series[-WEEK:].mean())
        level[:, taken] = made
    return level, growth


def _walk(draws: GrowthDraws, steps: int, rng: np.random.Generator) -> Floats:
    count = len(draws.level)
    new = draws.slope + draws.wander * rng.normal(size=(steps, count))
    level = draws.level + np.cumsum(new, axis=0)
    shocks = draws.shock * rng.normal(size=(steps, count))
    shocks[0] += draws.correlation * draws.noise
    noise = np.empty_like(shocks)
    for correlation in np.unique(draws.correlation):
        same = draws.correlation == correlation
        noise[:, same] = lfilter([1.0], [1.0, -correlation], shocks[:, same], axis=0)
    return np.asarray(level + noise)
