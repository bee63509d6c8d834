"""What a ramp does with evidence that can be trusted."""

from dataclasses import replace
from datetime import timedelta

import pytest

from runlore.experiments.rules.outcome_metric import Metric
from runlore.experiments.rules.sketch import sketch_of
from runlore.kernel.errors import BadInput
from runlore.kernel.json_values import as_json
from runlore.kernel.moments import Moments
from runlore.rollout.rules.evidence import CHALLENGER, CHAMPION, RolloutEvidence
from runlore.rollout.rules.policy import RampPolicy
from runlore.rollout.rules.ramp import ManualOrder, by_hand, decide, tolerated_before
from tests.rollout.ramps import (
    ERRORS,
    HITS,
    NOTES,
    NOW,
    POLICY,
    RATES,
    RETRIES,
    SECONDS,
    changed,
    evidence,
    lopsided,
    statistics,
    stratum,
    with_metric,
)


@pytest.mark.parametrize(("step", "following"), [(1, 5), (5, 10), (10, 25), (25, 50)])
def test_a_challenger_as_good_as_the_champion_climbs_one_step(step: int, following: int) -> None:
    decision = decide(POLICY, evidence(step))
    assert (decision.action, decision.step, decision.alert) == ("advance", following, False)
    assert len(decision.reasons) == 3
    assert decision.reasons[0].startswith("hits loses no more than ")


def test_on_the_last_step_it_takes_over() -> None:
    decision = decide(POLICY, evidence(50))
    assert (decision.action, decision.step) == ("promote", 100)
    assert decision.sample_ratio is not None
    assert not decision.sample_ratio.is_mismatch
    assert [reading.metric for reading in decision.readings] == [m.name for m in POLICY.metrics]


@pytest.mark.parametrize(
    ("name", "value"),
    [("hits", 0.72), ("seconds", 2.4), ("errors", 0.05)],
)
def test_a_judged_metric_that_loses_more_than_tolerated_rolls_back(name: str, value: float) -> None:
    for step in (10, 50):
        decision = decide(POLICY, evidence(step, **{name: value}))
        assert (decision.action, decision.step, decision.alert) == ("roll back", 0, True)
        [reason] = decision.reasons
        assert f"{name} loses more than" in reason


def test_what_is_better_is_never_rolled_back() -> None:
    better = evidence(50, hits=0.9, seconds=1.0, errors=0.001, retries=0.05)
    decision = decide(POLICY, better)
    assert decision.action == "promote"
    assert all(", and is better" in reason for reason in decision.reasons)


def test_a_loss_within_what_is_tolerated_takes_over() -> None:
    decision = decide(POLICY, evidence(50, 400_000, hits=0.795, seconds=2.03, errors=0.012))
    assert decision.action == "promote"
    assert not any("is better" in reason for reason in decision.reasons)


def test_a_loss_of_what_is_just_tolerated_is_never_decided() -> None:
    decision = decide(POLICY, evidence(50, 400_000, hits=0.8 * 0.98))
    assert decision.action == "hold"
    assert "hits: that no more than 0.02 is lost is not shown yet" in decision.reasons[0]


def test_units_of_one_and_the_same_value_are_said_to_show_nothing() -> None:
    given = evidence(1)
    for name in (CHAMPION, CHALLENGER):
        n = given.strata[-1].arms[name].assigned
        given = with_metric(given, name, SECONDS, Moments(n, (0.1,), ((1e-29,),)))
    decision = decide(POLICY, given)
    assert (decision.action, decision.alert) == ("hold", False)
    [reason] = decision.reasons
    assert reason.startswith("seconds: ")
    assert reason.endswith("nothing is known of it: units are too few, or all the same")


def test_little_traffic_may_lose_more_before_it_gets_a_little_more() -> None:
    assert tolerated_before(HITS, 5) == pytest.approx(0.4)
    assert tolerated_before(HITS, 100) == 0.02
    loses_4_percent = {"hits": 0.8 * 0.96}
    assert decide(POLICY, evidence(1, 20_000, **loses_4_percent)).action == "advance"
    assert decide(POLICY, evidence(50, 20_000, **loses_4_percent)).action != "promote"


def test_a_worse_signal_pauses_and_says_so() -> None:
    decision = decide(POLICY, evidence(50, retries=0.13))
    assert (decision.action, decision.step, decision.alert) == ("hold", 50, True)
    assert decision.reasons[0].startswith("signal retries is worse")


