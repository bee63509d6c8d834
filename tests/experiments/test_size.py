"""How many units a test takes: the textbook's for one look, and what simulated tests need."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from runlore.experiments.rules.comparison import compare
from runlore.experiments.rules.design import DecisionRule
from runlore.experiments.rules.outcome_metric import Metric
from runlore.experiments.rules.sequence import multiplier
from runlore.experiments.rules.size import (
    MOST_UNITS,
    DetectableEffect,
    days_needed,
    of_means,
    of_proportions,
)
from runlore.kernel.errors import BadInput
from runlore.kernel.moments import moments_of_counts

WON = Metric("won", "proportion", "higher")


def test_one_look_takes_the_units_of_the_textbook() -> None:
    apart = norm.ppf(0.975) + norm.ppf(0.8)
    h = 2 * (math.asin(0.12**0.5) - math.asin(0.1**0.5))
    assert of_proportions(0.1, DetectableEffect(0.02)).once == math.ceil(2 * (apart / h) ** 2)
    assert of_means(1.0, DetectableEffect(0.2)).once == 394
    assert of_means(2.0, DetectableEffect(-1.0)) == of_means(1.0, DetectableEffect(0.5))


def test_the_anytime_rule_takes_the_least_units_at_which_one_look_has_the_power() -> None:
    found = of_means(1.0, DetectableEffect(0.1)).anytime

    def power(units: int) -> float:
        return float(norm.sf(multiplier(2 * units, 0.05) - 0.1 * math.sqrt(units / 2)))

    assert power(found - 1) < 0.8 <= power(found)


def test_simulated_tests_of_that_size_are_won_as_often_as_was_asked_for() -> None:
    rng = np.random.default_rng(5)
    units = of_proportions(0.1, DetectableEffect(0.03)).anytime
    counts = rng.binomial(units, [[0.1], [0.13]], (2, 1_000)).tolist()
    won = [
        compare(
            WON, "b", (moments_of_counts(units, a), moments_of_counts(units, b)), DecisionRule()
        )
        for a, b in zip(*counts, strict=True)
    ]
    assert np.mean([each.p_value <= 0.05 for each in won]) == pytest.approx(0.8, abs=0.04)


def test_more_variants_share_alpha_and_more_power_takes_more() -> None:
    one = of_proportions(0.1, DetectableEffect(0.02))
    three = of_proportions(0.1, DetectableEffect(0.02, variants=4))
    assert three == of_proportions(0.1, DetectableEffect(0.02, alpha=0.05 / 3))
    sure = of_proportions(0.1, DetectableEffect(0.02, power=0.95))
    for more in (three, sure):
        assert more.once > one.once
        assert more.anytime > one.anytime


@pytest.mark.parametrize(("spread", "effect"), [(1.0, 1e6), (5e-324, 1e300)])
def test_what_is_plain_takes_few_units(spread: float, effect: float) -> None:
    found = of_means(spread, DetectableEffect(effect))
    assert (found.once, found.anytime, found.speaks_from) == (93, 93, 93)
    skewed = of_means(spread, DetectableEffect(effect), skewness=-2.0)
    assert (skewed.once, skewed.anytime) == (1600, 1600)


def test_a_proportion_may_speak_at_once() -> None:
    found = of_proportions(0.1, DetectableEffect(0.8))
    assert (found.once, found.anytime, found.speaks_from) == (5, 30, 0)


def test_days_are_those_of_all_units_and_of_the_last_ones_window() -> None:
    assert days_needed(1_000, 250, 0) == 4
    assert days_needed(1_000, 250, 43_200) == 4.5
    with pytest.raises(BadInput, match="per-day"):
        days_needed(1_000, 0, 0)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (lambda: DetectableEffect(0.0), "effect"),
        (lambda: DetectableEffect(float("nan")), "effect"),
        (lambda: DetectableEffect(0.1, alpha=0.0), "alpha"),
        (lambda: DetectableEffect(0.1, alpha=5e-324), "alpha"),
        (lambda: DetectableEffect(0.1, power=1.0), "power"),
        (lambda: DetectableEffect(0.1, power=0.05), "power"),
        (lambda: DetectableEffect(0.1, variants=1), "variants"),
        (lambda: of_proportions(0.0, DetectableEffect(0.1)), "baseline"),
        (lambda: of_proportions(0.5, DetectableEffect(0.5)), "effect"),
        (lambda: of_proportions(0.5, DetectableEffect(1e-9)), "effect"),
        (lambda: of_means(0.0, DetectableEffect(0.1)), "spread"),
        (lambda: of_means(1.0, DetectableEffect(0.1), skewness=1e5), "skewness"),
        (lambda: of_means(1.0, DetectableEffect(0.1), skewness=math.nan), "skewness"),
        (lambda: of_means(1.0, DetectableEffect(1 / MOST_UNITS)), "effect"),
        (lambda: of_means(1e300, DetectableEffect(1e-300)), "effect"),
    ],
)
def test_what_cannot_be_asked_names_its_field(wrong, field: str) -> None:
    with pytest.raises(BadInput) as refused:
        wrong()
    assert refused.value.field == field
