"""A test is decided by the rule written down before, and by nothing else."""

import json
from dataclasses import replace

import numpy as np
import pytest

from runlore.experiments.rules.analysis import Analysis, Observed, analyse_metrics
from runlore.experiments.rules.assignment import GroupShare, assign
from runlore.experiments.rules.comparison import adjusted
from runlore.experiments.rules.design import DecisionRule, Design, Variant, design
from runlore.experiments.rules.outcome_metric import Metric, Statistics
from runlore.experiments.rules.sketch import sketch_of
from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import BadInput
from runlore.kernel.json_values import as_json
from runlore.kernel.moments import Moments, moments_of, moments_of_counts

WON = Metric("won", "proportion", "higher")
COST = Metric("cost", "mean", "lower", "guardrail", tolerated_loss=0.1)
SEEN = Metric("seen", "mean", "higher", "secondary")
PAIR = design("pair", (Variant("b"),), (WON,))
GUARDED = design("guarded", (Variant("b"),), (WON, COST))
SIX = design("six", tuple(Variant(name) for name in "bcdef"), (WON,))
WEEK_S = 7 * DAY_S


def won(*rates: float, units: int = 20_000, names: str = "bcdef") -> dict[str, Observed]:
    each = zip(("control", *names), rates, strict=False)
    return {
        name: Observed(units, {"won": moments_of_counts(units, round(units * rate))})
        for name, rate in each
    }


def guarded(rate: float, cost: float) -> dict[str, Observed]:
    found = won(0.1, rate)
    for name, value in (("control", 2.0), ("b", cost)):
        moments = Moments(20_000, (value,), ((20_000.0,),))
        found[name] = Observed(20_000, {**found[name].metrics, "cost": moments})
    return found


def of_rule(test: Design, **values: object) -> Design:
    return replace(test, rule=replace(test.rule, **values))  # type: ignore[arg-type]


def test_a_variant_shown_to_be_better_wins_at_any_look() -> None:
    found = analyse_metrics(PAIR, won(0.1, 0.12), WEEK_S)
    assert (found.answer, found.winner, found.is_final) == ("winner", "b", True)
    [comparison] = found.comparisons
    assert comparison.answer == "better"
    assert comparison.difference == pytest.approx(0.02)
    assert comparison.relative == pytest.approx(0.2)
    assert comparison.interval.low > 0
    assert found.reasons[0].startswith("b is better: won 0.1 → 0.12")
    assert found.chi_square == {}


def test_the_control_wins_when_every_variant_is_worse() -> None:
    test = design("three", (Variant("b"), Variant("c")), (WON,))
    found = analyse_metrics(test, won(0.12, 0.1, 0.1), WEEK_S)
    assert (found.answer, found.winner, found.is_final) == ("winner", "control", True)
    some = analyse_metrics(test, won(0.12, 0.1, 0.12), WEEK_S)
    assert (some.answer, some.winner, some.is_final) == ("not yet", None, False)


def test_where_lower_is_better_the_lower_wins() -> None:
    test = replace(PAIR, metrics=(replace(WON, better="lower"),))
    assert analyse_metrics(test, won(0.12, 0.1), WEEK_S).winner == "b"
    assert analyse_metrics(test, won(0.1, 0.12), WEEK_S).winner == "control"


def test_no_difference_shown_is_not_decided_yet() -> None:
    found = analyse_metrics(PAIR, won(0.1, 0.101), WEEK_S)
    assert (found.answer, found.winner, found.is_final) == ("not yet", None, False)
    assert found.comparisons[0].answer == "no difference shown"


@pytest.mark.parametrize(("units", "answer"), [(99, "not yet"), (100, "winner")])
def test_every_variant_needs_its_units(units: int, answer: str) -> None:
    found = analyse_metrics(PAIR, won(0.1, 0.9, units=units), WEEK_S)
    assert found.answer == answer
    if answer == "not yet":
        assert found.reasons == ("the smallest variant has 99 units; a decision needs 100",)


def test_units_of_a_larger_variant_do_not_make_up_for_a_smaller_one() -> None:
    test = design("uneven", (Variant("control", 10.0), Variant("b", 1.0)), (WON,))
    observed = won(0.1, 0.9, units=99)
    observed["control"] = Observed(990, {"won": moments_of_counts(990, 99)})
    assert analyse_metrics(test, observed, WEEK_S).answer == "not yet"


