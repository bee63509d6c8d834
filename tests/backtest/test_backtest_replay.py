"""A log is replayed as it would have happened."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from runlore.backtest.rules import replay as replaying
from runlore.backtest.rules.policy import POLICIES, PolicyName
from runlore.backtest.rules.replay import PolicyReplay, ReplayContext, replay
from runlore.backtest.rules.version import Trainer
from runlore.specs.model_spec import RetrainingPolicy
from runlore.training.rules.gain import consecutive_blocks
from runlore.training.rules.training_set import TrainingSet
from tests.backtest.moving_logs import DAY_US, DAYS, SPEC, START_US, make

EDGES = tuple(START_US + day * DAY_US for day in range(42, DAYS + 1, 7))
CHANGE = 84


def scene(data: TrainingSet) -> ReplayContext:
    return ReplayContext(Trainer(SPEC, data, {0: 6}, ("linear",)), EDGES, ("actor",))


@pytest.fixture(scope="module")
def changed() -> dict[PolicyName, PolicyReplay]:
    shared = scene(make(CHANGE, seed=1))
    return {policy: replay(shared, policy) for policy in POLICIES}


def test_nobody_answers_before_having_been_trained(changed: dict[PolicyName, PolicyReplay]) -> None:
    data = make(CHANGE)
    asked = data.as_of_us[data.as_of_us >= EDGES[0]]
    for each in changed.values():
        assert len(each.trained_us) == len(asked)
        assert (each.trained_us <= asked).all()


def test_no_label_teaches_before_it_is_known() -> None:
    shared = scene(make(CHANGE))
    replay(shared, "weekly")
    for at_us, version in shared.trainer.made.items():
        told = {
            (int(a), int(k), float(t))
            for a, k, t in zip(
                shared.trainer.data.as_of_us,
                shared.trainer.data.known_us,
                shared.trainer.data.target,
                strict=True,
            )
            if k < at_us
        }
        seen = version.seen
        assert len(seen) > 0
        taught = zip(seen.as_of_us, seen.known_us, seen.target, strict=True)
        assert {(int(a), int(k), float(t)) for a, k, t in taught} <= told


@pytest.mark.parametrize("policy", POLICIES)
def test_what_becomes_known_later_changes_no_earlier_answer(policy: PolicyName) -> None:
    data, until_us = make(CHANGE), EDGES[9]
    later = data.known_us >= until_us
    flipped = replace(data, target=np.where(later, 1 - data.target, data.target))
    rows = data.rows.copy()
    rows[data.as_of_us >= until_us, 1] += 10
    flipped = replace(flipped, rows=rows)
    one, other = (replay(scene(each), policy) for each in (data, flipped))
    before = data.as_of_us[data.as_of_us >= EDGES[0]] < until_us
    assert_array_equal(one.prediction[before], other.prediction[before])
    assert (one.prediction[~before] != other.prediction[~before]).any()


def test_static_never_retrains(changed: dict[PolicyName, PolicyReplay]) -> None:
    assert changed["static"].retrainings == ()
    assert (changed["static"].trained_us == EDGES[0]).all()


def test_weekly_retrains_after_every_window_but_the_last(
    changed: dict[PolicyName, PolicyReplay],
) -> None:
    assert [each.at_us for each in changed["weekly"].retrainings] == list(EDGES[1:-1])


def test_drift_and_loop_answer_a_change_and_pay_less_than_weekly(
    changed: dict[PolicyName, PolicyReplay],
) -> None:
    since_us = START_US + CHANGE * DAY_US
    for policy in ("drift", "loop"):
        each = changed[policy]
        first = min(retraining.at_us for retraining in each.retrainings)
        assert since_us < first <= since_us + 14 * DAY_US
        assert 1 <= each.trained < changed["weekly"].trained


def test_where_a_window_has_too_few_outcomes_for_a_floor_it_is_judged_with_those_before() -> None:
    """210 a week: 400 for a calibration error take two windows, and never one before training."""
    shared = scene(make())
    watch, data = shared.watch(shared.trainer.version(EDGES[0])), shared.trainer.data
    found = [
        next(
            each
            for each in watch.floors(data, begin, end)
            if each.floor.score == "calibration_error"
        )
        for begin, end in pairwise(EDGES[:4])
    ]
    assert [each.answer for each in found] == ["not enough data", "not enough data", "above"]
    assert "over 3 windows" in found[2].reason
    served = (data.as_of_us >= EDGES[0]) & (data.as_of_us < EDGES[2])
    known = int((served & (data.known_us < EDGES[2])).sum())
    assert f": {known:,} outcomes are known" in found[1].reason


def test_the_loop_serves_only_what_has_won(changed: dict[PolicyName, PolicyReplay]) -> None:
    loop = changed["loop"]
    won = [each.at_us for each in loop.retrainings if each.outcome == "promoted"]
    assert won
    assert {"promoted", "not better"} >= {each.outcome for each in loop.retrainings}
    serving = np.unique(loop.trained_us)
    assert len(serving) == 1 + len(won)
    asked = make(CHANGE).as_of_us
    asked = asked[asked >= EDGES[0]]
    for trained_us, at_us in zip(serving[1:], won, strict=True):
        assert asked[loop.trained_us == trained_us].min() == at_us


def test_what_has_not_won_by_enough_never_serves() -> None:
    spec = replace(SPEC, retraining=replace(SPEC.retraining, least_gain=10.0))
    loop = replay(
        ReplayContext(Trainer(spec, make(CHANGE, seed=1), {0: 6}, ("linear",)), EDGES, ("actor",)),
        "loop",
    )
    assert {each.outcome for each in loop.retrainings} == {"not better"}
    assert (loop.trained_us == EDGES[0]).all()


def test_the_loop_compares_on_the_newest_rows_which_neither_version_has_learned_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """30 % of what is mature is held back, at most `retest_rows` or the newest week, if more; all
    the rest teaches."""
    compared: list[np.ndarray] = []

    def seen(as_of_us: np.ndarray) -> np.ndarray:
        compared.append(as_of_us)
        return consecutive_blocks(as_of_us)

    monkeypatch.setattr(replaying, "consecutive_blocks", seen)
    for most in (120, 10_000):
        spec = replace(SPEC, split=replace(SPEC.split, retest_rows=most))
        shared = ReplayContext(
            Trainer(spec, make(CHANGE, seed=1), {0: 6}, ("linear",)), EDGES, ("actor",)
        )
        compared.clear()
        loop = replay(shared, "loop")
        data = shared.trainer.data
        assert len(compared) == len(loop.retrainings) > 0
        for each, rows_us in zip(loop.retrainings, compared, strict=True):
            known = np.flatnonzero((data.as_of_us < each.at_us) & (data.known_us < each.at_us))
            longest_us = np.quantile((data.known_us - data.as_of_us)[known], 0.9)
            mature_us = data.known_us[known].max() - longest_us
            mature = known[data.as_of_us[known] <= mature_us]
            assert len(mature) < len(known)
            week_ago_us = data.as_of_us[mature[-1]] - 7 * DAY_US
            week = int((data.as_of_us[mature] >= week_ago_us).sum())
            held_back = max(min(most, len(mature) - int(0.7 * len(mature))), week)
            made = shared.trainer.made[int(data.as_of_us[mature[-held_back]])]
            assert (made.seen.known_us < made.trained_us).all()
            assert made.trained_us <= rows_us[0]
            assert rows_us[-1] == data.as_of_us[mature[-1]]


def test_versions_that_could_be_compared_on_a_few_days_only_do_not_take_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replaying, "is_long_enough", lambda as_of_us: False)
    loop = replay(scene(make(CHANGE, seed=1)), "loop")
    assert {each.outcome for each in loop.retrainings} == {"not better"}


def test_data_that_breaks_the_contract_teaches_nobody() -> None:
    broken = replace(scene(make(CHANGE)), breaches=lambda since_us, until_us: ("all null",))
    loop = replay(broken, "loop")
    assert {each.outcome for each in loop.retrainings} == {"data refused"}
    assert loop.trained == 0
    assert (loop.trained_us == EDGES[0]).all()


@pytest.mark.parametrize(
    "rules", [RetrainingPolicy(budget=0), RetrainingPolicy(least_new_labels=10**9)]
)
@pytest.mark.parametrize("policy", ["drift", "loop"])
def test_a_specs_own_limits_hold_in_a_replay(rules: RetrainingPolicy, policy: PolicyName) -> None:
    spec = replace(SPEC, retraining=rules)
    shared = ReplayContext(
        Trainer(spec, make(CHANGE, seed=1), {0: 6}, ("linear",)), EDGES, ("actor",)
    )
    assert replay(shared, policy).retrainings == ()


def test_a_specs_own_cooldown_holds_in_a_replay(changed: dict[PolicyName, PolicyReplay]) -> None:
    once = replace(SPEC, retraining=RetrainingPolicy(cooldown_s=1000 * 86_400.0))
    shared = ReplayContext(
        Trainer(once, make(CHANGE, seed=1), {0: 6}, ("linear",)), EDGES, ("actor",)
    )
    assert len(changed["loop"].retrainings) > 1
    assert len(replay(shared, "loop").retrainings) == 1


def test_data_that_is_refused_spends_no_budget() -> None:
    once = replace(SPEC, retraining=RetrainingPolicy(budget=1))
    put_right_us = START_US + (CHANGE + 28) * DAY_US
    refused = ReplayContext(
        Trainer(once, make(CHANGE, seed=1), {0: 6}, ("linear",)), EDGES, ("actor",),
        breaches=lambda _, until_us: ("all null",) if until_us < put_right_us else (),
    )  # fmt: skip
    outcomes = [each.outcome for each in replay(refused, "loop").retrainings]
    assert outcomes.count("data refused") > 1
    assert len([each for each in outcomes if each != "data refused"]) == 1


def test_a_quiet_log_is_left_alone() -> None:
    shared = scene(make())
    assert replay(shared, "drift").trained == 0