def test_a_broken_guardrail_comes_before_a_worse_signal_and_a_wrong_split() -> None:
    given = evidence(50, retries=0.13, errors=0.05)
    assert decide(POLICY, given).action == "roll back"
    assert decide(POLICY, lopsided(given)).action == "roll back"


def test_a_secondary_metric_decides_nothing() -> None:
    assert decide(POLICY, evidence(50, notes=0.5)).action == "promote"
    lost = with_metric(evidence(50), CHALLENGER, NOTES, Moments(30_000, (float("nan"),), ((1.0,),)))
    assert decide(POLICY, lost).action == "promote"


def test_arms_that_did_not_get_their_shares_hold_with_an_alert() -> None:
    decision = decide(POLICY, lopsided(evidence(50)))
    assert (decision.action, decision.step, decision.alert) == ("hold", 50, True)
    assert "did not get their shares" in decision.reasons[0]
    assert decision.sample_ratio is not None
    assert decision.sample_ratio.is_mismatch


def test_a_wrong_split_in_an_earlier_step_is_not_forgotten() -> None:
    decision = decide(POLICY, lopsided(evidence(50), at=0, units=90_000))
    assert "did not get their shares" in decision.reasons[0]


@pytest.mark.parametrize(("units", "action"), [(9_900, "hold"), (10_000, "advance")])
def test_a_step_needs_its_units(units: int, action: str) -> None:
    """1 % of 10,000 units are the 100 that the policy asks for."""
    decision = decide(POLICY, evidence(1, units))
    assert decision.action == action
    if action == "hold":
        assert decision.step == 1
        assert "known of 99 units" in decision.reasons[0]
        assert not decision.alert


@pytest.mark.parametrize("metric", [HITS, SECONDS, ERRORS])
def test_each_judged_metric_needs_its_units_on_this_step(metric: Metric) -> None:
    policy = replace(POLICY, least_units=30_000, least_known=0.5)
    few = statistics(metric, 29_999, RATES[metric.name])
    decision = decide(policy, with_metric(evidence(50), CHALLENGER, metric, few))
    assert decision.action == "hold"
    assert decision.reasons == (
        f"{metric.name} is known of 29,999 units of the challenger on this step; 30,000 are needed",
    )


@pytest.mark.parametrize(("minutes", "action"), [(59, "hold"), (60, "promote")])
def test_a_step_needs_its_time(minutes: int, action: str) -> None:
    began = NOW - timedelta(minutes=minutes)
    given = replace(evidence(50), step_began_at=began, decided_at=None)
    decision = decide(POLICY, given)
    assert decision.action == action
    assert action == "promote" or decision.reasons == ("59 min on this step; 60 needed",)


def test_harm_is_answered_at_once_without_waiting_for_units_or_time() -> None:
    given = replace(evidence(1, 9_000, hits=0.1), step_began_at=NOW - timedelta(minutes=5))
    assert decide(POLICY, replace(given, decided_at=None)).action == "roll back"


def test_a_policy_may_ask_for_a_better_primary_metric_but_only_to_promote() -> None:
    strict = replace(POLICY, promote_when="better")
    same = decide(strict, evidence(50))
    assert same.action == "hold"
    assert same.reasons == ("no primary metric is shown to be better than the champion's yet",)
    assert decide(strict, evidence(25)).action == "advance"
    assert decide(strict, evidence(50, hits=0.82)).action == "promote"


def test_a_better_guardrail_is_no_better_primary_metric() -> None:
    strict = replace(POLICY, promote_when="better")
    assert decide(strict, evidence(50, seconds=1.5)).action == "hold"


def test_what_was_lost_on_earlier_steps_counts() -> None:
    """The newest step alone would promote."""
    given = evidence(50, 200_000)
    lost = tuple(stratum(step, 200_000, hits=0.7) for step in POLICY.steps[:4])
    assert decide(POLICY, replace(given, strata=(*lost, given.strata[-1]))).action == "roll back"