@pytest.mark.parametrize(
    ("elapsed_s", "answer"), [(DAY_S - 1, "not yet"), (DAY_S, "winner"), (float("nan"), "not yet")]
)
def test_a_test_needs_its_time(elapsed_s: float, answer: str) -> None:
    assert analyse_metrics(PAIR, won(0.1, 0.2), elapsed_s).answer == answer


def test_a_fixed_horizon_is_decided_once_and_then_for_good() -> None:
    fixed = of_rule(PAIR, horizon="fixed", least_units=20_000)
    early = analyse_metrics(fixed, won(0.1, 0.5, units=19_999), WEEK_S)
    assert (early.answer, early.is_final) == ("not yet", False)
    same = analyse_metrics(fixed, won(0.1, 0.101), WEEK_S)
    assert (same.answer, same.winner, same.is_final) == ("no winner", None, True)
    better = analyse_metrics(fixed, won(0.1, 0.107), WEEK_S)
    assert (better.answer, better.winner, better.is_final) == ("winner", "b", True)
    assert better.chi_square["won"] == pytest.approx(better.comparisons[0].p_value)
    assert analyse_metrics(PAIR, won(0.1, 0.107), WEEK_S).answer == "not yet", (
        "to look costs something"
    )


def test_a_winner_has_every_guardrail_shown_to_be_kept() -> None:
    assert analyse_metrics(GUARDED, guarded(0.12, 2.0), WEEK_S).winner == "b"
    broken = analyse_metrics(GUARDED, guarded(0.12, 2.4), WEEK_S)
    assert (broken.answer, broken.winner) == ("winner", "control")
    assert "b is worse" in broken.reasons[0]
    open_ = analyse_metrics(GUARDED, guarded(0.12, 2.2), WEEK_S)
    assert (open_.answer, open_.winner) == ("not yet", None)
    assert "guardrails are not shown to be kept" in open_.reasons[0]


def test_a_fixed_horizon_judges_guardrails_too() -> None:
    fixed = of_rule(GUARDED, horizon="fixed", least_units=20_000)
    assert analyse_metrics(fixed, guarded(0.12, 2.0), WEEK_S).winner == "b"
    assert analyse_metrics(fixed, guarded(0.12, 2.2), WEEK_S).answer == "no winner"
    assert analyse_metrics(fixed, guarded(0.12, 2.4), WEEK_S).winner == "control"


@pytest.mark.parametrize("horizon", ["anytime", "fixed"])
@pytest.mark.parametrize("better", ["higher", "lower"])
def test_identical_variants_of_a_control_below_0_break_no_guardrail(
    horizon: str, better: str
) -> None:
    profit = Metric("cost", "mean", better, "guardrail", tolerated_loss=0.1)  # type: ignore[arg-type]
    test = of_rule(replace(GUARDED, metrics=(WON, profit)), horizon=horizon)
    observed = guarded(0.12, 2.0)
    for name, each in observed.items():
        same = Moments(20_000, (-10.0,), ((20_000.0,),))
        observed[name] = replace(each, metrics={**each.metrics, "cost": same})
    found = analyse_metrics(test, observed, WEEK_S)
    assert (found.comparisons[1].loss, found.winner) == ("kept", "b")


def test_until_a_fixed_horizon_shares_are_judged_again_and_again_and_at_it_once() -> None:
    """Of a fair split 1 look in 100 looks like this one, and a flow looks four times an hour."""
    observed = won(0.1, 0.1, units=1_000)
    observed["b"] = replace(observed["b"], assigned=1_120)
    early = analyse_metrics(of_rule(PAIR, horizon="fixed", least_units=1_001), observed, WEEK_S)
    assert (early.answer, early.sample_ratio.is_mismatch) == ("not yet", False)
    due = analyse_metrics(of_rule(PAIR, horizon="fixed", least_units=1_000), observed, WEEK_S)
    assert (due.answer, due.sample_ratio.is_mismatch) == ("invalid", True)
    observed["b"] = replace(observed["b"], assigned=1_400)
    gross = analyse_metrics(of_rule(PAIR, horizon="fixed", least_units=1_001), observed, WEEK_S)
    assert gross.answer == "invalid", "what is gross is found at once"


