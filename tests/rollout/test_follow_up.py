"""Losses are compared when little of them can still come."""

import importlib
import sys
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.experiments.rules.outcome_metric import Metric
from runlore.kernel.moments import Moments, moments_of, no_moments
from runlore.rollout.rules import follow_up
from runlore.rollout.rules.evidence import (
    BOTH,
    CHALLENGER,
    CHAMPION,
    ArmEvidence,
    RolloutEvidence,
    Stratum,
)
from runlore.rollout.rules.expected_time import next_step_at
from runlore.rollout.rules.follow_up import FollowUp, Horizon, ages, choose
from runlore.rollout.rules.policy import RampPolicy
from runlore.rollout.rules.ramp import RampDecision, decide
from tests.rollout.ramps import NOW

HOUR_S = 3_600.0
DAY_S = 24 * HOUR_S
HOUR = timedelta(hours=1)
LOSS = Metric("absolute error", "mean", "lower", "primary", 0.05, has_covariate=True)
POLICY = RampPolicy((LOSS,))
BEGAN = NOW - timedelta(days=20)


def followed(
    age_s: float, mean: float, n: int = 20_000, late: float = 0.0, out: int = 1
) -> FollowUp:
    """n units with losses around a mean; a share `late` of the loss came in the later half."""
    products = ((n * 0.01, 0.0), (0.0, float(n)))
    came_late = Moments(n, (mean * late,), ((0.0,),))
    return FollowUp(age_s, out, Moments(n, (mean, 1.0), products), came_late, 3 * mean)


def arm(share: float, *follow_ups: FollowUp) -> ArmEvidence:
    first = follow_ups[0]
    return ArmEvidence(
        assigned=round(2_000_000 * share),
        metrics={LOSS.name: first.known},
        newest_at=NOW,
        due={LOSS.name: first.known.n},
        follow_ups={LOSS.name: follow_ups},
    )


def evidence(
    champion: tuple[FollowUp, ...], challenger: tuple[FollowUp, ...], step: int = 50
) -> RolloutEvidence:
    share = step / 100
    arms = {CHAMPION: arm(1 - share, *champion), CHALLENGER: arm(share, *challenger)}
    stratum = Stratum(share, arms)
    began = NOW - timedelta(hours=3)
    return RolloutEvidence(NOW, step, began, (stratum,), NOW - HOUR, began_at=BEGAN)


def ladder(means: tuple[float, ...], out: int = 1, first_late: float = 0.3) -> tuple[FollowUp, ...]:
    """Follow-ups with the mean loss until each; the longer ones have no unit yet."""
    gains = [(mean - before) / mean for before, mean in pairwise(means)]
    known = [
        followed(age_s, mean, late=late, out=out)
        for age_s, mean, late in zip(ages(DAY_S), means, (first_late, *gains), strict=False)
    ]
    return (*known, *(no_units(age_s) for age_s in ages(DAY_S)[len(known) :]))


def no_units(age_s: float) -> FollowUp:
    return FollowUp(age_s, 0, no_moments(2), no_moments(), 0.0)


def test_what_is_complete_is_compared_as_soon_as_it_is_due() -> None:
    """Without an outcome still out, however late outcomes come, nothing changes."""
    same = ladder((1.0, 1.1), out=0, first_late=0.9)
    decision = decide(POLICY, evidence(same, same))
    [reading] = decision.readings
    assert decision.action == "promote"
    assert (reading.horizon.age_s, reading.horizon.unseen, reading.horizon.worst) == (DAY_S, 0, 0)
    plain = evidence(same, same)
    bare = {name: replace(of, follow_ups={}) for name, of in plain.strata[0].arms.items()}
    unfollowed = decide(POLICY, replace(plain, strata=(Stratum(0.5, bare),)))
    assert unfollowed.readings[0].before_next == reading.before_next
    assert unfollowed.readings[0].beyond == reading.beyond


def test_a_challenger_that_is_better_on_short_work_and_worse_on_long_work_is_not_promoted() -> None:
    champion = ladder((1.0, 1.1, 1.2, 1.201))
    challenger = ladder((0.8, 1.0, 1.4, 1.402))
    assert decide(POLICY, evidence(champion, challenger)).action == "roll back"
    short = evidence(ladder((1.0,)), ladder((0.8,)))
    assert decide(POLICY, short).action == "hold"
    bare = Stratum(
        0.5,
        {name: replace(short.strata[0].arms[name], follow_ups={}) for name in BOTH},
    )
    assert decide(POLICY, replace(short, strata=(bare,))).action == "promote"


