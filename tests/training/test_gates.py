from dataclasses import replace

import pytest

from runlore.specs.model_spec import Gate
from runlore.training.rules.gates import GateEvidence, GateResult, ScoreInterval, judge, verdict
from tests.training.small import RISK

NAN = float("nan")


def judged(gate: Gate, evidence: GateEvidence) -> GateResult:
    (result,) = judge(replace(RISK, gates=(gate,)), evidence)
    return result


def against(gain: ScoreInterval) -> GateResult:
    evidence = GateEvidence(
        {"auc": ScoreInterval(0.8, 0.78, 0.82)},
        {"auc": ScoreInterval(0.7, 0.68, 0.72)},
        {"auc": gain},
    )
    return judged(Gate("auc", "baseline"), evidence)


def test_a_candidate_passes_when_all_of_the_gain_is_above_zero():
    assert against(ScoreInterval(0.1, 0.01, 0.2)).passed


@pytest.mark.parametrize(("value", "passed"), [(0.1, True), (0.0, True), (-0.001, False)])
def test_by_value_a_candidate_need_only_be_no_worse_than_the_baseline(value, passed):
    evidence = GateEvidence(
        {"auc": ScoreInterval(0.7 + value, 0.6, 0.9)},
        {"auc": ScoreInterval(0.7, 0.6, 0.8)},
        {"auc": ScoreInterval(value, value - 0.1, value + 0.1)},
    )
    result = judged(Gate("auc", "baseline's value"), evidence)
    assert result.passed is passed
    assert "must be no worse than the baseline's 0.7 (0.6 to 0.8)" in result.reason


@pytest.mark.parametrize(("gain", "passed"), [(0.01, True), (0.0, False), (-1.0, False)])
def test_a_candidate_must_beat_one_answer_for_all_whatever_the_gates_of_its_spec(gain, passed):
    evidence = GateEvidence(
        {"mae": ScoreInterval(10.0, 9, 11)},
        constant={"mae": (ScoreInterval(10.0 + gain, 9, 11), ScoreInterval(gain, -1, 1))},
    )
    spec = replace(RISK, gates=(Gate("mae", "baseline"),))
    _, result = judge(spec, evidence)
    assert (result.gate, result.passed) == (Gate("mae", "constant"), passed)
    assert "mean absolute error 10 (9 to 11) must beat one answer for all" in result.reason


@pytest.mark.parametrize(("high", "passed"), [(1.0, True), (-0.1, False)])
def test_a_spec_without_a_gain_to_show_is_refused_where_a_constant_is_surely_better(high, passed):
    evidence = GateEvidence(
        {"mae": ScoreInterval(10.0, 9, 11)},
        constant={"mae": (ScoreInterval(9.0, 8, 10), ScoreInterval(-1.0, -2, high))},
    )
    (result,) = judge(replace(RISK, gates=()), evidence)
    assert result.passed is passed


def test_a_constant_that_could_not_be_measured_is_not_beaten():
    unknown = ScoreInterval(NAN, NAN, NAN)
    evidence = GateEvidence(
        {"mae": ScoreInterval(10.0, 9, 11)}, constant={"mae": (unknown, unknown)}
    )
    (result,) = judge(replace(RISK, gates=()), evidence)
    assert not result.passed
    assert (
        "could not be compared"
        in judged(
            Gate("brier", "constant"), GateEvidence({"brier": ScoreInterval(0.1, 0, 1)})
        ).reason
    )


@pytest.mark.parametrize(("days", "is_named"), [(2.5, True), (6.99, True), (7.0, False)])
def test_a_gain_in_fewer_than_seven_days_says_so(days: float, is_named: bool):
    score = {"auc": ScoreInterval(0.8, 0.78, 0.82)}
    evidence = GateEvidence(score, score, {"auc": ScoreInterval(0.1, 0.01, 0.2)}, days=days)
    reason = judged(Gate("auc", "baseline"), evidence).reason
    assert (f"better by 0.1 (0.01 to 0.2) in only {days:g} days, and" in reason) is is_named


@pytest.mark.parametrize("low", [0.0, -0.01])
def test_a_gain_that_may_be_nothing_is_refused(low):
    result = against(ScoreInterval(0.1, low, 0.2))
    assert not result.passed
    assert "0.8 (0.78 to 0.82) must beat the baseline's 0.7 (0.68 to 0.72)" in result.reason


def test_a_candidate_that_may_be_no_better_than_chance_is_refused_whatever_the_baseline():
    gain = ScoreInterval(0.14, 0.05, 0.2)
    evidence = GateEvidence(
        {"auc": ScoreInterval(0.54, 0.49, 0.6)},
        {"auc": ScoreInterval(0.4, 0.35, 0.45)},
        {"auc": gain},
    )
    result = judged(Gate("auc", "baseline"), evidence)
    assert not result.passed
    assert "no better than chance" in result.reason


def test_a_gain_that_could_not_be_measured_is_refused():
    assert not against(ScoreInterval(NAN, NAN, NAN)).passed
    result = judged(Gate("auc", "baseline"), GateEvidence({"auc": ScoreInterval(0.8, 0.7, 0.9)}))
    assert "could not be compared" in result.reason


@pytest.mark.parametrize(
    ("score", "value", "bound", "passed"),
    [
        ("auc", 0.8, 0.8, True),
        ("auc", 0.79, 0.8, False),
        ("brier", 0.1, 0.1, True),
        ("brier", 0.11, 0.1, False),
    ],
)
def test_a_bound_holds_in_the_direction_that_is_better(score, value, bound, passed):
    evidence = GateEvidence({score: ScoreInterval(value, 0, 1)})
    assert judged(Gate(score, "bound", bound), evidence).passed is passed


@pytest.mark.parametrize(
    ("value", "passed"), [(0.84, False), (0.85, True), (0.95, True), (0.96, False)]
)
def test_a_score_within_both_bounds_passes(value, passed):
    evidence = GateEvidence({"coverage": ScoreInterval(value, 0, 1)})
    assert judged(Gate("coverage", "within", 0.85, 0.95), evidence).passed is passed


@pytest.mark.parametrize(
    "evidence", [GateEvidence({}), GateEvidence({"auc": ScoreInterval(NAN, NAN, NAN)})]
)
@pytest.mark.parametrize("against", ["bound", "within", "baseline", "baseline's value"])
def test_what_was_not_measured_never_passes(evidence, against):
    result = judged(Gate("auc", against, 0.0), evidence)
    assert not result.passed
    assert "could not be measured" in result.reason


def test_one_gate_that_fails_refuses_and_only_its_reason_is_given():
    results = (
        GateResult(RISK.gates[0], passed=True, reason="good"),
        GateResult(RISK.gates[1], passed=False, reason="bad"),
    )
    assert not verdict(results).passed
    assert verdict(results).reasons == ("bad",)
    assert verdict(results[:1]).passed
    assert verdict(results[:1]).reasons == ("good",)