def test_times_of_large_shares_are_not_confused_with_the_arms() -> None:
    """Both arms were worse on the first steps, where the champion had nearly all units."""
    bad = {"hits": 0.4, "seconds": 4.0}

    def poor(step: int) -> object:
        each = stratum(step, 60_000, **bad)
        units = each.arms[CHAMPION].assigned
        held = {m.name: statistics(m, units, (RATES | bad)[m.name]) for m in POLICY.metrics}
        champion = replace(each.arms[CHAMPION], metrics=held)
        return replace(each, arms={**each.arms, CHAMPION: champion})

    given = evidence(50, 60_000, hits=0.8 * 0.9)
    mixed = replace(given, strata=(*(poor(step) for step in POLICY.steps[:4]), given.strata[-1]))
    assert decide(POLICY, mixed).action == "roll back"


def test_alpha_is_shared_by_the_metrics_that_may_roll_back() -> None:
    """Between the bound for one metric and that for three: broken alone, not among others."""
    alone = RampPolicy((HITS,))
    given = evidence(50, hits=0.7764)
    assert decide(alone, given).action == "roll back"
    assert decide(POLICY, given).action == "hold"


def test_quantiles_are_judged_too() -> None:
    p90 = Metric("p90", "quantile", "lower", "primary", 0.1, quantile=0.9)
    policy = RampPolicy((p90,))

    def of(slower: float) -> RolloutEvidence:
        values = [0.001 * (1 + n % 1_000) for n in range(30_000)]
        given = evidence(50)
        for name, times in ((CHAMPION, 1.0), (CHALLENGER, slower)):
            found = sketch_of([value * times for value in values])
            given = changed(given, name, metrics={"p90": found})
        return replace(given, strata=given.strata[-1:])

    assert decide(policy, of(1.0)).action == "promote"
    assert decide(policy, of(1.3)).action == "roll back"
    assert decide(policy, of(1.1)).action == "hold"


def test_a_person_may_stop_hold_step_and_promote_whatever_the_evidence_says() -> None:
    def ordered(action: str, step: int | None = None) -> tuple[str, int]:
        found = by_hand(POLICY, 10, ManualOrder("ann", "I looked", action, step))  # type: ignore[arg-type]
        assert found.reasons == ("ann: I looked",)
        return found.action, found.step

    assert ordered("stop") == ("roll back", 0)
    assert ordered("hold") == ("hold", 10)
    assert ordered("promote") == ("promote", 100)
    assert ordered("step", 25) == ("advance", 25)
    assert ordered("step", 5) == ("hold", 5)


@pytest.mark.parametrize("step", [None, 3, 100, 0])
def test_a_step_by_hand_is_one_of_the_policys(step: int | None) -> None:
    with pytest.raises(BadInput, match="step"):
        by_hand(POLICY, 10, ManualOrder("ann", "more", "step", step))


@pytest.mark.parametrize(("actor", "reason"), [("", "why"), ("ann", "")])
def test_an_order_names_who_and_why(actor: str, reason: str) -> None:
    with pytest.raises(BadInput, match="who gives it and why"):
        by_hand(POLICY, 10, ManualOrder(actor, reason, "stop"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": (5, 1, 100)},
        {"steps": (1, 5)},
        {"steps": (100,)},
        {"steps": (0, 100)},
        {"metrics": ()},
        {"metrics": (SECONDS,)},
        {"metrics": (HITS, HITS)},
        {"metrics": (replace(HITS, tolerated_loss=0.0),)},
        {"alpha": 0.0},
        {"least_known": 0.0},
        {"least_units": 1},
        {"least_time_s": -1.0},
        {"freshest_s": 0.0},
        {"promote_when": "luck"},
    ],
)
def test_a_policy_that_could_promote_blindly_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        RampPolicy(**({"metrics": (HITS,)} | wrong))  # type: ignore[arg-type]


def test_a_policy_survives_json_and_a_decision_is_json() -> None:
    assert RampPolicy.from_json(as_json(POLICY)) == POLICY
    told = as_json(decide(POLICY, evidence(50)))
    assert told["readings"][-1]["beyond"] == {"low": None, "high": None}
    assert as_json(evidence(1))["strata"][0]["arms"]["champion"]["metrics"]["hits"]["n"] == 59_400


def test_signals_need_no_units_but_must_be_readable() -> None:
    few = with_metric(evidence(50), CHALLENGER, RETRIES, statistics(RETRIES, 29_000, 0.1))
    assert decide(replace(POLICY, least_units=29_500), few).action == "hold"