def test_the_shortest_follow_up_that_leaves_little_unseen_is_taken() -> None:
    own = ladder((1.0, 1.1, 1.2, 1.21))
    for tolerated, age_s in ((1.0, DAY_S), (0.3, 2 * DAY_S), (0.1, 4 * DAY_S), (0.03, 8 * DAY_S)):
        horizon, pairs = choose([list(zip(own, own, strict=True))], tolerated)
        assert (horizon.age_s, horizon.is_enough) == (age_s, True), tolerated
        assert pairs[0][0] == next(of.known for of in own if of.age_s == age_s)


def test_without_a_long_enough_follow_up_a_rollout_waits_and_says_for_what() -> None:
    own = ladder((1.0, 1.1))
    decision = decide(POLICY, evidence(own, own))
    assert (decision.action, decision.alert) == ("hold", False)
    assert decision.reasons == (
        "absolute error: outcomes come late: up to 9% of the loss may come more than 48 h "
        "after the answer; more units must be followed for 96 h",
    )
    assert next_step_at(POLICY, evidence(own, own), decision) == NOW


def test_outcomes_later_than_the_longest_follow_up_call_a_person() -> None:
    own = ladder((1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6))
    decision = decide(POLICY, evidence(own, own))
    assert (decision.action, decision.alert) == ("hold", True)
    assert "no longer follow-up is read; set a longer outcome_due_s" in decision.reasons[0]
    assert next_step_at(POLICY, evidence(own, own), decision) is None


def test_the_bounds_are_those_of_the_docstring() -> None:
    unseen = Horizon(DAY_S, unseen=0.1)
    assert unseen.kept_below(0.3) == pytest.approx((1 + 0.3 - 2 * 0.1) / 0.9 - 1)
    assert unseen.broken_above(0.3) == pytest.approx((1 + 0.3 - 0.05) / 0.9 - 1)
    assert Horizon(DAY_S, unseen=0.1, worst=0.02).kept_below(0.3) == pytest.approx(0.2022, abs=1e-4)
    assert Horizon(DAY_S, unseen=0.1).kept_below(4.0) == 4.0
    assert Horizon(DAY_S).kept_below(0.05) == Horizon(DAY_S).broken_above(0.05) == 0.05


@given(unseen=st.floats(0, follow_up.ALL), tolerated=st.floats(0.001, 10), ratio=st.floats(0.5, 2))
def test_whatever_the_unseen_ratio_of_losses_within_the_bounds_is_covered(
    unseen: float, tolerated: float, ratio: float
) -> None:
    """What is judged kept on seen work is kept on all of it, and the same for broken."""
    horizon = Horizon(DAY_S, unseen=unseen)
    for seen, sign in ((horizon.kept_below(tolerated), 1), (horizon.broken_above(tolerated), -1)):
        whole = (1 - unseen) * (1 + seen) + unseen * ratio
        assert sign * (whole - (1 + tolerated)) <= 1e-9


def test_the_late_share_is_rounded_up_by_two_errors_and_one_more_of_the_largest() -> None:
    loss = np.array([1.0, 2.0, 3.0, 4.0] * 100)
    late = np.where(loss == 4.0, loss, 0.0)
    of = FollowUp(DAY_S, 1, moments_of(loss, loss), moments_of(late), 4.0)
    error = np.sqrt(((late - late.mean()) ** 2).sum() + 16)
    assert of.late_share == pytest.approx((400 + 2 * error) / 1_000)
    assert no_units(DAY_S).late_share == follow_up.ALL


def test_a_challenger_of_few_units_must_bear_one_more_of_the_worst() -> None:
    own = tuple(zip(ladder((1.0, 1.001)), ladder((1.0, 1.001)), strict=True))
    for units in (100, 400):
        few = tuple(
            (one, replace(other, known=replace(other.known, n=units)) if other.known.n else other)
            for one, other in own
        )
        horizon, _ = choose([few], 0.5)
        assert horizon.worst == pytest.approx(3 / units)


def test_strata_are_added_up_before_a_follow_up_is_chosen() -> None:
    """The older stratum alone has been followed for long; the newer one holds most units."""
    old, new = ladder((1.0, 1.1, 1.2, 1.201)), ladder((1.0,))
    strata = [list(zip(of, of, strict=True)) for of in (old, new)]
    horizon, pairs = choose(strata, 0.05)
    assert horizon.age_s == 4 * DAY_S
    assert [champion.n for champion, _ in pairs] == [20_000, 0]
    assert choose(strata[1:], 0.05)[0].is_enough is False


