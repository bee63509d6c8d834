"""What each arm's value is, how sure that is, and how far two arms are apart."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from runlore.experiments.rules.outcome_metric import Metric
from runlore.experiments.rules.sequence import Contrast
from runlore.kernel.moments import Moments, Row, triples

# Nothing is concluded below this in either arm; early intervals are wide anyway (`multiplier`).
LEAST_UNITS = 30
LEAST_DENOMINATOR = 1e-30  # A ratio to a smaller mean has no value: its square would underflow

PSEUDO = 2  # successes, and failures, added to each arm of a proportion


@dataclass(frozen=True)
class Arm:
    """A value with the variance of one unit, so that value ± √(spread / n).

    skewness: of one unit; NaN where third moments are not known.
    """

    value: float
    spread: float
    n: int
    skewness: float = math.nan

    @property
    def variance(self) -> float:
        return self.spread / self.n if self.n else math.inf


def arms(metric: Metric, control: Moments, variant: Moments) -> tuple[Arm, Arm]:
    """Each arm's value: a mean, or a ratio of means with the delta method's variance.

    A ratio's units count by ``(value - ratio · denominator) / mean denominator`` (Deng, Knoblich &
    Lu, Applying the delta method in metric analytics, KDD 2018). With a covariate from before the
    test, ``value - θ (covariate - its mean over both arms)``, θ the slope within the arms (Deng,
    Xu, Kohavi & Walker, Improving the sensitivity of online controlled experiments by utilizing
    pre-experiment data, WSDM 2013).
    """
    weights = [_weights(metric, arm) for arm in (control, variant)]
    theta = _slope(metric, (control, variant), weights)
    of_all = control.merged(variant).means[-1] if metric.has_covariate else 0.0
    return (
        _arm(metric, control, weights[0], theta, of_all),
        _arm(metric, variant, weights[1], theta, of_all),
    )


def cautious_arms(metric: Metric, control: Moments, variant: Moments) -> tuple[Arm, Arm]:
    """The same with variances that do not come out too small by chance, for early and uneven looks.

    A small arm that has not met its rare large values yet looks both better and surer than it is.
    A proportion gets two successes and two failures (Agresti & Caffo, Am. Stat. 2000), any other
    value at least the variance of both arms pooled. `bench/rollout.py` shows what that is for.
    """
    if metric.kind == "proportion" and not metric.has_covariate:
        return _softened(control), _softened(variant)
    one, other = arms(metric, control, variant)
    both = control.merged(variant)
    weights = _weights(metric, both)
    theta = _slope(metric, (control, variant), (weights, weights))
    pooled = _arm(metric, both, weights, theta, 0.0).spread
    return (
        replace(one, spread=max(one.spread, pooled)),
        replace(other, spread=max(other.spread, pooled)),
    )


def contrast(pair: tuple[Arm, Arm], times: float = 1.0, less: float = 0.0) -> Contrast:
    """variant - times · control - less."""
    control, variant = pair
    if min(control.n, variant.n) < LEAST_UNITS:
        return Contrast(math.nan, math.inf, 0.0)
    return Contrast(
        value=variant.value - times * control.value - less,
        variance=variant.variance + times**2 * control.variance,
        units=4 / (1 / control.n + 1 / variant.n),
    )


def combined(parts: Sequence[Contrast]) -> Contrast:
    """Of strata, each with one split of the traffic, weighted by their units.

    Compared inside each stratum, arms are not confused with the times when their shares were
    larger (Mantel & Haenszel's weights, 1959). Weights that do not depend on the outcomes keep
    the sum a martingale, so a confidence sequence holds across strata.
    """
    usable = [part for part in parts if part.is_usable]
    units = sum(part.units for part in usable)
    if not units:
        return Contrast(math.nan, math.inf, 0.0)
    return Contrast(
        value=sum(part.units * part.value for part in usable) / units,
        variance=sum(part.units**2 * part.variance for part in usable) / units**2,
        units=units,
    )


def _weights(metric: Metric, of: Moments) -> Row:
    """Times the deviations of a unit's value and denominator: what it adds to the estimate."""
    if metric.kind != "ratio":
        return (1.0,)
    value, denominator = of.means[:2]
    if abs(denominator) < LEAST_DENOMINATOR:
        return (math.nan, math.nan)
    return (1 / denominator, -value / denominator**2)


def _slope(metric: Metric, moments: Sequence[Moments], weights: Sequence[Row]) -> float:
    if not metric.has_covariate:
        return 0.0
    together = sum(
        weight * of.products[at][-1]
        for of, row in zip(moments, weights, strict=True)
        for at, weight in enumerate(row)
    )
    spread = sum(of.products[-1][-1] for of in moments)
    return together / spread if spread else 0.0


def _arm(metric: Metric, of: Moments, weights: Row, theta: float, of_all: float) -> Arm:
    value = of.means[0]
    if metric.kind == "ratio":
        value = value / of.means[1] if math.isfinite(weights[0]) else math.nan
    if metric.has_covariate:
        value -= theta * (of.means[-1] - of_all)
        weights = (*weights, -theta)
    spread = _spread(of, weights)
    return Arm(value, spread, of.n, _skewness(of, weights, spread))


def _spread(of: Moments, weights: Row) -> float:
    """0 where it is no larger than what rounding leaves in sums of n numbers.

    Else units with one and the same value, or with none of their own beside the covariate, would
    show that arms differ, by the last digits of their means.
    """
    terms = [
        one * other * of.covariance(i, j)
        for i, one in enumerate(weights)
        for j, other in enumerate(weights)
    ]
    size = sum(abs(one * mean) for one, mean in zip(weights, of.means, strict=True))
    rounding = of.n * sys.float_info.epsilon
    spread = sum(terms)
    return 0.0 if spread <= rounding * sum(map(abs, terms)) + (rounding * size) ** 2 else spread


def _skewness(of: Moments, weights: Row, spread: float) -> float:
    """The third standardised moment of what a unit adds to the estimate; 0 without spread."""
    if not of.thirds:
        return math.nan
    if not spread > 0:
        return 0.0
    scaled = [weight / math.sqrt(spread) for weight in weights]
    total = sum(
        len(set(permutations(places))) * scaled[i] * scaled[j] * scaled[k] * third
        for places, third in zip(triples(len(weights)), of.thirds, strict=True)
        for i, j, k in [places]
    )
    return total / of.n


def _softened(of: Moments) -> Arm:
    n = of.n + 2 * PSEUDO
    share = (of.n * of.means[0] + PSEUDO) / n
    return Arm(share, share * (1 - share) * of.n / n if of.n else math.nan, of.n)
