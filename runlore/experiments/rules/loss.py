"""How far a variant loses more than is tolerated."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from runlore.experiments.rules import sequence
from runlore.experiments.rules.estimate import Arm, arms, cautious_arms, combined, contrast
from runlore.experiments.rules.outcome_metric import Metric, Statistics
from runlore.experiments.rules.quantiles import quantile_interval
from runlore.experiments.rules.sequence import Contrast
from runlore.experiments.rules.sketch import Sketch
from runlore.kernel.intervals import Interval
from runlore.kernel.moments import Moments

Pair = tuple[Statistics, Statistics]  # control and variant, over the same time
LossAnswer = Literal["kept", "broken", "open"]


@dataclass(frozen=True)
class ArmsByStratum:
    """Both arms of one metric: their values in each stratum, and the newest statistics.

    spends: the part of alpha that a quantile's newest stratum may spend.
    """

    metric: Metric
    arms: tuple[tuple[Arm, Arm], ...]
    newest: Pair
    spends: float


def sides(metric: Metric, strata: Sequence[Pair], *, is_only: bool = False) -> ArmsByStratum:
    """strata: one for each time that the arms' shares stayed the same, oldest first.

    is_only: there is one, and no other will come.
    """
    k = len(strata)
    pairs = [pair for pair in strata if metric.kind != "quantile"]
    of_arms = tuple(cautious_arms(metric, *_moments(pair)) for pair in pairs)
    return ArmsByStratum(metric, of_arms, strata[-1], 1.0 if is_only else 1 / (k * (k + 1)))


def excess(
    of: ArmsByStratum, tolerated: float, alpha: float, narrowest_at: float = sequence.NARROWEST_AT
) -> Interval:
    """Of the loss beyond what is tolerated, in the metric's unit; above 0 is too much.

    Holds at every look at once with 1 - alpha. A relative loss is compared as ``variant -
    (1 ± tolerated) control``, so that no estimate stands in a denominator; what is tolerated is a
    share of how far the control is from 0, on either side of it. A quantile is compared in the
    newest stratum alone; the k-th spends alpha / k (k + 1), so that all of them spend alpha.
    """
    bounds = _bounds(of.metric, tolerated)
    theirs, mine = of.newest
    if isinstance(theirs, Sketch) and isinstance(mine, Sketch):
        arguments = (theirs, mine, of.metric.quantile, alpha * of.spends, narrowest_at)
        intervals = [(quantile_interval(*arguments, times), less) for times, less in bounds]
        return _least(
            of.metric, [Interval(at.low - less, at.high - less) for at, less in intervals]
        )
    parts = [combined([contrast(pair, *bound) for pair in of.arms]) for bound in bounds]
    return _least(of.metric, [sequence.interval(part, alpha, narrowest_at) for part in parts])


def excess_once(metric: Metric, pair: Pair, alpha: float) -> Interval:
    """The same for one look at a sample of fixed size; a quantile's is that of `excess`."""
    from scipy.stats import norm

    if isinstance(pair[0], Sketch):
        return excess(sides(metric, [pair], is_only=True), metric.tolerated_loss, alpha)
    both, z = arms(metric, *_moments(pair)), float(norm.ppf(1 - alpha / 2))
    parts = [contrast(both, *bound) for bound in _bounds(metric, metric.tolerated_loss)]
    return _least(metric, [_within(part, z) for part in parts])


def answer(beyond: Interval) -> LossAnswer:
    """kept: shown to be within what is tolerated; broken: shown to be beyond it."""
    if beyond.low > 0:
        return "broken"
    return "kept" if beyond.high < 0 else "open"


def _bounds(metric: Metric, tolerated: float) -> tuple[tuple[float, float], ...]:
    """times and less, so that ``variant - times · control - less`` is 0 where loss = tolerated.

    Of a relative loss two: of a control above 0, and of one below.
    """
    apart = metric.sign * tolerated
    if metric.loss_is == "relative":
        return (1 + apart, 0.0), (1 - apart, 0.0)
    return ((1.0, apart),)


def _within(contrast: Contrast, errors: float) -> Interval:
    if not contrast.is_usable:
        return sequence.NOTHING_KNOWN
    reach = errors * math.sqrt(contrast.variance)
    return Interval(contrast.value - reach, contrast.value + reach)


def _least(metric: Metric, intervals: Iterable[Interval]) -> Interval:
    """Of the loss beyond ``tolerated · |control|``: the least that control and -control leave.

    So the control's sign need not be known; where it is clear, the other one changes nothing. Where
    it is not, each end alone holds with 1 - alpha.
    """
    signed = [_signed(metric, interval) for interval in intervals]
    return Interval(
        min(interval.low for interval in signed), min(interval.high for interval in signed)
    )


def _signed(metric: Metric, interval: Interval) -> Interval:
    return interval if metric.sign > 0 else Interval(-interval.high, -interval.low)


def _moments(pair: Pair) -> tuple[Moments, Moments]:
    control, variant = pair
    if not (isinstance(control, Moments) and isinstance(variant, Moments)):
        raise TypeError(f"needs moments of both arms, not {type(control)} and {type(variant)}")
    return control, variant