def test_until_a_fixed_horizon_losses_are_judged_again_and_again_and_at_it_once() -> None:
    def cost(least_units: int, value: float) -> str:
        test = of_rule(GUARDED, horizon="fixed", least_units=least_units)
        return analyse_metrics(test, guarded(0.1, value), WEEK_S).comparisons[1].loss

    assert [cost(units, 2.225) for units in (20_001, 20_000)] == ["open", "broken"]
    assert cost(20_001, 2.4) == "broken"


def test_better_in_one_primary_metric_and_worse_in_another_wins_nothing() -> None:
    again = replace(WON, name="again")
    test = replace(PAIR, metrics=(WON, again))

    def of(first: float, second: float) -> Analysis:
        observed = won(0.1, first)
        for name, rate in (("control", 0.1), ("b", second)):
            held = moments_of_counts(20_000, round(20_000 * rate))
            observed[name] = Observed(20_000, {**observed[name].metrics, "again": held})
        return analyse_metrics(test, observed, WEEK_S)

    assert of(0.12, 0.1).winner == "b"
    mixed = of(0.12, 0.08)
    assert (mixed.answer, mixed.winner) == ("not yet", None)
    assert mixed.reasons[0].startswith("b is better in one metric and worse in another")
    assert of(0.1, 0.08).winner == "control"
    assert of(0.12, 0.12).winner == "b"


def test_of_several_winners_the_one_that_gains_most_is_named() -> None:
    test = design("four", (Variant("b"), Variant("c"), Variant("d")), (WON,))
    assert analyse_metrics(test, won(0.1, 0.13, 0.15, 0.1), WEEK_S).winner == "c"
    lower = replace(test, metrics=(replace(WON, better="lower"),))
    assert analyse_metrics(lower, won(0.15, 0.1, 0.08, 0.15), WEEK_S).winner == "c"


def test_secondary_metrics_are_shown_and_decide_nothing() -> None:
    test = replace(PAIR, metrics=(WON, SEEN))
    observed = won(0.1, 0.1)
    for name, value in (("control", 1.0), ("b", 2.0)):
        metrics = {**observed[name].metrics, "seen": Moments(20_000, (value,), ((20_000.0,),))}
        observed[name] = Observed(20_000, metrics)
    found = analyse_metrics(test, observed, WEEK_S)
    assert found.winner is None
    assert [each.answer for each in found.comparisons] == ["no difference shown", "better"]


def test_arms_that_did_not_get_their_shares_are_invalid_whatever_they_say() -> None:
    observed = won(0.1, 0.2)
    observed["b"] = replace(observed["b"], assigned=22_000)
    found = analyse_metrics(PAIR, observed, WEEK_S)
    assert (found.answer, found.winner, found.is_final) == ("invalid", None, False)
    assert "did not get their shares" in found.reasons[0]
    assert found.comparisons
    fixed = analyse_metrics(of_rule(PAIR, horizon="fixed"), observed, WEEK_S)
    assert (fixed.answer, fixed.is_final) == ("invalid", False)


def test_weights_are_the_shares_that_arms_are_to_get() -> None:
    test = design("weighted", (Variant("control", 4.0), Variant("b", 1.0)), (WON,))
    observed = won(0.1, 0.1)
    assert analyse_metrics(test, observed, WEEK_S).answer == "invalid"
    observed["control"] = Observed(80_000, {"won": moments_of_counts(80_000, 8_000)})
    assert analyse_metrics(test, observed, WEEK_S).answer == "not yet"


@pytest.mark.parametrize("weight", [5e-324, 1e-7])
def test_a_variant_that_would_get_next_to_no_units_is_refused(weight: float) -> None:
    success = Metric("success", "proportion", "higher")
    variants = (Variant("a"), Variant("b", weight))
    with pytest.raises(BadInput, match=r"'b' would get .* of the units; the least is 1e-06"):
        Design("t", variants, (success,), control="a")
    assert Design("t", (Variant("a"), Variant("b", 1e-5)), (success,), control="a")


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (Moments(20_000, (float("nan"),), ((1.0,),)), "no numbers"),
        (moments_of_counts(20_001, 9_000), "counted twice"),
    ],
)
def test_what_cannot_be_true_is_invalid(bad: Moments, told: str) -> None:
    observed = won(0.1, 0.2)
    observed["b"] = Observed(20_000, {"won": bad})
    found = analyse_metrics(PAIR, observed, WEEK_S)
    assert (found.answer, found.comparisons) == ("invalid", ())
    assert told in found.reasons[0]


