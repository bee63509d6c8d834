"""The interval of a gain: equal models are seldom found different, and better ones mostly are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from runlore.kernel.durations import DAY_US
from runlore.models import scores
from runlore.models.scores import scores_of
from runlore.specs.model_spec import Score
from runlore.training.rules.gain import (
    consecutive_blocks,
    gain,
    is_long_enough,
    single_rows,
    span_days,
)
from runlore.training.rules.gates import ScoreInterval
from tests.oracles.spells import spells

SCORES = scores_of(is_probability=True) + scores_of(is_probability=False)


def instants(n: int, days: float) -> np.ndarray:
    return np.linspace(0, days * DAY_US, n).astype(np.int64)


def compared(seed: int, score: Score, rows: int = 400, days: float = 30) -> ScoreInterval:
    world = spells(np.random.default_rng(seed), rows, days)
    return gain(score, consecutive_blocks(world.as_of_us), world.actual, world.ours, world.theirs)


@pytest.mark.parametrize(("rows", "days"), [(60, 20), (500, 8), (1500, 10), (1500, 30)])
@pytest.mark.parametrize("score", ["brier", "auc"])
def test_equal_models_seldom_differ(score: Score, rows: int, days: float) -> None:
    """By a percentile interval over ten blocks one was better in 4.5 to 10 % of these worlds."""
    lows = [compared(seed, score, rows, days).low > 0 for seed in range(400)]
    assert np.mean(lows) < 0.043  # 2.5 % with twice its Monte-Carlo error


def test_a_better_model_is_mostly_found_better() -> None:
    better = []
    for seed in range(100):
        world = spells(np.random.default_rng(seed), 1500, 30, worse_by=4.0)
        edges = consecutive_blocks(world.as_of_us)
        better.append(gain("brier", edges, world.actual, world.ours, world.theirs).low > 0)
    assert np.mean(better) > 0.9


@pytest.mark.parametrize("score", SCORES)
def test_better_is_above_zero_for_every_score(score: Score) -> None:
    rng = np.random.default_rng(3)
    truth = rng.beta(0.5, 1, 2000)
    actual = (rng.random(2000) < truth).astype(float)
    edges = consecutive_blocks(instants(2000, 60))
    blurred = np.clip(truth / 2 + rng.random(2000) / 2, 0, 1)
    one, other = (
        gain(score, edges, actual, truth, blurred),
        gain(score, edges, actual, blurred, truth),
    )
    assert one.low > 0
    assert (other.value, other.low, other.high) == pytest.approx((-one.value, -one.high, -one.low))


@pytest.mark.parametrize("score", ["brier", "log_loss", "mae", "relative_accuracy"])
def test_over_single_rows_it_is_the_paired_t_test(score: Score) -> None:
    rng = np.random.default_rng(4)
    actual = (rng.random(200) < 0.3).astype(float)
    ours, theirs = rng.random(200), rng.random(200)
    loss = scores.LOSSES[score]
    difference = loss(actual, theirs) - loss(actual, ours)
    if score == "relative_accuracy":
        difference = -difference
    expected = ttest_1samp(difference, 0).confidence_interval()
    measured = gain(score, single_rows(200), actual, ours, theirs)
    assert (measured.low, measured.high) == pytest.approx((expected.low, expected.high))


def test_the_interval_of_an_auc_is_that_of_delong() -> None:
    rng = np.random.default_rng(5)
    actual = (rng.random(300) < 0.4).astype(float)
    ours, theirs = (actual + rng.normal(0, spread, 300) for spread in (1.0, 1.3))
    ours, theirs = ours.round(1), theirs.round(1)
    measured = gain("auc", single_rows(300), actual, ours, theirs)
    assert measured.high - measured.low == pytest.approx(
        2 * 1.968 * delong(actual, ours, theirs), rel=0.01
    )


def delong(actual: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> float:
    """The standard error of a difference of two AUCs, by its definition over pairs."""
    up, down = np.flatnonzero(actual == 1), np.flatnonzero(actual == 0)
    wins = [
        (answers[up][:, None] > answers[down]) + (answers[up][:, None] == answers[down]) / 2
        for answers in (ours, theirs)
    ]
    apart = wins[0] - wins[1]
    of_up, of_down = apart.mean(axis=1), apart.mean(axis=0)
    return float(np.sqrt(of_up.var(ddof=1) / len(up) + of_down.var(ddof=1) / len(down)))


@pytest.mark.parametrize("score", SCORES)
def test_two_that_answer_alike_gain_nothing_by_the_last_digits(score: Score) -> None:
    rng = np.random.default_rng(6)
    actual = (rng.random(500) < 0.5).astype(float)
    answers = np.full(500, 0.1)
    measured = gain(
        score, consecutive_blocks(instants(500, 20)), actual, np.nextafter(answers, 1), answers
    )
    assert (measured.value, measured.low, measured.high) == (0, 0, 0)


def test_sharp_answers_that_are_right_are_no_worse_calibrated_than_one_for_all() -> None:
    values = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        truth = rng.beta(1, 2, 300)
        actual = (rng.random(300) < truth).astype(float)
        edges = consecutive_blocks(instants(300, 30))
        values.append(gain("calibration_error", edges, actual, truth, np.full(300, 1 / 3)).value)
    assert abs(np.mean(values)) < 0.012  # what chance gives differs by 0.04


def test_a_gain_of_work_that_all_ended_alike_is_unknown() -> None:
    answers = np.linspace(0, 1, 100)
    measured = gain("auc", consecutive_blocks(instants(100, 20)), np.ones(100), answers, answers)
    assert np.isnan(measured.low)
    assert np.isnan(measured.value)


def test_fewer_rows_than_blocks_give_no_interval() -> None:
    for rows in (1, 3):
        edges = consecutive_blocks(instants(rows, 20))
        assert np.isnan(gain("brier", edges, np.ones(rows), np.zeros(rows), np.ones(rows)).low)


@pytest.mark.parametrize(("days", "blocks"), [(1, 5), (9.5, 5), (11.5, 6), (13.5, 7), (60, 10)])
def test_a_block_holds_two_days_and_there_are_five_to_ten(days: float, blocks: int) -> None:
    edges = consecutive_blocks(instants(1000, days))
    assert len(edges) == blocks + 1
    assert (edges[0], edges[-1]) == (0, 1000)
    assert np.ptp(np.diff(edges)) <= 1


def test_days_without_work_make_no_blocks() -> None:
    at_us = np.sort(np.r_[instants(500, 0.9), 60 * DAY_US + instants(500, 0.9)])
    assert len(consecutive_blocks(at_us)) == 6


@pytest.mark.parametrize(("days", "is_long"), [(6.99, False), (7.0, True), (7.01, True)])
def test_a_comparison_needs_a_week(days: float, is_long: bool) -> None:
    assert span_days(instants(500, days)) == pytest.approx(days)
    assert is_long_enough(instants(500, days)) is is_long


@pytest.mark.parametrize(("busy", "is_long"), [(4, False), (5, True)])
def test_a_comparison_needs_work_on_five_days_of_it(busy: int, is_long: bool) -> None:
    days = np.r_[np.arange(busy - 1), 9]
    at_us = np.sort(np.concatenate([day * DAY_US + instants(100, 0.3) for day in days]))
    assert is_long_enough(at_us) is is_long


def test_no_rows_are_never_long_enough() -> None:
    assert not is_long_enough(np.empty(0, np.int64))


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(5, 80), st.sampled_from(SCORES))
def test_the_value_lies_within_the_interval(seed: int, rows: int, score: Score) -> None:
    rng = np.random.default_rng(seed)
    actual = (rng.random(rows) < 0.5).astype(float)
    measured = gain(
        score,
        consecutive_blocks(np.sort(rng.integers(0, 30 * DAY_US, rows))),
        actual,
        rng.random(rows).round(1),
        rng.random(rows).round(1),
    )
    if not np.isnan(measured.value):
        assert measured.low <= measured.value <= measured.high
