"""How many units the mean of a skewed value takes before anything may be said of it.

A confidence interval trusts that a mean varies like a normal number. The mean of a skewed value
does so only after many units: until the rare large values have come, it is too small, and so is
its variance. A comparison then says "lower", surely and wrongly, of an arm whose values are more
skewed than the other's.
"""

import math
from dataclasses import dataclass

from runlore.experiments.rules.estimate import arms
from runlore.experiments.rules.outcome_metric import Metric
from runlore.kernel.moments import Moments

# Kohavi, Deng, Longbotham & Xu, Seven rules of thumb for web site experimenters, KDD 2014, rule 7:
# with so many units per squared skewness, each tail of a 95 % interval errs by .0025 at most.
UNITS_PER_SQUARE = 355.0
ERRORS = 2.0  # standard errors that are added to a skewness, which few units show too small


@dataclass(frozen=True)
class SkewedMean:
    """A mean of which nothing may be said yet.

    skewness: the larger one of the two arms. known: units of the smaller arm. needed: of each arm.
    """

    metric: str
    skewness: float
    known: int
    needed: int

    @property
    def reason(self) -> str:
        return (
            f"{self.metric} is skewed ({self.skewness:.3g}), so its mean says nothing before "
            f"{self.needed:,} units of each variant; the smaller one has {self.known:,}. "
            "A plan with a `cap`, or a quantile, needs fewer"
        )


def units_needed(skewness: float) -> int:
    """Units of each arm before anything may be said of a mean: 355 · skewness², and a little more.

    The skewness of n units has a standard error of √(6 / n), even where nothing is skewed. Two of
    them are added, so n is the solution of ``n = 355 (skewness + 2 √(6 / n))²``.

    >>> units_needed(0.0), units_needed(2.0), units_needed(6.18)
    (93, 1600, 13743)
    """
    slope = math.sqrt(UNITS_PER_SQUARE)
    middle = slope * abs(skewness)
    return math.ceil(((middle + math.sqrt(middle**2 + 4 * slope * ERRORS * math.sqrt(6))) / 2) ** 2)


def check_skewness(metric: Metric, control: Moments, variant: Moments) -> SkewedMean | None:
    """Return what the comparison of two means, or ratios, waits for; None when it may speak.

    Both arms need what the more skewed one needs. The other one may have met no rare large value
    yet, or has none: then third moments do not cancel in the difference, and it leans to one side.
    Where third moments are not known nothing is checked.
    """
    if metric.kind not in ("mean", "ratio"):
        return None
    pair = arms(metric, control, variant)
    known = min(arm.n for arm in pair)
    skewness = max((abs(arm.skewness) for arm in pair if math.isfinite(arm.skewness)), default=None)
    if skewness is None or known >= (needed := units_needed(skewness)):
        return None
    return SkewedMean(metric.name, skewness, known, needed)
