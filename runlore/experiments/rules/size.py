"""The sample size of a test, computed before it is planned."""

import math
from bisect import bisect_left
from dataclasses import dataclass

from runlore.experiments.rules import fixed_horizon, sequence
from runlore.experiments.rules.design import LEAST_ALPHA
from runlore.experiments.rules.estimate import LEAST_UNITS
from runlore.experiments.rules.skewness import units_needed
from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import BadInput

MOST_UNITS = 10**12
MOST_SKEWNESS = 1e4


@dataclass(frozen=True)
class DetectableEffect:
    """effect: the difference from the control that is to be seen. power: how often it is to be.

    alpha: of the whole test, shared out among the variants beside the control (Bonferroni).
    """

    effect: float
    power: float = 0.8
    alpha: float = 0.05
    variants: int = 2

    def __post_init__(self) -> None:
        if not self.effect or not math.isfinite(self.effect):
            raise BadInput(f"effect: {self.effect} is no difference to be seen", "effect")
        if not LEAST_ALPHA <= self.alpha <= 0.5:
            raise BadInput(f"alpha: {self.alpha} is not from {LEAST_ALPHA:g} to 0.5", "alpha")
        if not self.alpha < self.power < 1:
            raise BadInput(f"power: {self.power} is not above alpha and below 1", "power")
        if self.variants < 2:
            raise BadInput(f"variants: {self.variants}; the control and one more are 2", "variants")

    @property
    def level(self) -> float:
        """Of one variant beside the control."""
        return self.alpha / (self.variants - 1)


@dataclass(frozen=True)
class SampleSize:
    """Units of each variant. once: looked at once, at the end. anytime: looked at at any time.

    speaks_from: of a mean, units before which nothing is said of it; the others are no fewer.
    """

    once: int
    anytime: int
    speaks_from: int = 0


def days_needed(units: int, units_per_day: float, window_s: float) -> float:
    """Days until the last of so many units of all variants is judged.

    >>> days_needed(8_000, 2_000, 86_400)
    5.0
    """
    if not 0 < units_per_day < math.inf:
        raise BadInput(f"per-day: {units_per_day} is not above 0", "per-day")
    return units / units_per_day + window_s / DAY_S


def of_proportions(baseline: float, goal: DetectableEffect) -> SampleSize:
    """baseline: the control's share.

    >>> of_proportions(0.10, DetectableEffect(0.02)).once
    3835
    """
    variant = baseline + goal.effect
    if not 0 < baseline < 1:
        raise BadInput(f"baseline: {baseline} is not between 0 and 1", "baseline")
    if not 0 < variant < 1:
        raise BadInput(f"effect: {variant:g} is not between 0 and 1", "effect")
    anytime = _anytime(math.sqrt(baseline * (1 - baseline) + variant * (1 - variant)), goal)
    once = fixed_horizon.units_for_proportions(baseline, variant, goal.level, goal.power)
    return _size(once, anytime, goal)


def of_means(spread: float, goal: DetectableEffect, skewness: float = 0.0) -> SampleSize:
    """spread: the standard deviation over units, in the effect's unit. skewness: over units.

    >>> of_means(1.0, DetectableEffect(0.2)).once
    394
    >>> of_means(1.0, DetectableEffect(0.2), skewness=2.0).once
    1600
    """
    if not 0 < spread < math.inf:
        raise BadInput(f"spread: {spread} is not above 0", "spread")
    if not abs(skewness) <= MOST_SKEWNESS:
        raise BadInput(f"skewness: {skewness} is not from -1e4 to 1e4", "skewness")
    anytime = _anytime(math.sqrt(2) * spread, goal)
    once = fixed_horizon.units_for_means(goal.effect, spread, goal.level, goal.power)
    return _size(once, anytime, goal, units_needed(skewness))


def _size(
    once: int | None, anytime: int, goal: DetectableEffect, speaks_from: int = 0
) -> SampleSize:
    if once is None:
        raise _unanswerable(goal)
    return SampleSize(max(once, speaks_from), max(anytime, speaks_from), speaks_from)


def _unanswerable(goal: DetectableEffect) -> BadInput:
    return BadInput(f"effect: no number of units is known to show {goal.effect:g}", "effect")


def _anytime(spread: float, goal: DetectableEffect) -> int:
    """spread: of the difference between one unit of each.

    Looked at once, at this many units, the anytime interval leaves out 0 with the power asked for;
    looks before that only add to it.
    """
    from scipy.stats import norm

    errors = float(norm.ppf(goal.power))

    def is_enough(units: int) -> bool:
        reach = sequence.multiplier(2 * units, goal.level)
        return abs(goal.effect) / spread * math.sqrt(units) >= reach + errors

    if not is_enough(MOST_UNITS):
        raise _unanswerable(goal)
    return LEAST_UNITS + bisect_left(range(LEAST_UNITS, MOST_UNITS), True, key=is_enough)
