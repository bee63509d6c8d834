"""No data never promotes: each fault of the table, as it reaches the decision, on 100 seeds.

Every cell starts from evidence that promotes, so each test fails if the fault goes unnoticed.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from runlore.experiments.rules.outcome_metric import Metric
from runlore.kernel.moments import Moments, moments_of, moments_of_counts
from runlore.rollout.rules.evidence import (
    CHALLENGER,
    CHAMPION,
    ArmEvidence,
    RolloutEvidence,
    Stratum,
)
from runlore.rollout.rules.ramp import RampDecision, decide
from tests.rollout.ramps import (
    ERRORS,
    HITS,
    NOW,
    POLICY,
    RATES,
    RETRIES,
    SECONDS,
    changed,
    stratum,
    with_metric,
)
from tests.rollout.ramps import evidence as exact

SEEDS = 100
UNITS = 120_000
BOTH = (CHAMPION, CHALLENGER)
Fault = Callable[[RolloutEvidence, np.random.Generator], RolloutEvidence]


def healthy(rng: np.random.Generator) -> RolloutEvidence:
    """One step at 50 %, the challenger truly a little better in everything."""
    mine = int(rng.binomial(UNITS, 0.5))
    arms = {
        CHAMPION: drawn(rng, UNITS - mine, 0.80, 2.0),
        CHALLENGER: drawn(rng, mine, 0.81, 1.95),
    }
    return RolloutEvidence(NOW, 50, NOW - timedelta(hours=3), (Stratum(0.5, arms),))


def drawn(rng: np.random.Generator, n: int, hits: float, seconds: float) -> ArmEvidence:
    total = rng.gamma(4 * n, seconds / 4)
    metrics = {
        HITS.name: moments_of_counts(n, int(rng.binomial(n, hits))),
        SECONDS.name: Moments(n, (total / n,), ((n * seconds**2 / 4,),)),
        ERRORS.name: moments_of_counts(n, int(rng.binomial(n, 0.01))),
        RETRIES.name: moments_of_counts(n, int(rng.binomial(n, 0.095 if hits > 0.8 else 0.1))),
        "notes": Moments(n, (5.0,), ((float(n),),)),
    }
    return ArmEvidence(n, metrics, NOW - timedelta(seconds=int(rng.integers(1, 3_000))))


def either(rng: np.random.Generator) -> str:
    return BOTH[int(rng.integers(2))]


def judged(rng: np.random.Generator) -> Metric:
    return (HITS, SECONDS, ERRORS)[int(rng.integers(3))]


def no_traffic(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    empty = {m.name: Moments(0, (0.0,), ((0.0,),)) for m in POLICY.metrics}
    for name in BOTH:
        given = changed(given, name, assigned=0, metrics=empty, newest_at=None)
    return given


def one_arm_silent(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    """Its units came, and then, some hours ago, no more."""
    silent = NOW - timedelta(hours=float(rng.uniform(6.1, 200)))
    return changed(given, either(rng), newest_at=silent)


def one_arm_never_heard(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    return changed(given, either(rng), newest_at=None)


def not_a_number(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    metric, name = judged(rng), either(rng)
    found = given.strata[-1].arms[name].metrics[metric.name]
    bad = float(rng.choice([np.nan, np.inf, -np.inf]))
    where = {"means": (bad,)} if rng.random() < 0.5 else {"products": ((bad,),)}
    return with_metric(given, name, metric, replace(found, **where))


def metric_missing(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    metric, name = judged(rng), either(rng)
    kept = given.strata[-1].arms[name].metrics
    return changed(given, name, metrics={k: v for k, v in kept.items() if k != metric.name})


def database_down(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    return replace(given, unread=("connection to server was lost",))


def database_down_at_once(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    return replace(given, strata=())


def all_zero_baseline(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    metric = (HITS, SECONDS)[int(rng.integers(2))]
    n = given.strata[-1].arms[CHAMPION].assigned
    return with_metric(given, CHAMPION, metric, Moments(n, (0.0,), ((0.0,),)))


def both_all_zero(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    metric = (HITS, SECONDS)[int(rng.integers(2))]
    for name in BOTH:
        n = given.strata[-1].arms[name].assigned
        given = with_metric(given, name, metric, Moments(n, (0.0,), ((0.0,),)))
    return given


def variance_explosion(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    """The mean stays as good as it was: only the spread says that something is wrong."""
    name = either(rng)
    found = given.strata[-1].arms[name].metrics[SECONDS.name]
    assert isinstance(found, Moments)
    times = 10 ** float(rng.uniform(2.3, 8))
    exploded = replace(found, products=((found.products[0][0] * times,),))
    return with_metric(given, name, SECONDS, exploded)


def clock_jumped_back(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    later = timedelta(hours=float(rng.uniform(0.01, 1e4)))
    field = ("step_began_at", "decided_at")[int(rng.integers(2))]
    return replace(given, **{field: NOW + later})  # type: ignore[arg-type]


def clock_jumped_forward(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    """Facts are written by the same clock, so they look fresh."""
    jump = timedelta(hours=float(rng.uniform(24, 1e5)))
    given = replace(given, at=given.at + jump, decided_at=NOW - timedelta(hours=1))
    for name in BOTH:
        given = changed(given, name, newest_at=given.at - timedelta(minutes=1))
    return given


def facts_of_the_future(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    ahead = timedelta(minutes=float(rng.uniform(1.1, 1e6)))
    return changed(given, either(rng), newest_at=NOW + ahead)


def duplicates_told(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    return changed(given, either(rng), duplicates=int(rng.integers(1, 1_000)))


def duplicated_events(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    """Some units' outcomes are counted twice, and nobody noticed."""
    metric, name = judged(rng), either(rng)
    found = given.strata[-1].arms[name].metrics[metric.name]
    assert isinstance(found, Moments)
    extra = Moments(int(rng.integers(1, found.n)), found.means, ((found.products[0][0] / 2,),))
    return with_metric(given, name, metric, found.merged(extra))


