"""Tests for a sample whose size was fixed before: right when looked at once, at the end."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from runlore.experiments.rules.estimate import Arm
from runlore.experiments.rules.sequence import NOTHING_KNOWN
from runlore.kernel.errors import BadInput
from runlore.kernel.intervals import Interval
from runlore.kernel.moments import Moments

if TYPE_CHECKING:
    from statsmodels.stats.power import NormalIndPower, TTestIndPower

FEWEST = 2
# Effects this many standard deviations apart need two units each; solvers diverge beyond.
SURE = 10.0
SMALLER = tuple(1 - at / 40 for at in range(13))  # shares of an effect, 1 first
SLACK = 0.001  # how far the power at the solver's answer may be from the requested one


@dataclass(frozen=True)
class TestResult:
    """interval: of variant - control."""

    __test__ = False

    p_value: float
    interval: Interval
    effect_size: float


NOTHING_TO_TEST = TestResult(1.0, NOTHING_KNOWN, 0.0)


def two_proportions(control: Moments, variant: Moments, alpha: float) -> TestResult:
    """The two-proportion z-test, pooled; Newcombe's interval; Cohen's h."""
    from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

    counts, units = successes(variant, control), [variant.n, control.n]
    if not all(units) or sum(counts) in (0, sum(units)):
        return NOTHING_TO_TEST
    _, p_value = proportions_ztest(counts, units)
    low, high = confint_proportions_2indep(
        counts[0], units[0], counts[1], units[1], compare="diff", method="newcomb", alpha=alpha
    )
    effect = cohens_h(control.means[0], variant.means[0])
    return TestResult(float(p_value), Interval(float(low), float(high)), effect)


def welch(control: Arm, variant: Arm, alpha: float) -> TestResult:
    """Welch's t, for means, and for ratios with the delta method's spread; Cohen's d."""
    from scipy.stats import t, ttest_ind_from_stats

    if min(control.n, variant.n) < 2 or not control.spread + variant.spread > 0:
        return NOTHING_TO_TEST
    result = ttest_ind_from_stats(
        variant.value,
        math.sqrt(variant.spread),
        variant.n,
        control.value,
        math.sqrt(control.spread),
        control.n,
        equal_var=False,
    )
    error = variant.variance + control.variance
    freedom = error**2 / sum(arm.variance**2 / (arm.n - 1) for arm in (control, variant))
    reach = float(t.ppf(1 - alpha / 2, freedom)) * math.sqrt(error)
    apart = variant.value - control.value
    d = apart / math.sqrt((control.spread + variant.spread) / 2)
    return TestResult(float(result.pvalue), Interval(apart - reach, apart + reach), d)


def chi_square(arms: Sequence[Moments]) -> float:
    """p-value of "all variants have the same proportion"."""
    from scipy.stats import chi2_contingency

    done = successes(*arms)
    left = [arm.n - count for arm, count in zip(arms, done, strict=True)]
    if not sum(done) or not sum(left) or not all(arm.n for arm in arms):
        return 1.0
    return float(chi2_contingency([done, left], correction=False).pvalue)


def cohens_h(control: float, variant: float) -> float:
    """``2 asin √variant - 2 asin √control`` (Cohen, 1988): .2 small, .5 medium, .8 large.

    >>> round(cohens_h(0.1, 0.2), 3)
    0.284
    """
    return 2 * math.asin(math.sqrt(variant)) - 2 * math.asin(math.sqrt(control))


def units_for_proportions(
    control: float, variant: float, alpha: float = 0.05, power: float = 0.8, weight: float = 1.0
) -> int | None:
    """Units that the control needs to tell the two apart; None where no number was found.

    weight: variant's units per control's.

    >>> units_for_proportions(0.10, 0.11)
    14745
    """
    from statsmodels.stats.power import NormalIndPower

    effect = cohens_h(control, variant)
    return _solved(NormalIndPower(), effect, alpha, power, weight)


def units_for_means(
    difference: float, sd: float, alpha: float = 0.05, power: float = 0.8, weight: float = 1.0
) -> int | None:
    """Units that the control needs to see such a difference of means; None: none was found.

    >>> units_for_means(0.5, 1.0)
    64
    """
    from statsmodels.stats.power import TTestIndPower

    if not sd > 0:
        raise BadInput(f"sd: {sd} is not above 0", "sd")
    return _solved(TTestIndPower(), difference / sd, alpha, power, weight)


def power_of_proportions(
    control: float, variant: float, units: int, alpha: float = 0.05, weight: float = 1.0
) -> float:
    """The chance that `units` of the control show this difference."""
    from statsmodels.stats.power import NormalIndPower

    effect = cohens_h(control, variant)
    return float(NormalIndPower().power(effect, units, alpha, weight))


def power_of_means(
    difference: float, sd: float, units: int, alpha: float = 0.05, weight: float = 1.0
) -> float:
    from statsmodels.stats.power import TTestIndPower

    return float(TTestIndPower().power(difference / sd, units, alpha, ratio=weight))


def successes(*arms: Moments) -> list[int]:
    return [round(arm.n * arm.means[0]) for arm in arms]


def _solved(
    test: "NormalIndPower | TTestIndPower", effect: float, alpha: float, power: float, weight: float
) -> int | None:
    """Solvers may give NaN or a place where power itself is NaN: neither is an answer."""
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    if not effect:
        raise BadInput("effect: is 0, which no number of units can show", "effect")
    effect = abs(effect)
    if effect > SURE or _power_of_fewest(test, effect, alpha, weight) >= power:
        return FEWEST
    warnings.simplefilter("ignore", ConvergenceWarning)
    try:
        solution = test.solve_power(effect, alpha=alpha, power=power, ratio=weight)
    except (RuntimeError, Warning):
        return None
    units = float(np.squeeze(solution))
    reached = test.power(effect, units, alpha, ratio=weight)
    return math.ceil(units) if math.isfinite(units) and abs(reached - power) < SLACK else None


def _power_of_fewest(
    test: "NormalIndPower | TTestIndPower", effect: float, alpha: float, weight: float
) -> float:
    """At least this power has FEWEST: that of a somewhat smaller effect where its own is NaN."""
    powers = (test.power(effect * share, FEWEST, alpha, ratio=weight) for share in SMALLER)
    return next((float(one) for one in powers if math.isfinite(one)), 0.0)
