"""The numbers of a look, against slow truths."""

import numpy as np
import pytest

from runlore.look.rules.durations import mean_of_last
from runlore.look.rules.refusals import refusals
from runlore.look.rules.risk import RankedRisk, unforeseen
from runlore.look.rules.savings import LimitPolicy, Requests, replay
from runlore.look.rules.standouts import GroupedRuns, stand_outs
from runlore.performance.rules.limit_replay import LimitedRuns, PastRuns
from runlore.specs.model_spec import Gate
from runlore.training.rules.gates import (
    CalibrationInterval,
    GateEvidence,
    GateResult,
    ScoreInterval,
)

HOUR_US = 3_600_000_000


def test_failures_among_the_riskiest_are_counted_and_ties_share() -> None:
    failed = np.array([1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    risk = np.array([0.9, 0.8, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    caught = RankedRisk(failed, risk).caught(np.array([0.0, 0.1, 0.2, 0.3, 0.4, 1.0]))
    assert caught.tolist() == [0.0, 0.5, 0.5, 0.75, 1.0, 1.0]
    doubled = RankedRisk(failed, risk).caught(np.array([0.4]), np.full(10, 2.0))
    assert doubled.tolist() == [1.0]


def test_no_failures_are_unknown_and_not_zero() -> None:
    assert np.isnan(RankedRisk(np.zeros(5), np.ones(5)).caught(np.array([0.1]))).all()
    at_us = np.arange(20, dtype=np.int64) * HOUR_US
    assert not unforeseen(at_us, np.zeros(20), np.ones(20)).is_known


def test_failures_that_looked_no_riskier_than_the_average_run_are_unforeseen() -> None:
    failed = np.tile([1.0, 1.0, 1.0, 0.0], 10)
    risk = np.tile([0.9, 0.1, 0.1, 0.2], 10)
    at_us = np.arange(40, dtype=np.int64) * HOUR_US
    share = unforeseen(at_us, failed, risk)
    assert share.value == pytest.approx(2 / 3)
    assert share.n == 30


def test_the_mean_of_the_last_runs_knows_only_what_had_ended() -> None:
    rng = np.random.default_rng(0)
    n = 200
    submitted = np.sort(rng.integers(0, 1000, n)) * HOUR_US
    runs = PastRuns(
        actor=rng.choice(np.array(["ann", "bob"], dtype=object), n),
        submitted_us=submitted,
        known_us=submitted + rng.integers(1, 50, n) * HOUR_US,
        needed=np.where(rng.random(n) < 0.1, np.nan, rng.random(n)),
    )
    means = mean_of_last(runs, 3)
    for at in range(n):
        ended = [
            one
            for one in np.argsort(runs.known_us, kind="stable")
            if runs.actor[one] == runs.actor[at]
            and runs.known_us[one] <= submitted[at]
            and np.isfinite(runs.needed[one])
        ]
        if ended:
            assert means[at] == pytest.approx(runs.needed[ended[-3:]].mean())
        else:
            assert np.isnan(means[at])


def grouped(rates: np.ndarray, seed: int) -> GroupedRuns:
    rng = np.random.default_rng(seed)
    n = 6000
    actor = rng.integers(0, len(rates), n)
    names = np.array([f"u{at:02d}" for at in range(len(rates))], dtype=object)[actor]
    failed = (rng.random(n) < rates[actor]).astype(np.float64)
    return GroupedRuns(np.arange(n, dtype=np.int64) * HOUR_US // 4, failed, {"actor": names})


def test_groups_that_were_made_different_stand_out_and_no_others() -> None:
    rates = np.full(20, 0.2)
    rates[3], rates[7] = 0.5, 0.02
    found, compared = stand_outs(grouped(rates, 1))
    assert {one.name for one in found} == {"u03", "u07"}
    assert compared == 20
    assert all(one.rate.low <= one.rate.value <= one.rate.high for one in found)


def test_chance_alone_hardly_ever_stands_out() -> None:
    false = [bool(stand_outs(grouped(np.full(20, 0.2), seed))[0]) for seed in range(40)]
    assert np.mean(false) <= 0.15


def test_one_bad_day_of_one_user_is_no_difference() -> None:
    """Its failures are one event, however many runs it took down."""
    runs = grouped(np.full(10, 0.2), 3)
    day = runs.at_us // (24 * HOUR_US) == 20
    failed = np.where(day & (runs.labels["actor"] == "u01"), 1.0, runs.failed)
    found, _ = stand_outs(GroupedRuns(runs.at_us, failed, runs.labels))
    assert found == ()


def test_a_limit_is_replayed_with_its_hours_and_its_price() -> None:
    n = 200
    needed = np.full(n, 3600.0)
    needed[:10] = 7 * 3600.0
    runs = LimitedRuns(needed, np.full(n, 8 * 3600.0), np.ones(n, dtype=bool), np.full(n, 2.0))
    at_us = np.arange(n, dtype=np.int64) * HOUR_US
    policy = LimitPolicy("two hours", np.full(n, 2 * 3600.0))
    requests = Requests("time", at_us, runs, "CPU hours", 3600.0)
    (found,) = replay(requests, (policy,), 0.5)
    assert found.unit == "CPU hours"
    assert found.requested == pytest.approx(2 * 8 * n)
    assert found.saved_amount == pytest.approx(2 * (6 * n - 8 * 10))
    assert found.killed.value == pytest.approx(10 / n)
    assert found.price == pytest.approx(found.saved_amount / 2)
    assert found.saved.low <= found.saved.value <= found.saved.high


def test_a_failed_gate_is_said_in_words() -> None:
    gates = (Gate("auc", "baseline"), Gate("calibration_error", "bound", 0.05))
    results = tuple(GateResult(gate, passed=False, reason="") for gate in gates)
    evidence = GateEvidence(
        {"auc": ScoreInterval(0.75, 0.7, 0.8), "calibration_error": ScoreInterval(0.06, 0.0, 0.1)},
        {"auc": ScoreInterval(0.74, 0.69, 0.79)},
        {"auc": ScoreInterval(0.01, -0.02, 0.05)},
    )
    assert list(refusals(results, evidence)) == [
        "its AUC of 0.750 (0.700 to 0.800) is better than the simple guess's 0.740 by 0.010"
        " (-0.020 to 0.050), which may be chance",
        "its error of the risk is 6 % (0 % to 10 %), and 5 % is the limit",
    ]


def test_an_error_of_the_risk_is_said_beside_what_chance_gives() -> None:
    gate = Gate("calibration_error", "bound", 0.05)
    evidence = GateEvidence({"calibration_error": CalibrationInterval(0.1, 0.04, 0.12, 0.06, 0.08)})
    assert list(refusals((GateResult(gate, passed=False, reason=""),), evidence)) == [
        "its error of the risk is 10 % (4 % to 12 %), and 5 % beyond the 6 % that chance gives is"
        " the limit"
    ]


def test_few_requests_are_not_replayed() -> None:
    runs = LimitedRuns(np.ones(50), np.ones(50), np.ones(50, dtype=bool), np.ones(50))
    policy = LimitPolicy("any", np.ones(50))
    requests = Requests("time", np.arange(50), runs, "hours", 3600.0)
    assert replay(requests, (policy,)) == ()