def late_events(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    """The challenger's failures and slow ones are still to come: what is known looks good."""
    n = given.strata[-1].arms[CHALLENGER].assigned
    known = int(n * rng.uniform(0.3, 0.97))
    found = moments_of_counts(known, int(known * 0.9))
    return with_metric(given, CHALLENGER, HITS, found)


def late_events_of_both(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    share = float(rng.uniform(0.1, 0.79))
    for name in BOTH:
        n = int(given.strata[-1].arms[name].assigned * share)
        given = with_metric(given, name, HITS, moments_of_counts(n, int(n * 0.9)))
    return given


def arm_renamed(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    newest, name = given.strata[-1], either(rng)
    arms = {("v2" if each == name else each): of for each, of in newest.arms.items()}
    return replace(given, strata=(replace(newest, arms=arms),))


def a_third_arm(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    newest = given.strata[-1]
    arms = {**newest.arms, "v2": newest.arms[CHALLENGER]}
    return replace(given, strata=(replace(newest, arms=arms),))


def another_share(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    share = float(rng.choice([0.01, 0.25, 0.49, 0.51]))
    return replace(given, strata=(replace(given.strata[-1], share=share),))


def no_step_of_the_policy(given: RolloutEvidence, rng: np.random.Generator) -> RolloutEvidence:
    step = int(rng.choice([0, 2, 49, 99, 100]))
    return replace(given, step=step, strata=(replace(given.strata[-1], share=step / 100),))


FAULTS: dict[Fault, str] = {
    no_traffic: "got no traffic",
    one_arm_silent: "has been silent for",
    one_arm_never_heard: "got no traffic",
    not_a_number: "no numbers",
    metric_missing: "is missing",
    database_down: "could not be read: connection to server was lost",
    database_down_at_once: "no evidence at all",
    all_zero_baseline: "is 0 in every unit",
    both_all_zero: "is 0 in every unit",
    variance_explosion: "more than 10 times apart",
    clock_jumped_back: "the clock went back",
    clock_jumped_forward: "the clock jumped",
    facts_of_the_future: "of the future",
    duplicates_told: "came in more than once",
    duplicated_events: "some came in more than once",
    late_events: "is known of",
    late_events_of_both: "is known of",
    arm_renamed: "arms are",
    a_third_arm: "arms are",
    another_share: "the newest evidence is of a share",
    no_step_of_the_policy: "is no step that can be left",
}


def decided(fault: Fault | None) -> list[RampDecision]:
    found = []
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        given = healthy(rng)
        found.append(decide(POLICY, fault(given, rng) if fault else given))
    return found


def test_without_a_fault_every_seed_promotes() -> None:
    assert [decision.action for decision in decided(None)] == ["promote"] * SEEDS


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_no_seed_is_promoted_and_the_reason_names_the_fault(fault: Fault) -> None:
    found = decided(fault)
    assert {decision.action for decision in found} == {"hold"}
    assert all(decision.alert for decision in found)
    assert all(any(FAULTS[fault] in reason for reason in each.reasons) for each in found)


def test_a_fault_holds_on_the_step_that_it_found() -> None:
    down = replace(exact(10), unread=("no answer",))
    assert decide(POLICY, down).step == 10


@pytest.mark.parametrize("metric", [HITS, SECONDS])
def test_harm_that_can_be_read_rolls_back_though_another_metric_cannot(metric: Metric) -> None:
    other = SECONDS if metric is HITS else HITS
    given = exact(50, **{metric.name: {"hits": 0.7, "seconds": 3.0}[metric.name]})
    broken = Moments(30_000, (float("nan"),), ((1.0,),))
    assert decide(POLICY, with_metric(given, CHALLENGER, other, broken)).action == "roll back"


def test_a_guardrail_that_counts_faults_may_have_none() -> None:
    given = exact(50, errors=0.0)
    n = given.strata[-1].arms[CHAMPION].assigned
    none = with_metric(given, CHAMPION, ERRORS, moments_of_counts(n, 0))
    assert decide(POLICY, replace(none, strata=none.strata[-1:])).action == "promote"


@pytest.mark.parametrize(
    "zero",
    [
        replace(ERRORS, loss_is="relative"),
        replace(ERRORS, role="primary"),
        replace(ERRORS, kind="mean"),
    ],
    ids=["relative", "primary", "mean"],
)
def test_nothing_else_may_be_zero_in_every_unit(zero: Metric) -> None:
    policy = replace(POLICY, metrics=(HITS, SECONDS, zero, RETRIES))
    given = exact(50, errors=0.0)
    for name in BOTH:
        given = with_metric(given, name, zero, moments_of_counts(30_000, 0))
    decision = decide(policy, replace(given, strata=given.strata[-1:]))
    assert decision.action == "hold"
    assert "is 0 in every unit" in decision.reasons[0]


def test_a_relative_loss_of_less_than_nothing_is_refused() -> None:
    given = exact(50)
    below = Moments(30_000, (-2.0,), ((30_000.0,),))
    for name in BOTH:
        given = with_metric(given, name, SECONDS, below)
    decision = decide(POLICY, given)
    assert "a relative loss needs more than 0" in decision.reasons[0]


@pytest.mark.parametrize(("hours", "action"), [(6.0, "promote"), (6.01, "hold")])
def test_the_newest_fact_may_be_as_old_as_the_policy_says(hours: float, action: str) -> None:
    given = changed(exact(50), CHALLENGER, newest_at=NOW - timedelta(hours=hours))
    assert decide(POLICY, given).action == action


@pytest.mark.parametrize(("seconds", "action"), [(60, "promote"), (61, "hold")])
def test_clocks_of_two_machines_may_differ_by_a_minute(seconds: int, action: str) -> None:
    given = changed(exact(50), CHAMPION, newest_at=NOW + timedelta(seconds=seconds))
    assert decide(POLICY, given).action == action


@pytest.mark.parametrize(("hours", "action"), [(24.0, "promote"), (24.01, "hold")])
def test_a_long_time_without_a_look_holds_once(hours: float, action: str) -> None:
    given = exact(50)
    looked = NOW - timedelta(hours=hours)
    began = replace(given, step_began_at=looked)
    assert decide(POLICY, replace(began, decided_at=looked)).action == action
    assert decide(POLICY, replace(began, decided_at=None)).action == action
    assert decide(POLICY, replace(began, decided_at=NOW)).action == "promote"


def test_a_step_that_begins_after_now_holds_whenever_the_last_look_was() -> None:
    given = replace(exact(50), step_began_at=NOW + timedelta(seconds=1))
    decision = decide(replace(POLICY, least_time_s=0.0), given)
    assert decision.action == "hold"
    assert decision.reasons[0].startswith("the clock went back: the step began at ")


@pytest.mark.parametrize("name", BOTH)
def test_an_arm_without_units_got_no_traffic_whatever_its_newest_fact_is(name: str) -> None:
    decision = decide(POLICY, changed(exact(50), name, assigned=0, metrics={}))
    assert decision.reasons == (f"the {name} got no traffic",)


@pytest.mark.parametrize(("spread", "action"), [(9.9, "hold"), (10.1, "hold")])
def test_arms_may_spread_ten_times_as_far(spread: float, action: str) -> None:
    """Below it nothing is wrong, only too little is known."""
    given = exact(50)
    wide = Moments(30_000, (2.0,), ((30_000 * spread**2,),))
    decision = decide(POLICY, with_metric(given, CHALLENGER, SECONDS, wide))
    assert decision.action == action
    assert any("times apart" in reason for reason in decision.reasons) == (spread > 10)


@pytest.mark.parametrize("units", [29, 30])
def test_of_a_few_units_neither_lateness_nor_spread_is_told(units: int) -> None:
    given = replace(exact(50), strata=(stratum(50, 2 * units),))
    late = with_metric(given, CHALLENGER, HITS, moments_of_counts(units // 3, units // 4))
    wide = with_metric(given, CHALLENGER, SECONDS, Moments(units, (2.0,), ((1e6,),)))
    for fault, told in ((late, "of the challenger so far"), (wide, "times apart")):
        decision = decide(POLICY, fault)
        is_told = any(told in reason for reason in decision.reasons)
        assert (decision.action, is_told, decision.alert) == ("hold", units == 30, units == 30)


@pytest.mark.parametrize(("share", "action"), [(0.8, "promote"), (0.79, "hold")])
def test_enough_outcomes_must_be_known_in_both_arms(share: float, action: str) -> None:
    given = exact(50)
    for name in BOTH:
        n = round(30_000 * share)
        given = with_metric(given, name, HITS, moments_of_counts(n, round(n * RATES["hits"])))
    assert decide(POLICY, given).action == action


def test_outcomes_missing_in_one_arm_more_than_in_the_other_hold() -> None:
    n = 28_000
    given = with_metric(exact(50), CHALLENGER, HITS, moments_of_counts(n, round(n * 0.8)))
    decision = decide(POLICY, given)
    assert decision.reasons == (
        "hits is known of 93.3% of the challenger's units, but of 100.0% of the champion's",
    )


def test_early_strata_must_be_readable_too() -> None:
    given = exact(50)
    first = given.strata[0]
    for change in (
        {"metrics": {}},
        {"duplicates": 3},
        {"metrics": {**first.arms[CHAMPION].metrics, "hits": moments_of([1.0] * 70_000)}},
    ):
        arms = {**first.arms, CHAMPION: replace(first.arms[CHAMPION], **change)}  # type: ignore[arg-type]
        strata = (replace(first, arms=arms), *given.strata[1:])
        assert decide(POLICY, replace(given, strata=strata)).action == "hold"


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_stratum_needs_both_arms(share: float) -> None:
    given = exact(50)
    strata = (replace(given.strata[0], share=share), *given.strata[1:])
    decision = decide(POLICY, replace(given, strata=strata))
    assert "leaves nothing to compare" in decision.reasons[0]
