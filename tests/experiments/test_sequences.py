"""Intervals for any look: against integrals and resampling, and held at every look."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from runlore.experiments.rules.comparison import compare
from runlore.experiments.rules.design import DecisionRule
from runlore.experiments.rules.estimate import (
    LEAST_UNITS,
    Arm,
    arms,
    cautious_arms,
    combined,
    contrast,
)
from runlore.experiments.rules.loss import answer, excess, excess_once, sides
from runlore.experiments.rules.outcome_metric import Metric
from runlore.experiments.rules.quantiles import quantile_interval
from runlore.experiments.rules.sequence import (
    NOTHING_KNOWN,
    Contrast,
    interval,
    mixture_units,
    multiplier,
    p_value,
)
from runlore.experiments.rules.sketch import sketch_of
from runlore.kernel.intervals import Interval
from runlore.kernel.moments import Moments, moments_of, moments_of_counts
from tests.oracles import rollout as oracle

MEAN = Metric("x", "mean", "higher")
RATIO = Metric("x", "ratio", "higher")
CUPED = Metric("x", "mean", "higher", has_covariate=True)
SHARE = Metric("x", "proportion", "higher")


@pytest.mark.parametrize("units", [60.0, 800.0, 5_000.0, 90_000.0])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_an_interval_is_what_a_mixture_of_likelihoods_does_not_refute(
    units: float, alpha: float
) -> None:
    prior = mixture_units(alpha, 5_000)
    error = 0.7 / math.sqrt(units)
    found = interval(Contrast(0.3, error**2, units), alpha)
    expected = oracle.mixture_interval(0.3, error, units, prior, alpha)
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.02, 0.06])
def test_a_p_value_is_one_over_the_mixtures_e_value(value: float) -> None:
    error, units = 0.015, 3_000.0
    e_value = oracle.mixture_e_value(value, error, units, mixture_units(0.05, 5_000))
    expected = min(1.0, 1 / e_value)
    assert p_value(Contrast(value, error**2, units), 0.05) == pytest.approx(expected, rel=1e-6)


@given(st.floats(-1, 1), st.floats(1e-4, 1), st.floats(60, 1e6), st.sampled_from([0.1, 0.05, 0.01]))
def test_p_is_at_most_alpha_exactly_when_the_interval_leaves_out_0(
    value: float, error: float, units: float, alpha: float
) -> None:
    given_ = Contrast(value, error**2, units)
    p = p_value(given_, alpha)
    if abs(p - alpha) > 1e-9:
        assert (p < alpha) == interval(given_, alpha).leaves_out(0.0)


def test_intervals_are_narrowest_about_where_they_are_asked_to_be() -> None:
    def squared(prior: float) -> float:
        ratio = 2_000 / prior
        return (1 + 1 / ratio) * (-2 * math.log(0.05) + math.log1p(ratio))

    best = minimize_scalar(squared, bounds=(10, 5_000), method="bounded").fun
    assert multiplier(2_000, 0.05, 2_000) == pytest.approx(math.sqrt(best), rel=1e-3)


def test_the_multiplier_is_large_early_and_grows_slowly_late() -> None:
    found = [multiplier(units, 0.05) for units in (60, 500, 5_000, 50_000, 5_000_000)]
    assert found == sorted(found[:2], reverse=True) + found[2:]
    assert found[0] > 8
    assert 3 < found[2] < 3.1 < found[3] < found[4] < 4.6


@pytest.mark.parametrize(
    "unusable",
    [
        Contrast(math.nan, 1.0, 100.0),
        Contrast(0.1, 0.0, 100.0),
        Contrast(0.1, math.inf, 100.0),
        Contrast(0.1, math.nan, 100.0),
        Contrast(0.1, 1.0, 0.0),
    ],
)
def test_what_cannot_be_computed_says_nothing(unusable: Contrast) -> None:
    assert interval(unusable, 0.05) == NOTHING_KNOWN
    assert p_value(unusable, 0.05) == 1.0
    assert not NOTHING_KNOWN.leaves_out(0.0)


def test_a_ratios_variance_is_the_jackknifes() -> None:
    rng = np.random.default_rng(2)
    views = rng.integers(1, 9, 400).astype(float)
    clicks = rng.binomial(views.astype(int), 0.3).astype(float)
    found, _ = arms(RATIO, moments_of(clicks, views), moments_of(clicks, views))
    assert found.value == pytest.approx(clicks.sum() / views.sum())
    expected = oracle.jackknife_variance(clicks.tolist(), views.tolist())
    assert found.variance == pytest.approx(expected, rel=0.02)


def test_cuped_is_a_regression_on_the_covariate() -> None:
    rng = np.random.default_rng(3)
    before = rng.normal(10, 3, 2_000), rng.normal(10, 3, 1_500)
    after = [
        usual + rng.normal(shift, 1, usual.size)
        for usual, shift in zip(before, (0, 0.3), strict=True)
    ]
    pair = arms(CUPED, moments_of(after[0], before[0]), moments_of(after[1], before[1]))
    found = contrast(pair)
    expected = oracle.regression_adjusted(after[0], after[1], before)
    assert found.value == pytest.approx(expected, rel=1e-9)
    plain = contrast(arms(MEAN, moments_of(after[0]), moments_of(after[1])))
    assert found.variance < 0.15 * plain.variance


def test_a_ratio_may_have_a_covariate_too() -> None:
    metric = Metric("x", "ratio", "higher", has_covariate=True)
    rng = np.random.default_rng(4)
    usual, views = rng.gamma(3, 1, 3_000), 1.0 + rng.poisson(3, 3_000)
    spent = usual * views + rng.normal(0, 0.1, 3_000)
    given_ = moments_of(spent, views, usual)
    with_it, _ = arms(metric, given_, given_)
    without, _ = arms(RATIO, moments_of(spent, views), moments_of(spent, views))
    assert with_it.value == pytest.approx(without.value)
    assert with_it.variance < 0.5 * without.variance


def test_a_covariate_that_never_varies_changes_nothing() -> None:
    values = [1.0, 2.0, 4.0] * 20
    flat = moments_of(values, [7.0] * 60)
    found, _ = arms(CUPED, flat, flat)
    expected, _ = arms(MEAN, moments_of(values), moments_of(values))
    assert (found.value, found.spread) == pytest.approx((expected.value, expected.spread))


@pytest.mark.parametrize("shift", [0.0, 10.0, 1e6, 1e9])
@pytest.mark.parametrize("horizon", ["anytime", "fixed"])
def test_units_with_no_spread_of_their_own_show_nothing(shift: float, horizon: str) -> None:
    rule, rng = DecisionRule(horizon=horizon), np.random.default_rng(5)
    for sizes in rng.integers(100, 2000, (40, 2)):
        given_ = [shift + rng.normal(5, 1, size) for size in sizes]
        ratio = tuple(moments_of(0.1 * each, each) for each in given_)
        known = tuple(moments_of(3 * each + 1, each) for each in given_)
        for metric, (control, variant) in ((RATIO, ratio), (CUPED, known)):
            found = compare(metric, "b", (control, variant), rule)
            assert (found.p_value, found.interval) == (1.0, NOTHING_KNOWN)


def test_a_small_spread_beside_a_large_value_is_not_taken_for_rounding() -> None:
    rng = np.random.default_rng(6)
    control, variant = (moments_of(1e9 + rng.normal(shift, 1, 5000)) for shift in (0.0, 0.2))
    found = compare(MEAN, "b", (control, variant), DecisionRule())
    assert found.p_value < 1e-6
    assert found.interval.leaves_out(0.0)


def test_a_ratio_to_next_to_nothing_has_no_value() -> None:
    arm = moments_of(np.arange(40.0), np.full(40, 5e-324))
    found = compare(RATIO, "b", (arm, arm), DecisionRule())
    assert math.isnan(found.variant_value)
    assert found.p_value == 1.0


def test_a_small_arm_is_not_surer_than_both_together() -> None:
    lucky = Moments(50, (0.0,), ((0.0,),))
    control = Moments(5_000, (1.0,), ((20_000.0,),))
    pair = cautious_arms(MEAN, control, lucky)
    assert pair[1].spread == pytest.approx(control.merged(lucky).covariance(0, 0))
    assert pair[0].spread == pytest.approx(max(control.covariance(0, 0), pair[1].spread))
    assert pair[1].value == 0.0


def test_a_proportion_gets_two_successes_and_two_failures() -> None:
    control, variant = cautious_arms(SHARE, moments_of_counts(96, 0), moments_of_counts(36, 36))
    assert (control.value, variant.value) == (0.02, 0.95)
    assert control.variance == pytest.approx(0.02 * 0.98 / 100)
    assert variant.variance == pytest.approx(0.95 * 0.05 / 40)


def test_too_few_units_in_either_arm_say_nothing() -> None:
    enough, few = Arm(1.0, 1.0, LEAST_UNITS), Arm(1.0, 1.0, LEAST_UNITS - 1)
    assert contrast((enough, enough)).is_usable
    assert not contrast((enough, few)).is_usable
    assert not contrast((few, enough)).is_usable


def test_a_contrast_takes_times_the_control_and_something_more() -> None:
    found = contrast((Arm(10.0, 4.0, 100), Arm(13.0, 9.0, 300)), times=1.1, less=0.5)
    assert found.value == pytest.approx(13 - 11 - 0.5)
    assert found.variance == pytest.approx(9 / 300 + 1.1**2 * 4 / 100)
    assert found.units == pytest.approx(4 / (1 / 100 + 1 / 300))


def test_strata_are_weighted_by_their_units_and_unusable_ones_left_out() -> None:
    parts = [Contrast(1.0, 0.5, 100.0), Contrast(3.0, 0.1, 300.0), Contrast(math.nan, 1.0, 50.0)]
    found = combined(parts)
    assert found.value == pytest.approx(2.5)
    assert found.variance == pytest.approx((100**2 * 0.5 + 300**2 * 0.1) / 400**2)
    assert found.units == 400.0
    assert not combined(parts[2:]).is_usable
    assert not combined([]).is_usable


def test_strata_of_one_split_tell_as_much_as_their_sum() -> None:
    rng = np.random.default_rng(5)
    control, variant = rng.normal(0, 1, 4_000), rng.normal(0.2, 1, 4_000)
    halves = [
        contrast(arms(MEAN, moments_of(control[part]), moments_of(variant[part])))
        for part in (slice(0, 2_000), slice(2_000, 4_000))
    ]
    whole = contrast(arms(MEAN, moments_of(control), moments_of(variant)))
    found = combined(halves)
    assert found.value == pytest.approx(whole.value)
    assert found.variance == pytest.approx(whole.variance, rel=0.01)
    assert found.units == whole.units


@pytest.mark.parametrize(
    ("better", "loss_is", "variant", "lost"),
    [
        ("lower", "relative", 2.3, 2.3 - 2 * 1.1),
        ("higher", "relative", 1.7, 2 * 0.9 - 1.7),
        ("lower", "absolute", 2.3, 0.3 - 0.1),
        ("higher", "absolute", 1.7, 0.3 - 0.1),
        ("lower", "relative", 1.5, 1.5 - 2.2),
    ],
)
def test_a_loss_is_taken_beyond_what_is_tolerated(
    better: str, loss_is: str, variant: float, lost: float
) -> None:
    metric = Metric("x", "mean", better, "guardrail", 0.1, loss_is)  # type: ignore[arg-type]
    pair = (Moments(9_000, (2.0,), ((900.0,),)), Moments(9_000, (variant,), ((900.0,),)))
    found = excess(sides(metric, [pair]), 0.1, 0.05)
    assert (found.low + found.high) / 2 == pytest.approx(lost)
    assert answer(found) == ("broken" if lost > 0 else "kept")


@pytest.mark.parametrize("better", ["higher", "lower"])
@pytest.mark.parametrize("value", [-10.0, -0.001, 0.001, 10.0])
def test_what_is_tolerated_is_a_share_of_how_far_the_control_is_from_0(
    better: str, value: float
) -> None:
    """A profit that is a loss: the same again is kept, a fifth of it worse is broken."""
    metric = Metric("profit", "mean", better, "guardrail", 0.1)  # type: ignore[arg-type]

    def of(times: float, spread: float) -> tuple[str, str]:
        worse = value + metric.sign * times * abs(value)
        pair = tuple(Moments(9_000, (mean,), ((9_000 * spread**2,),)) for mean in (value, worse))
        anytime = excess(sides(metric, [pair]), 0.1, 0.05)  # type: ignore[list-item]
        return answer(anytime), answer(excess_once(metric, pair, 0.05))  # type: ignore[arg-type]

    near = abs(value) / 10
    assert of(0.0, near) == of(-0.2, near) == of(0.05, near) == ("kept", "kept")
    assert of(0.2, near) == of(0.15, near) == ("broken", "broken")
    assert of(0.1, near) == ("open", "open")
    assert of(0.0, 100 * abs(value)) == ("open", "open"), "the sign is anybody's guess"


@pytest.mark.parametrize("value", [-10.0, 10.0])
def test_a_quantile_below_0_may_lose_a_share_too(value: float) -> None:
    rng = np.random.default_rng(2)
    metric = Metric("x", "quantile", "higher", "guardrail", 0.1)

    def of(times: float) -> str:
        control, variant = value + 0.1 * rng.standard_normal((2, 4_000))
        pair = (sketch_of(control), sketch_of(variant - times * abs(value)))
        return answer(excess(sides(metric, [pair]), 0.1, 0.05))

    assert [of(times) for times in (0.0, 0.2)] == ["kept", "broken"]


def test_the_strata_of_a_quantile_spend_no_more_than_alpha_together() -> None:
    metric = Metric("x", "quantile", "lower", "guardrail", 0.1)
    rng = np.random.default_rng(3)
    pair = (sketch_of(rng.lognormal(0, 0.5, 400)), sketch_of(rng.lognormal(0, 0.5, 400)))
    levels = [0.05 / (k * (k + 1)) for k in range(1, 1_000)]
    assert sum(levels) < 0.05
    for k, level in enumerate(levels[:5], start=1):
        found = excess(sides(metric, [pair] * k), 0.1, 0.05)
        assert found == quantile_interval(*pair, 0.5, level, times=1.1)
    narrow = excess(sides(metric, [pair], is_only=True), 0.1, 0.05)
    assert narrow == quantile_interval(*pair, 0.5, 0.05, times=1.1)
    assert found.high - found.low > narrow.high - narrow.low


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ((0.1, 0.2), "broken"),
        ((-0.2, -0.1), "kept"),
        ((-0.1, 0.1), "open"),
        ((0.0, 1.0), "open"),
        ((-1.0, 0.0), "open"),
    ],
)
def test_a_loss_is_answered_only_by_an_interval_on_one_side(
    found: tuple[float, float], said: str
) -> None:
    assert answer(Interval(*found)) == said


@pytest.mark.parametrize("share", [0.5, 0.1])
@pytest.mark.parametrize("kind", ["rare", "skewed"])
def test_intervals_hold_at_every_look_also_early_and_uneven(share: float, kind: str) -> None:
    """120 streams, 30 looks each; bench/rollout.py has more of both."""
    rng = np.random.default_rng(6)
    metric = SHARE if kind == "rare" else MEAN
    looks = np.unique(np.geomspace(80, 6_000, 30).astype(int))
    missed = 0
    for _ in range(120):
        is_mine = rng.random(looks[-1]) < share
        values = (
            rng.random(looks[-1]) < 0.01 if kind == "rare" else rng.lognormal(0, 1.2, looks[-1])
        )
        pairs = (
            (moments_of(values[:look][~is_mine[:look]]), moments_of(values[:look][is_mine[:look]]))
            for look in looks
        )
        rule = DecisionRule(correction="none")
        missed += any(compare(metric, "b", pair, rule).interval.leaves_out(0) for pair in pairs)
    assert missed <= 6