def test_half_of_what_is_tolerated_may_be_unseen() -> None:
    own = ladder((1.0,))
    strata = [list(zip(own, own, strict=True))]
    unseen = own[0].late_share
    assert choose(strata, 2.001 * unseen)[0].is_enough
    assert not choose(strata, 1.999 * unseen)[0].is_enough
    assert choose(strata, 1.0)[0].unseen == unseen


def test_two_strata_add_up_to_the_units_of_both() -> None:
    rng = np.random.default_rng(5)
    loss = rng.exponential(size=60)
    late = np.where(loss > 1.5, loss, 0.0)

    def of(rows: slice, out: int) -> FollowUp:
        some, few = loss[rows], late[rows]
        return FollowUp(DAY_S, out, moments_of(some, some), moments_of(few), float(some.max()))

    for halves in ((slice(0, 20), slice(20, 60)), (slice(20, 60), slice(0, 20))):
        both = of(halves[0], 2).merged(of(halves[1], 3))
        whole = of(slice(0, 60), 5)
        assert (both.out, both.largest) == (whole.out, whole.largest)
        assert both.total == pytest.approx(whole.total)
        assert both.late_share == pytest.approx(whole.late_share)


def with_units(of: FollowUp, n: int) -> FollowUp:
    return replace(of, known=replace(of.known, n=n))


def test_work_that_was_followed_to_its_end_still_bears_one_more_of_the_worst() -> None:
    first, second, *longer = ladder((1.0, 1.1))
    ended = (first, replace(second, out=0), *longer)
    horizon, _ = choose([list(zip(ended, ended, strict=True))], 0.3)
    assert (horizon.age_s, horizon.unseen) == (2 * DAY_S, 0.0)
    assert horizon.worst == pytest.approx(3 / 20_000)


@pytest.mark.parametrize(("champion", "challenger"), [(7.0, 5.0), (5.0, 7.0)])
def test_the_worst_is_the_worst_of_both_arms(champion: float, challenger: float) -> None:
    first, *longer = ladder((1.0,))
    pair = (replace(first, largest=champion), replace(first, largest=challenger))
    strata = [[pair, *zip(longer, longer, strict=True)]]
    assert choose(strata, 1.0)[0].worst == pytest.approx(7 / 20_000)


def test_a_follow_up_needs_units_of_both_arms() -> None:
    own = ladder((1.0, 1.001))
    few = [(one, with_units(other, 29) if at else other) for at, (one, other) in pairs_of(own)]
    assert not choose([few], 0.05)[0].is_enough
    enough = [(one, with_units(other, 30) if at else other) for at, (one, other) in pairs_of(own)]
    assert choose([enough], 0.05)[0].is_enough
    nobody = [(one, no_units(other.age_s)) for one, other in zip(own, own, strict=True)]
    assert choose([nobody], 0.05)[0].worst == 1.0


def pairs_of(own: tuple[FollowUp, ...]) -> list[tuple[int, tuple[FollowUp, FollowUp]]]:
    return [(at if of.known.n else 0, (of, of)) for at, of in enumerate(own)]


def test_what_is_out_in_either_arm_is_unseen() -> None:
    complete = ladder((1.0,), out=0)
    for pair in ((ladder((1.0,)), complete), (complete, ladder((1.0,)))):
        horizon, _ = choose([list(zip(*pair, strict=True))], 0.05)
        assert horizon.unseen > 0.3


def test_few_units_at_a_long_follow_up_do_not_hide_what_many_at_a_shorter_one_show() -> None:
    """Some outcomes never come; what is missing is units, and that calls nobody."""
    first, *longer = (followed(age_s, 1.0, n=200) for age_s in ages(DAY_S))
    own = (first, *(followed(of.age_s, 1.0, n=40) for of in longer))
    horizon, _ = choose([list(zip(own, own, strict=True))], 0.02)
    assert (horizon.age_s, horizon.is_enough, horizon.is_longest) == (DAY_S, False, False)
    assert horizon.unseen == pytest.approx(own[0].late_share)


def test_an_unseen_share_is_never_all_of_the_loss() -> None:
    own = tuple(with_units(of, 30) if of.known.n else of for of in ladder((1.0,), first_late=0.99))
    assert own[0].late_share > 1
    assert choose([list(zip(own, own, strict=True))], 0.05)[0].unseen == follow_up.ALL