@pytest.mark.parametrize("rule", ["none", "bonferroni", "holm", "benjamini-hochberg"])
def test_many_variants_are_corrected_for(rule: str) -> None:
    """b's p-value is 0.034 by itself: of five variants, that is to be expected now and then."""
    test = of_rule(SIX, correction=rule)
    observed = won(0.1, 0.12, 0.1, 0.1, 0.1, 0.1, units=5_000)
    found = analyse_metrics(test, observed, WEEK_S)
    assert found.winner == ("b" if rule == "none" else None)


def test_secondary_metrics_are_a_family_of_their_own() -> None:
    """b's 0.034 is not doubled because something else is shown beside it."""
    test = replace(PAIR, metrics=(WON, replace(WON, name="again", role="secondary")))
    observed = {
        name: Observed(5_000, {**each.metrics, "again": each.metrics["won"]})
        for name, each in won(0.1, 0.12, units=5_000).items()
    }
    assert analyse_metrics(test, observed, WEEK_S).winner == "b"


def test_bonferroni_widens_intervals_so_that_they_agree_with_the_answer() -> None:
    test = of_rule(SIX, correction="bonferroni")
    for rate in np.linspace(0.12, 0.13, 21):
        found = analyse_metrics(
            test, won(0.1, float(rate), 0.1, 0.1, 0.1, 0.1, units=5_000), WEEK_S
        )
        first = found.comparisons[0]
        assert first.interval.leaves_out(0) == (first.answer == "better")


def test_corrections_are_statsmodels_and_by_hand_the_same() -> None:
    test = design(
        "four", (Variant("b"), Variant("c"), Variant("d")), (WON,), rule=DecisionRule("fixed")
    )
    found = analyse_metrics(test, won(0.1, 0.107, 0.106, 0.104), WEEK_S).comparisons
    p = sorted(each.p_value for each in found)
    holm = np.minimum(np.maximum.accumulate([3 * p[0], 2 * p[1], p[2]]), 1)
    assert sorted(each.adjusted_p for each in found) == pytest.approx(holm)
    rule = DecisionRule("fixed", correction="benjamini-hochberg")
    bh = np.minimum.accumulate(np.array([3 * p[0], 1.5 * p[1], p[2]])[::-1])[::-1]
    assert sorted(e.adjusted_p for e in adjusted(found, (WON,), rule)) == pytest.approx(bh)


def test_each_kind_of_metric_is_compared_under_either_horizon() -> None:
    rng = np.random.default_rng(1)
    kinds = (
        Metric("mean", "mean", "higher"),
        Metric("ratio", "ratio", "higher", "secondary"),
        Metric("cuped", "mean", "higher", "secondary", has_covariate=True),
        Metric("p90", "quantile", "higher", "secondary", quantile=0.9),
    )

    def of(times: float) -> Observed:
        usual = rng.gamma(2, 1, 8_000)
        values = (usual + rng.gamma(2, 0.5, 8_000)) * times
        views = 1.0 + rng.poisson(3, 8_000)
        metrics: dict[str, Statistics] = {
            "mean": moments_of(values),
            "ratio": moments_of(values * views, views),
            "cuped": moments_of(values, usual),
            "p90": sketch_of(values),
        }
        return Observed(8_000, metrics)

    observed = {"control": of(1.0), "b": of(1.1)}
    widths = {}
    for horizon in ("anytime", "fixed"):
        test = design("kinds", (Variant("b"),), kinds, rule=DecisionRule(horizon))  # type: ignore[arg-type]
        found = analyse_metrics(test, observed, WEEK_S)
        assert [each.answer for each in found.comparisons] == ["better"] * 4
        widths[horizon] = [each.interval.high - each.interval.low for each in found.comparisons]
    assert all(w > f for w, f in zip(widths["anytime"][:3], widths["fixed"][:3], strict=True))
    assert widths["anytime"][2] < 0.7 * widths["anytime"][0], "CUPED is narrower"


