"""What a comparison must not say yet: a skewed mean of few units, a metric without its window."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from scipy.stats import skew

from runlore.experiments.rules.analysis import Observed, analyse_metrics
from runlore.experiments.rules.comparison import compare
from runlore.experiments.rules.design import DecisionRule, Variant, design
from runlore.experiments.rules.estimate import arms
from runlore.experiments.rules.outcome_metric import Metric
from runlore.experiments.rules.skewness import check_skewness, units_needed
from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import BadInput
from runlore.kernel.intervals import Interval
from runlore.kernel.moments import Moments, moments_of, moments_of_counts

COST = Metric("cost", "mean", "lower")
WON = Metric("won", "proportion", "higher")
RULE = DecisionRule(correction="none")
NOTHING = Interval(-math.inf, math.inf)
WEEK_S = 7 * DAY_S


def of_skewness(n: int, skewness: float, mean: float = 1.0) -> Moments:
    """n units with a variance of 1."""
    return Moments(n, (mean,), ((n - 1.0,),), (n * skewness,))


def test_units_needed_are_355_per_squared_skewness_and_no_fewer_than_a_skewness_can_be_known() -> (
    None
):
    assert [units_needed(s) for s in (0.0, 1.0, -1.0, 2.0)] == [93, 524, 524, 1600]
    for skewness in (0.0, 0.3, 1.0, 5.0, 40.0):
        n = units_needed(skewness)
        assert n >= 355 * (skewness + 2 * math.sqrt(6 / n)) ** 2
        assert n - 1 < 355 * (skewness + 2 * math.sqrt(6 / (n - 1))) ** 2
    assert units_needed(400.0) == pytest.approx(355 * 400**2, rel=0.01)


def test_skewness_is_that_of_what_each_unit_adds_to_the_estimate() -> None:
    rng = np.random.default_rng(1)
    value, views, usual = rng.lognormal(0, 1, 900), 1.0 + rng.poisson(4, 900), rng.gamma(2, 1, 900)
    exact = pytest.approx
    mean, _ = arms(COST, moments_of(value), moments_of(value))
    assert mean.skewness == exact(skew(value), rel=0.01)
    per_view = Metric("x", "ratio", "lower")
    ratio, _ = arms(per_view, moments_of(value, views), moments_of(value, views))
    assert ratio.skewness == exact(skew(value - ratio.value * views), rel=0.01)
    with_usual = Metric("x", "mean", "lower", has_covariate=True)
    cuped, _ = arms(with_usual, moments_of(value, usual), moments_of(value, usual))
    slope = np.cov(value, usual)[0, 1] / np.var(usual, ddof=1)
    assert cuped.skewness == exact(skew(value - slope * usual), rel=0.01)
    both = Metric("x", "ratio", "lower", has_covariate=True)
    found, _ = arms(both, moments_of(value, views, usual), moments_of(value, views, usual))
    adds = (value - ratio.value * views) / views.mean()
    slope = np.cov(adds, usual)[0, 1] / np.var(usual, ddof=1)
    assert found.skewness == exact(skew(adds - slope * usual), rel=0.01)
    assert arms(COST, moments_of([2.0] * 50), moments_of([2.0] * 50))[0].skewness == 0
    unknown = Moments(50, (1.0,), ((50.0,),))
    assert math.isnan(arms(COST, unknown, unknown)[0].skewness)


@drawn(
    st.lists(st.lists(st.floats(-9, 9), min_size=3, max_size=3), min_size=2, max_size=12),
    st.integers(1, 11),
)
def test_thirds_of_parts_add_up_to_those_of_the_whole(rows: list[list[float]], cut: int) -> None:
    values = np.array(rows)
    first, rest = values[:cut], values[cut:]
    whole, parts = moments_of(*values.T), moments_of(*first.T).merged(moments_of(*rest.T))
    assert parts.thirds == pytest.approx(whole.thirds, rel=1e-9, abs=1e-6)


def test_thirds_that_are_not_known_of_one_part_are_not_known_of_the_whole() -> None:
    part = moments_of([1.0, 2.0, 9.0])
    assert part.merged(Moments(2, (1.0,), ((1.0,),))).thirds == ()
    assert Moments.from_json({"n": 2, "means": [1.0], "products": [[1.0]]}).thirds == ()
    assert moments_of_counts(10, 3).thirds == pytest.approx(moments_of([1] * 3 + [0] * 7).thirds)
    with pytest.raises(BadInput, match="thirds"):
        Moments(2, (1.0,), ((1.0,),), (1.0, 2.0))


@pytest.mark.parametrize("skewed", [0, 1])
def test_both_arms_need_what_the_more_skewed_one_needs(skewed: int) -> None:
    n = units_needed(2.0)

    def pair(*units: int) -> tuple[Moments, Moments]:
        one, other = (of_skewness(u, -2.0 * (at == skewed)) for at, u in enumerate(units))
        return one, other

    assert check_skewness(COST, *pair(n, n)) is None
    for units in ((n - 1, 10 * n), (10 * n, n - 1)):
        found = check_skewness(COST, *pair(*units))
        assert found is not None
        assert (found.known, found.needed, found.skewness) == (n - 1, n, pytest.approx(2.0))
    assert check_skewness(Metric("x", "proportion", "lower"), *pair(50, 50)) is None
    unknown = Moments(50, (1.0,), ((50.0,),))
    assert check_skewness(COST, unknown, unknown) is None


def test_a_ratio_waits_as_a_mean_does() -> None:
    rng = np.random.default_rng(2)
    one, other = (moments_of(rng.lognormal(0, 1, 900), np.ones(900)) for _ in range(2))
    found = check_skewness(Metric("x", "ratio", "lower"), one, other)
    assert found is not None
    assert found.needed > 900


def test_before_that_a_comparison_says_nothing_and_then_all_of_it() -> None:
    n = units_needed(2.0)
    early = compare(COST, "b", (of_skewness(n - 1, 2.0), of_skewness(n - 1, 2.0, 0.1)), RULE)
    assert (early.interval, early.p_value, early.loss) == (NOTHING, 1.0, "open")
    assert (early.difference, early.needs_units) == (pytest.approx(-0.9), n)
    assert "cost is skewed (2), so its mean says nothing before 1,600 units" in early.withheld
    due = compare(COST, "b", (of_skewness(n, 2.0), of_skewness(n, 2.0, 0.1)), RULE)
    assert (due.withheld, due.needs_units, due.loss) == ("", 0, "kept")
    assert due.p_value < 1e-9


def observed(n: int, skewness: float, value: float = 0.1) -> dict[str, Observed]:
    pair = {"control": of_skewness(n, skewness), "b": of_skewness(n, skewness, value)}
    return {name: Observed(n, {"cost": moments}) for name, moments in pair.items()}


@pytest.mark.parametrize("horizon", ["anytime", "fixed"])
def test_a_test_waits_for_the_units_and_says_how_many(horizon: str) -> None:
    rule = DecisionRule(horizon=horizon)  # type: ignore[arg-type]
    test = design("t", (Variant("b"),), (COST,), rule=rule)
    early = analyse_metrics(test, observed(1_599, 2.0), WEEK_S)
    assert (early.answer, early.winner, early.is_final) == ("not yet", None, False)
    assert "1,600 units of each variant; the smaller one has 1,599" in early.reasons[0]
    due = analyse_metrics(test, observed(1_600, 2.0), WEEK_S)
    assert (due.answer, due.winner, due.is_final) == ("winner", "b", True)


@pytest.mark.parametrize(("role", "is_final"), [("guardrail", False), ("secondary", True)])
def test_a_fixed_horizon_waits_for_what_decides_only(role: str, is_final: bool) -> None:
    cost = Metric("cost", "mean", "lower", role, 0.1)  # type: ignore[arg-type]
    test = design("t", (Variant("b"),), (WON, cost), rule=DecisionRule(horizon="fixed"))
    arms_ = {
        name: Observed(1_000, {**each.metrics, "won": moments_of_counts(1_000, 300)})
        for name, each in observed(1_000, 2.0, 1.0).items()
    }
    assert analyse_metrics(test, arms_, WEEK_S).is_final is is_final


def test_of_several_variants_the_one_that_needs_most_is_named() -> None:
    rule = DecisionRule(horizon="fixed")
    test = design("t", (Variant("b"), Variant("c")), (COST,), rule=rule)
    held = observed(1_000, 2.0) | {"c": Observed(1_000, {"cost": of_skewness(1_000, 3.0)})}
    found = analyse_metrics(test, held, WEEK_S)
    assert [reason for reason in found.reasons if "skewed" in reason] == [
        "cost is skewed (3), so its mean says nothing before 3,378 units of each variant; the "
        "smaller one has 1,000. A plan with a `cap`, or a quantile, needs fewer"
    ]


def counts(control: int, variant: int, *metrics: str) -> dict[str, Observed]:
    pair = zip(("control", "b"), (control, variant), strict=True)
    return {
        arm: Observed(20_000, {name: moments_of_counts(20_000, hits) for name in metrics})
        for arm, hits in pair
    }


@pytest.mark.parametrize("horizon", ["anytime", "fixed"])
def test_a_metric_without_its_window_decides_nothing_and_shows_no_effect(horizon: str) -> None:
    again = replace(WON, name="again")
    rule = DecisionRule(horizon=horizon)  # type: ignore[arg-type]
    test = design("t", (Variant("b"),), (WON, again), rule=rule)
    arms_ = counts(2_000, 9_000, "won", "again")
    assert analyse_metrics(test, arms_, WEEK_S).winner == "b"
    found = analyse_metrics(test, arms_, WEEK_S, {"won": "it has no window"})
    assert (found.answer, found.winner, found.is_final) == ("not yet", None, False)
    assert (found.reasons, found.chi_square) == (("it has no window",), {})
    first, second = found.comparisons
    assert (first.withheld, first.needs_units) == ("it has no window", 0)
    assert (first.interval, first.p_value, first.adjusted_p) == (NOTHING, 1.0, 1.0)
    assert (first.loss, first.answer) == ("open", "no difference shown")
    assert (second.withheld, second.answer) == ("", "better")
