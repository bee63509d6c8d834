"""How far a variant loses more than is tolerated."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from runlore.rollout import sequence
from runlore.rollout.estimate import Arm, arms, cautious_arms, combined, contrast
from runlore.rollout.metric import Metric, Statistics
from runlore.rollout.moments import Moments
from runlore.rollout.quantiles import quantile_interval
from runlore.rollout.sequence import Interval
from runlore.rollout.sketch import Sketch

Pair = tuple[Statistics, Statistics]
"""Control and variant, of the same time."""
LossAnswer = Literal["kept", "broken", "open"]


@dataclass(frozen=True)
class Sides:
    """Both arms of one metric: their values in each stratum, and the newest statistics."""

    metric: Metric
    arms: tuple[tuple[Arm, Arm], ...]
    newest: Pair
    strata: int


def sides(metric: Metric, strata: Sequence[Pair]) -> Sides:
    """strata: one for each time that the arms' shares stayed the same, oldest first."""
    pairs = [pair for pair in strata if metric.kind != "quantile"]
    of_arms = tuple(cautious_arms(metric, *_moments(pair)) for pair in pairs)
    return Sides(metric, of_arms, strata[-1], len(strata))


def excess(
    of: Sides, tolerated: float, alpha: float, narrowest_at: float = sequence.NARROWEST_AT
) -> Interval:
    """Of the loss beyond what is tolerated, in the metric's unit; above 0 is too much.

    Holds at every look at once with 1 - alpha. A relative loss is compared as ``variant -
    (1 ± tolerated) control``, so that no estimate stands in a denominator. A quantile is compared
    in the newest stratum alone, with alpha shared out among all of them.
    """
    times, less = _bound(of.metric, tolerated)
    theirs, mine = of.newest
    if isinstance(theirs, Sketch) and isinstance(mine, Sketch):
        share, level = of.metric.quantile, alpha / of.strata
        found = quantile_interval(theirs, mine, share, level, narrowest_at, times)
        return _signed(of.metric, Interval(found.low - less, found.high - less))
    parts = [contrast(pair, times, less) for pair in of.arms]
    return _signed(of.metric, sequence.interval(combined(parts), alpha, narrowest_at))


def excess_once(metric: Metric, pair: Pair, alpha: float) -> Interval:
    """The same for one look at a sample of fixed size; a quantile's is that of `excess`."""
    from scipy.stats import norm

    if isinstance(pair[0], Sketch):
        return excess(sides(metric, [pair]), metric.tolerated_loss, alpha)
    found = contrast(arms(metric, *_moments(pair)), *_bound(metric, metric.tolerated_loss))
    if not found.is_usable:
        return sequence.NOTHING_KNOWN
    reach = float(norm.ppf(1 - alpha / 2)) * math.sqrt(found.variance)
    return _signed(metric, Interval(found.value - reach, found.value + reach))


def answer(beyond: Interval) -> LossAnswer:
    """kept: shown to be within what is tolerated; broken: shown to be beyond it."""
    if beyond.low > 0:
        return "broken"
    return "kept" if beyond.high < 0 else "open"


def _bound(metric: Metric, tolerated: float) -> tuple[float, float]:
    """times and less, so that ``variant - times · control - less`` is 0 where loss = tolerated."""
    if metric.loss_is == "relative":
        return 1 + metric.sign * tolerated, 0.0
    return 1.0, metric.sign * tolerated


def _signed(metric: Metric, found: Interval) -> Interval:
    return found if metric.sign > 0 else Interval(-found.high, -found.low)


def _moments(pair: Pair) -> tuple[Moments, Moments]:
    control, variant = pair
    if not (isinstance(control, Moments) and isinstance(variant, Moments)):
        raise TypeError(f"needs moments of both arms, not {type(control)} and {type(variant)}")
    return control, variant
