import time

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from runlore.kernel.durations import DAY_US
from runlore.models.scores import bins_of, calibration_error
from runlore.training.rules.bootstrap import (
    Blocks,
    draw_blocks,
    gains,
    interval,
    percentile,
    replicate_scores,
)


def instants(n: int, per_day: float = 24) -> np.ndarray:
    return (np.arange(n) * DAY_US / per_day).astype(np.int64)


@pytest.fixture
def blocks() -> Blocks:
    return draw_blocks(instants(500), replicates=20)


def drawn(blocks: Blocks, replicate: int) -> np.ndarray:
    """The plain, slow way: row numbers of one replicate, going round at the end."""
    starts = blocks.starts[replicate]
    return np.concatenate([(s + np.arange(blocks.length)) % blocks.rows for s in starts])


def example(n: int = 500) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    predicted = rng.random(n).round(2)
    return (rng.random(n) < predicted).astype(float), predicted


def test_a_block_holds_a_day_but_never_more_than_a_tenth():
    assert draw_blocks(instants(5000, per_day=100)).length == 100
    assert draw_blocks(instants(500, per_day=400)).length == 50
    assert draw_blocks(instants(1000, per_day=1)).length == 10


@pytest.mark.parametrize("score", ["brier", "log_loss", "mae", "relative_accuracy"])
def test_means_equal_a_plain_loop(blocks, score):
    from runlore.models.scores import measure

    actual, predicted = example()
    plain = [
        measure(score, actual[rows], predicted[rows])
        for rows in (drawn(blocks, r) for r in range(20))
    ]
    np.testing.assert_allclose(replicate_scores(score, blocks, actual, predicted), plain)


def test_aucs_equal_a_plain_loop(blocks):
    actual, predicted = example()
    plain = [
        roc_auc_score(actual[rows], predicted[rows])
        for rows in (drawn(blocks, r) for r in range(20))
    ]
    np.testing.assert_allclose(replicate_scores("auc", blocks, actual, predicted), plain)


def test_calibration_errors_equal_a_plain_loop_over_the_same_bins(blocks):
    actual, predicted = example()
    where = bins_of(predicted)
    plain = []
    for replicate in range(20):
        rows = drawn(blocks, replicate)
        apart = [(actual - predicted)[rows][where[rows] == b].sum() for b in np.unique(where)]
        plain.append(np.abs(apart).sum() / len(rows))
    found = replicate_scores("calibration_error", blocks, actual, predicted)
    np.testing.assert_allclose(found, plain)


def test_the_interval_of_a_mean_agrees_with_theory_for_independent_rows():
    rng = np.random.default_rng(6)
    actual = rng.normal(size=4000)
    blocks = draw_blocks(instants(4000), replicates=2000)
    found = percentile(replicate_scores("mae", blocks, np.abs(actual), np.zeros(4000)))
    width = 2 * 1.96 * np.abs(actual).std() / np.sqrt(4000)
    assert found.high - found.low == pytest.approx(width, rel=0.15)
    assert found.low < np.abs(actual).mean() < found.high


def test_rows_that_hang_together_make_the_interval_wider():
    rng = np.random.default_rng(7)
    daily = np.repeat(rng.exponential(size=200), 24)
    blocks = draw_blocks(instants(4800), replicates=500)

    def width(actual: np.ndarray) -> float:
        found = percentile(replicate_scores("mae", blocks, actual, np.zeros(4800)))
        return found.high - found.low

    assert width(daily) > 3 * width(rng.permutation(daily))


def test_a_gain_is_above_zero_where_ours_is_better():
    actual = np.array([60.0])
    assert gains("auc", actual, np.array([0.8]), np.array([0.7]))[0] > 0
    assert gains("mae", actual, np.array([5.0]), np.array([7.0]))[0] > 0


@pytest.mark.parametrize("score", ["mae", "brier"])
def test_two_that_answer_alike_gain_nothing_by_the_last_digits_of_their_scores(score):
    actual = np.full(500, 0.1)
    blocks = draw_blocks(instants(500))
    one, other = (
        replicate_scores(score, blocks, actual, each) for each in (np.nextafter(actual, 1), actual)
    )
    assert (one != other).any()
    assert not gains(score, actual, one, other).any()


def test_an_interval_is_unknown_when_replicates_could_not_be_measured():
    assert np.isnan(percentile(np.r_[np.ones(50), np.full(50, np.nan)]).low)
    assert percentile(np.r_[np.arange(99.0), np.nan]).low == pytest.approx(2.45)


def test_the_same_rows_give_the_same_interval():
    actual, predicted = example()
    one, other = (
        replicate_scores("auc", draw_blocks(instants(500)), actual, predicted) for _ in range(2)
    )
    assert (one == other).all()


def test_seventy_thousand_rows_take_seconds_at_most():
    actual, predicted = example(70_000)
    blocks = draw_blocks(instants(70_000, per_day=250))
    start = time.process_time()
    replicate_scores("auc", blocks, actual, predicted)
    replicate_scores("brier", blocks, actual, predicted)
    assert time.process_time() - start < 4


def test_a_calibrated_model_is_not_found_uncalibrated_in_a_small_window():
    rng = np.random.default_rng(1)
    found = {miss: [errors_are_above(0.05, rng, miss) for _ in range(60)] for miss in (0.0, 0.2)}
    assert np.mean(found[0.0]) < 0.05
    assert np.mean(found[0.2]) > 0.95


def errors_are_above(bound: float, rng: np.random.Generator, miss: float) -> bool:
    predicted = rng.beta(1.2, 4, 200)
    actual = (rng.random(200) < np.clip(predicted + miss, 0, 1)).astype(float)
    blocks = draw_blocks(np.sort(rng.integers(0, 7 * DAY_US, 200)))
    drawn = replicate_scores("calibration_error", blocks, actual, predicted)
    value = calibration_error(actual, predicted)
    found = interval("calibration_error", value, drawn)
    assert 0 <= found.low <= value <= found.high
    return found.low > bound
