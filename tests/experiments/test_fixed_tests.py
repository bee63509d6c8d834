"""Fixed-horizon tests beside SciPy and statsmodels, and sizes against their own power."""

import math

import numpy as np
import pytest
from scipy import stats

from runlore.experiments.rules import fixed_horizon
from runlore.experiments.rules.estimate import arms
from runlore.experiments.rules.outcome_metric import Metric
from runlore.experiments.rules.sequence import NOTHING_KNOWN
from runlore.kernel.errors import BadInput
from runlore.kernel.moments import moments_of, moments_of_counts

MEAN = Metric("x", "mean", "higher")


def test_two_proportions_are_the_pooled_z_test() -> None:
    found = fixed_horizon.two_proportions(
        moments_of_counts(1_000, 100), moments_of_counts(800, 104), 0.05
    )
    share = 204 / 1_800
    z = (0.13 - 0.1) / math.sqrt(share * (1 - share) * (1 / 1_000 + 1 / 800))
    assert found.p_value == pytest.approx(2 * stats.norm.sf(z))
    assert found.interval.low < 0.03 < found.interval.high
    assert found.interval.leaves_out(0) == (found.p_value < 0.05)
    assert found.effect_size == pytest.approx(fixed_horizon.cohens_h(0.1, 0.13))


@pytest.mark.parametrize(
    ("control", "variant"), [((0, 0), (9, 3)), ((9, 0), (9, 0)), ((9, 9), (5, 5))]
)
def test_proportions_that_hold_nothing_to_test_say_so(
    control: tuple[int, int], variant: tuple[int, int]
) -> None:
    found = fixed_horizon.two_proportions(
        moments_of_counts(*control), moments_of_counts(*variant), 0.05
    )
    assert (found.p_value, found.interval) == (1.0, NOTHING_KNOWN)


def test_welch_is_scipys_on_the_values_themselves() -> None:
    rng = np.random.default_rng(1)
    control, variant = rng.normal(0, 1, 60), rng.normal(0.5, 3, 40)
    found = fixed_horizon.welch(*arms(MEAN, moments_of(control), moments_of(variant)), 0.05)
    expected = stats.ttest_ind(variant, control, equal_var=False)
    bounds = expected.confidence_interval(0.95)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.interval.low, found.interval.high) == pytest.approx((bounds.low, bounds.high))
    pooled = math.sqrt((control.var(ddof=1) + variant.var(ddof=1)) / 2)
    assert found.effect_size == pytest.approx((variant.mean() - control.mean()) / pooled)


def test_welch_of_constants_or_single_units_says_nothing() -> None:
    flat, one = moments_of([2.0] * 50), moments_of([1.0])
    assert fixed_horizon.welch(*arms(MEAN, flat, flat), 0.05).p_value == 1.0
    assert fixed_horizon.welch(*arms(MEAN, one, flat), 0.05).p_value == 1.0


def test_chi_square_is_of_all_variants_together() -> None:
    table = [[100, 120, 90], [900, 880, 910]]
    found = fixed_horizon.chi_square([moments_of_counts(1_000, n) for n in table[0]])
    assert found == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
    two = [moments_of_counts(1_000, 100), moments_of_counts(1_000, 130)]
    assert fixed_horizon.chi_square(two) == pytest.approx(
        fixed_horizon.two_proportions(*two, 0.05).p_value
    )
    assert fixed_horizon.chi_square([moments_of_counts(9, 0), moments_of_counts(9, 0)]) == 1.0
    assert fixed_horizon.chi_square([moments_of_counts(9, 3), moments_of_counts(0, 0)]) == 1.0


def test_sizes_have_the_power_they_promise() -> None:
    units = fixed_horizon.units_for_proportions(0.1, 0.12, power=0.9)
    assert fixed_horizon.power_of_proportions(0.1, 0.12, units) == pytest.approx(0.9, abs=1e-3)
    more = fixed_horizon.units_for_proportions(0.1, 0.12, power=0.9, weight=0.25)
    assert more > 2 * units
    assert fixed_horizon.power_of_proportions(0.1, 0.12, more, weight=0.25) >= 0.9
    means = fixed_horizon.units_for_means(-0.2, 1.0)
    assert means == 394
    assert fixed_horizon.power_of_means(0.2, 1.0, means) == pytest.approx(0.8, abs=2e-3)


def test_where_no_number_of_units_is_found_there_is_none() -> None:
    """The solver stops with a warning and NaN there."""
    assert fixed_horizon.units_for_means(1e-12, 1.0) is None


def test_of_large_effects_two_units_are_enough_also_where_power_is_nan() -> None:
    effects = np.linspace(6.5, 9.99, 200)
    assert {fixed_horizon.units_for_means(effect, 1.0) for effect in effects} == {2}


def test_sizes_of_what_no_number_of_units_can_show_are_refused() -> None:
    with pytest.raises(BadInput, match="effect"):
        fixed_horizon.units_for_proportions(0.1, 0.1)
    with pytest.raises(BadInput, match="sd"):
        fixed_horizon.units_for_means(0.1, 0.0)
