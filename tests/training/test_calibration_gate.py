"""The gate of a calibration error: what chance gives is no error of the model."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.models.chance import calibration_chance
from runlore.models.scores import bins_of
from runlore.performance.rules.floor import Floor
from runlore.performance.rules.floor import judge as judge_floor
from runlore.specs.model_spec import Gate, Split
from runlore.training.rules.bootstrap import draw_blocks
from runlore.training.rules.evidence import draw
from runlore.training.rules.gates import CalibrationInterval, GateEvidence, ScoreInterval, judge
from tests.training.small import HOUR_US, RISK

BOUND = 0.05
GATED = replace(RISK, gates=(Gate("calibration_error", "bound", BOUND),))
CROSS_VALIDATED = replace(GATED, split=Split(kind="cross-validation"))


def answers(rng: np.random.Generator, rate: float, rows: int) -> np.ndarray:
    return rng.beta(1.5, 1.5 * (1 - rate) / rate, rows)


def outcomes(rng: np.random.Generator, predicted: np.ndarray, apart: float = 0.0) -> np.ndarray:
    truth = np.clip(predicted + np.where(predicted < 0.5, apart, -apart), 0, 1)
    return (rng.random(len(predicted)) < truth).astype(float)


def refused(spec, rate: float, rows: int, apart: float, worlds: int = 150) -> float:
    """How often the gate refuses answers that are `apart` from the truth."""
    rng = np.random.default_rng([rows, round(1000 * rate), round(1000 * apart)])
    blocks, count = draw_blocks(np.arange(rows) * HOUR_US), 0
    for _ in range(worlds):
        predicted = answers(rng, rate, rows)
        actual = outcomes(rng, predicted, apart)
        measured = draw("calibration_error", blocks, actual, predicted).measured
        count += not judge(spec, GateEvidence({"calibration_error": measured}))[0].passed
    return count / worlds


def error(value: float, chance: float, most: float, low: float = 0.0) -> CalibrationInterval:
    return CalibrationInterval(value, low, max(value, 0.2), chance, most)


@pytest.mark.parametrize("rate", [0.15, 0.3])
@pytest.mark.parametrize("rows", [60, 200, 500])
def test_a_calibrated_model_is_hardly_ever_refused(rate: float, rows: int) -> None:
    assert refused(GATED, rate, rows, 0.0) < 0.06


def test_a_model_that_is_off_is_refused_all_the_same() -> None:
    assert refused(GATED, 0.15, 500, 0.075) > 0.7
    assert refused(GATED, 0.15, 200, 0.16) > 0.95


def test_cross_validation_refuses_an_error_beyond_chance_only() -> None:
    assert refused(CROSS_VALIDATED, 0.3, 60, 0.0) < 0.06
    assert refused(CROSS_VALIDATED, 0.15, 200, 0.16) > 0.8


def test_the_limit_holds_for_what_is_beyond_chance() -> None:
    def passes(measured: ScoreInterval) -> bool:
        return judge(GATED, GateEvidence({"calibration_error": measured}))[0].passed

    assert passes(error(0.05, 0.0, 0.0))
    assert not passes(error(0.0501, 0.0, 0.0))
    assert passes(error(0.0640, 0.04, 0.055))  # √(.064² - .04²) = .04996
    assert not passes(error(0.0641, 0.04, 0.055))
    assert passes(error(0.11, 0.07, 0.11))  # as much as chance may give
    assert not passes(error(0.1101, 0.07, 0.11))
    assert not passes(ScoreInterval(0.0501, 0.0, 0.1))  # nothing is known of chance


def test_a_limit_from_two_sides_holds_for_what_is_beyond_chance_too() -> None:
    spec = replace(RISK, gates=(Gate("calibration_error", "within", 0.0, BOUND),))
    (result,) = judge(spec, GateEvidence({"calibration_error": error(0.06, 0.05, 0.055)}))
    assert result.passed


def test_with_cross_validation_the_whole_interval_must_miss_the_limit() -> None:
    def passes(measured: ScoreInterval) -> bool:
        return judge(CROSS_VALIDATED, GateEvidence({"calibration_error": measured}))[0].passed

    assert passes(error(0.2, 0.07, 0.11, low=0.05))
    assert not passes(error(0.2, 0.07, 0.11, low=0.0501))
    assert passes(error(0.2, 0.07, 0.2, low=0.0501))


def test_a_floor_is_not_broken_by_what_may_be_chance() -> None:
    floor = Floor("calibration_error", BOUND, "a gate of the spec")
    answers_of = {
        most: judge_floor(floor, error(0.1, 0.07, most, low=0.06), 500, 100).answer
        for most in (0.09, 0.1)
    }
    assert answers_of == {0.09: "below", 0.1: "above"}


def test_the_reason_names_what_chance_gives() -> None:
    (result,) = judge(GATED, GateEvidence({"calibration_error": error(0.06, 0.05, 0.07)}))
    assert result.reason == (
        "calibration error 0.06 (0 to 0.2; by chance 0.05) must be at most 0.05 beyond chance: yes"
    )


@pytest.mark.parametrize("rate", [0.02, 0.3])
def test_chance_is_what_labels_drawn_from_the_answers_give(rate: float) -> None:
    rng = np.random.default_rng(4)
    predicted = answers(rng, rate, 300)
    bins = np.eye(10)[bins_of(predicted)]
    apart = (rng.random((10_000, 300)) < predicted) - predicted
    errors = np.abs(apart @ bins).sum(axis=1) / 300
    chance = calibration_chance(predicted)
    assert chance.typical == pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=0.015)
    assert chance.most == pytest.approx(np.quantile(errors, 0.975), rel=0.05)


def test_chance_of_weighted_rows_is_that_of_weighted_errors() -> None:
    rng = np.random.default_rng(5)
    predicted, weight = answers(rng, 0.3, 300), rng.exponential(size=300) + 0.2
    where, errors = bins_of(predicted), []
    for _ in range(2000):
        apart = weight * (outcomes(rng, predicted) - predicted)
        errors.append(np.abs(np.bincount(where, apart)).sum() / weight.sum())
    chance = calibration_chance(predicted, weight)
    assert chance.typical == pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=0.04)
    assert chance.most == pytest.approx(np.quantile(errors, 0.975), rel=0.06)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_chance_is_a_number_for_any_answers_and_always_the_same(values: list[float]) -> None:
    predicted = np.array(values)
    chance = calibration_chance(predicted)
    assert 0 <= chance.typical <= 1
    assert 0 <= chance.most <= 1
    assert chance == calibration_chance(predicted)


def test_sure_answers_leave_nothing_to_chance() -> None:
    assert calibration_chance(np.array([0.0, 1.0, 1.0])).most == 0
