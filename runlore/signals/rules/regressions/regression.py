"""Lasting changes of the level of a series: when they began and how large they are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.signals.rules.regressions.level_change import (
    MeasuredChange,
    measure_change,
    weigh_changes,
)
from runlore.signals.rules.series.grid import Floats

INTERVAL_ALPHA = 0.05
BLOCK = 100  # points that are judged at a time


@dataclass(frozen=True)
class RegressionRules:
    """least: the smallest change that counts, as a share of the level before.

    alpha: the chance of a false change within `baseline` points of a series that has none.
    least_before, least_after: points that a change needs before and since its start.
    baseline: the most points before that are compared. lasting: the share of the points since the
    start that must lie beyond the middle between both levels, the newest among them.
    """

    least: float = 0.1
    alpha: float = 0.015
    least_before: int = 30
    least_after: int = 6
    baseline: int = 300
    lasting: float = 0.75


@dataclass(frozen=True)
class LevelChange:
    """start: the first index of the new level. seen: the index at which it became certain.

    size, low, high: the change as a share of `before`, with its interval of 95 %. before, after:
    the levels.
    """

    start: int
    seen: int
    size: float
    low: float
    high: float
    before: float
    after: float


def find_changes(values: Floats, rules: RegressionRules | None = None) -> list[LevelChange]:
    """Find lasting changes as they would have been seen point by point; the oldest first.

    values: one a step; NaN where none came. What is all above 0 is compared on logarithms where
    that leaves the values before less skewed.
    The baseline of the next change begins where the last one did.
    """
    rules = rules or RegressionRules()
    places: NDArray[np.int64] = np.flatnonzero(np.isfinite(values))
    known = values[places]
    changes: list[LevelChange] = []
    first, begin = 0, rules.least_before
    while begin < len(places):
        base = max(first, begin - rules.baseline)
        change = _first_change(known[base : begin + BLOCK], begin - base, rules)
        if change is None:
            begin += BLOCK
            continue
        start, seen = base + change.start, base + change.seen
        levels = (change.size, change.low, change.high, change.before, change.after)
        changes.append(LevelChange(int(places[start]), int(places[seen]), *levels))
        first, begin = start, max(start + rules.least_before, seen + 1)
    return changes


class _Scale:
    """Values on the scale of comparison, and the way back to shares of a level.

    begin: the scale is chosen by the values before it.
    """

    def __init__(self, values: Floats, begin: int) -> None:
        self.is_log = bool(values.min() > 0) and _skews_less_on_log(values[:begin])
        self.values = np.log(values) if self.is_log else values

    def share(self, step: float, before: float) -> float:
        if self.is_log:
            return float(np.expm1(min(step, 700.0)))
        return step / abs(before) if before else float(np.copysign(np.inf, step))

    def level(self, value: float) -> float:
        return float(np.exp(value)) if self.is_log else value


def _skews_less_on_log(values: Floats) -> bool:
    return _skew(np.log(values)) <= _skew(values)


def _skew(values: Floats) -> float:
    centered = values - values.mean()
    deviation = float(np.sqrt((centered**2).mean()))
    return abs(float((centered**3).mean())) / deviation**3 if deviation > 0 else 0.0


def _first_change(values: Floats, begin: int, rules: RegressionRules) -> LevelChange | None:
    """The first change that is certain at index `begin` or later."""
    if len(values) < rules.least_before + rules.least_after or np.ptp(values) == 0:
        return None
    scale = _Scale(values, begin)
    evidence = weigh_changes(scale.values, rules.least_before, begin)
    # Each start has the same share of the budget; those to come count as 1.
    total = np.logaddexp.reduce(evidence.log_e, axis=0)
    bar = np.log((rules.baseline + BLOCK) / rules.alpha)
    for column in np.flatnonzero(total >= bar):
        seen = int(evidence.seen[column])
        start = int(evidence.starts[evidence.log_e[:, column].argmax()])
        measured = measure_change(scale.values[: seen + 1], start, INTERVAL_ALPHA)
        change = _change(scale, measured, seen)
        if seen < change.start + rules.least_after - 1:
            continue
        if abs(change.size) < rules.least:
            continue
        if _lasts(scale.values, change, measured, rules.lasting):
            return change
    return None


def _change(scale: _Scale, measured: MeasuredChange, seen: int) -> LevelChange:
    before, step, half = measured.before, measured.step, measured.half_width
    size, low, high = (scale.share(one, before) for one in (step, step - half, step + half))
    return LevelChange(
        measured.start, seen, size, low, high, scale.level(before), scale.level(before + step)
    )


def _lasts(values: Floats, change: LevelChange, measured: MeasuredChange, share: float) -> bool:
    since = values[change.start : change.seen + 1]
    is_beyond = (since - measured.before - measured.step / 2) * np.sign(measured.step) > 0
    return bool(is_beyond.mean() >= share and is_beyond[-1])