def test_harm_on_seen_work_rolls_back_only_if_unseen_work_cannot_make_up_for_it() -> None:
    champion = ladder((1.0,))
    assert decide(POLICY, evidence(champion, ladder((1.2,)))).action == "hold"
    assert decide(POLICY, evidence(champion, ladder((1.4,)))).action == "roll back"


def test_harm_is_looked_for_at_a_long_follow_up_on_the_first_step_too() -> None:
    """The next step may lose all that is tolerated of it, and would be decided after a day."""
    champion = ladder((1.0, 1.1, 1.2, 1.201))
    assert decide(POLICY, evidence(champion, ladder((0.8,) * 4), step=1)).action == "advance"
    late = ladder((0.8, 1.0, 1.6, 1.602))
    assert decide(POLICY, evidence(champion, late, step=1)).action == "roll back"


def test_what_is_shown_does_not_wait_for_outcomes() -> None:
    own = ladder((1.0,), first_late=0.7)
    [reading] = decide(POLICY, evidence(own, own, step=1)).readings
    assert not reading.horizon.is_enough
    assert (reading.next_step, reading.waits_for_outcomes) == ("kept", False)


def test_the_next_step_is_expected_when_the_slowest_requirement_is_met() -> None:
    own = ladder((1.0, 1.1))
    waits = replace(evidence(own, own), began_at=NOW - timedelta(days=3))
    assert next_step_at(POLICY, waits, decide(POLICY, waits)) == NOW + timedelta(days=1)
    early = replace(waits, step_began_at=NOW - timedelta(minutes=5), decided_at=None)
    slow = replace(POLICY, least_time_s=3 * DAY_S)
    assert next_step_at(slow, early, decide(slow, early)) == early.step_began_at + timedelta(days=3)


def test_units_that_are_missing_are_expected_at_their_rate_and_then_due() -> None:
    few = ladder((1.0,))
    given_ = evidence(few, few)
    newest = given_.strata[0].arms[CHALLENGER]
    one = replace(newest, assigned=20, metrics={LOSS.name: no_moments(2)}, due={LOSS.name: 0})
    stratum = replace(given_.strata[0], arms={**given_.strata[0].arms, CHALLENGER: one})
    young = replace(given_, strata=(stratum,))
    decision = RampDecision("hold", 50, ("few",), readings=decide(POLICY, given_).readings)
    done = replace(
        decision, readings=tuple(replace(r, horizon=Horizon()) for r in decision.readings)
    )
    at = next_step_at(POLICY, young, replace(done, readings=()))
    assert at is None
    expected = young.step_began_at + timedelta(hours=3) * 5 + timedelta(days=1)
    kept = tuple(
        replace(r, before_next=replace(r.before_next, low=-1, high=-0.5)) for r in done.readings
    )
    assert next_step_at(POLICY, young, replace(done, readings=kept)) == expected


def test_an_interval_is_expected_to_narrow_with_the_root_of_its_units() -> None:
    own = ladder((1.0, 1.001))
    given_ = replace(evidence(own, own), began_at=NOW - timedelta(days=5))
    decision = decide(POLICY, given_)
    [reading] = decision.readings
    wide = replace(reading, before_next=replace(reading.before_next, low=-0.3, high=0.1))
    held = RampDecision("hold", 50, ("wide",), readings=(wide,))
    four_days = timedelta(days=4)
    assert next_step_at(POLICY, given_, held) == NOW + four_days * 3
    worse = replace(reading, before_next=replace(reading.before_next, low=-0.1, high=0.3))
    assert next_step_at(POLICY, given_, replace(held, readings=(worse,))) is None


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """The bench of this promise, with its simulation of whole ramps."""
    folder = str(Path(__file__).parents[2] / "bench")
    sys.path.insert(0, folder)
    try:
        return importlib.import_module("promised.ramp")
    finally:
        sys.path.remove(folder)


def test_whole_ramps_with_late_outcomes_promote_nothing_that_is_worse_at_every_look(
    bench: ModuleType,
) -> None:
    """100 units an hour, for three weeks; the rule before promoted most of them."""
    worse = replace(bench.WORSE, per_hour=100, most_days=21)
    actions = [
        bench.climb(worse, np.random.default_rng([1, world]), every_h=6).action
        for world in range(6)
    ]
    assert "promote" not in actions