def test_a_control_is_added_when_none_is_named() -> None:
    assert [v.name for v in PAIR.variants] == ["control", "b"]
    named = design("x", (Variant("a"), Variant("b", 3.0)), (WON,), control="a")
    assert (named.control, named.treatments) == ("a", ("b",))
    assert design("x", (Variant("a"), Variant("control")), (WON,)).treatments == ("a",)
    heavy = design("x", (Variant("a", 3.0), Variant("b", 1.0)), (WON,))
    assert heavy.shares == {"control": pytest.approx(1 / 3), "a": 0.5, "b": pytest.approx(1 / 6)}


def test_a_test_is_only_ever_shown_to_more_units() -> None:
    few = replace(PAIR, exposure=0.1)
    more = few.exposed_to(0.5)
    units = [str(n) for n in range(2_000)]
    first = {unit: got for unit in units if (got := assign(few.allocation, unit))}
    second = {unit: got for unit in units if (got := assign(more.allocation, unit))}
    assert first.items() < second.items()
    with pytest.raises(BadInput, match="units would leave"):
        more.exposed_to(0.2)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: design("", (Variant("b"),), (WON,)),
        lambda: design("x", (), (WON,)),
        lambda: design("x", (Variant("b"), Variant("b")), (WON,)),
        lambda: design("x", (Variant(""),), (WON,)),
        lambda: design("x", (Variant("b", 0.0),), (WON,)),
        lambda: design("x", (Variant("b"),), (SEEN,)),
        lambda: design("x", (Variant("b"),), (WON, WON)),
        lambda: design("x", (Variant("b"), Variant("c")), (WON,), control="d"),
        lambda: Design("x", (Variant("control"),), (WON,)),
        lambda: DecisionRule(alpha=0.0),
        lambda: DecisionRule(alpha=0.6),
        lambda: DecisionRule(least_units=1),
        lambda: DecisionRule(least_time_s=float("nan")),
        lambda: DecisionRule(horizon="soon"),  # type: ignore[arg-type]
        lambda: DecisionRule(correction="luck"),  # type: ignore[arg-type]
        lambda: Metric("", "mean", "higher"),
        lambda: Metric("x", "mode", "higher"),  # type: ignore[arg-type]
        lambda: Metric("x", "mean", "more"),  # type: ignore[arg-type]
        lambda: Metric("x", "mean", "lower", "guardrail"),
        lambda: Metric("x", "mean", "lower", tolerated_loss=-0.1),
        lambda: Metric("x", "mean", "lower", loss_is="huge"),  # type: ignore[arg-type]
        lambda: Metric("x", "quantile", "lower", quantile=1.0),
        lambda: Metric("x", "quantile", "lower", has_covariate=True),
    ],
)
def test_a_design_that_decides_nothing_well_is_refused(wrong: object) -> None:
    with pytest.raises(BadInput):
        wrong()  # type: ignore[operator]


@pytest.mark.parametrize(
    "observed",
    [
        {"control": won(0.1, 0.1)["control"]},
        {**won(0.1, 0.1), "c": won(0.1)["control"]},
        {**won(0.1, 0.1), "b": Observed(10, {})},
        {**won(0.1, 0.1), "b": Observed(10, {"won": sketch_of([1.0])})},
        {**won(0.1, 0.1), "b": Observed(10, {"won": moments_of([1.0], [2.0])})},
    ],
)
def test_statistics_of_another_test_are_refused(observed: dict[str, Observed]) -> None:
    with pytest.raises(BadInput):
        analyse_metrics(PAIR, observed, WEEK_S)


def test_a_design_survives_json_and_an_analysis_is_json() -> None:
    full = replace(GUARDED, slot=GroupShare("checkout", 0.25, 0.5), exposure=0.3, salt="pepper")
    for test in (PAIR, full):
        assert Design.from_json(json.loads(json.dumps(as_json(test)))) == test
    told = json.dumps(
        as_json(analyse_metrics(GUARDED, guarded(0.12, 2.0), WEEK_S)), allow_nan=False
    )
    assert json.loads(told)["comparisons"][0]["interval"]["low"] > 0
