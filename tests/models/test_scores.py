import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from runlore.models import scores

PAIRS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.7, 1.0])),
    min_size=2,
    max_size=40,
)


@given(PAIRS)
def test_auc_equals_scikit_learns_with_ties(pairs):
    actual, predicted = np.array(pairs, dtype=float).T
    if np.ptp(actual) == 0:
        assert np.isnan(scores.auc(actual, predicted))
    else:
        assert scores.auc(actual, predicted) == pytest.approx(
            metrics.roc_auc_score(actual, predicted)
        )


def test_a_constant_prediction_has_an_auc_of_one_half():
    assert scores.auc(np.array([0.0, 1, 1, 0, 1]), np.full(5, 0.3)) == 0.5


def test_auc_with_weights_equals_scikit_learns():
    rng = np.random.default_rng(1)
    actual, weight = rng.integers(0, 2, 300).astype(float), rng.integers(0, 4, 300).astype(float)
    predicted = rng.normal(size=300).round(1) + actual
    assert scores.RankedPredictions(predicted).auc(actual, weight) == pytest.approx(
        metrics.roc_auc_score(actual, predicted, sample_weight=weight)
    )


@pytest.mark.parametrize(
    ("score", "oracle"), [("brier", metrics.brier_score_loss), ("log_loss", metrics.log_loss)]
)
def test_losses_of_probabilities_equal_scikit_learns(score, oracle):
    rng = np.random.default_rng(2)
    actual, predicted = rng.integers(0, 2, 200).astype(float), rng.random(200)
    assert scores.measure(score, actual, predicted) == pytest.approx(oracle(actual, predicted))


def test_log_loss_of_a_sure_and_wrong_answer_is_large_and_finite():
    assert 30 < scores.measure("log_loss", np.array([1.0, 0.0]), np.array([0.0, 1.0])) < 40


def test_mae_and_relative_accuracy_equal_a_plain_loop():
    rng = np.random.default_rng(3)
    actual = np.r_[0.0, 0.0, 5.0, rng.exponential(10, 50)]
    predicted = np.r_[0.0, 3.0, 0.0, rng.exponential(10, 50)]
    pairs = list(zip(actual, predicted, strict=True))
    ratios = [1.0 if max(a, p) == 0 else min(a, p) / max(a, p) for a, p in pairs]
    assert scores.measure("relative_accuracy", actual, predicted) == pytest.approx(np.mean(ratios))
    assert scores.measure("mae", actual, predicted) == pytest.approx(
        metrics.mean_absolute_error(actual, predicted)
    )


def test_calibration_error_equals_a_plain_loop_over_ten_equal_bins():
    rng = np.random.default_rng(4)
    predicted = rng.random(1000)
    actual = (rng.random(1000) < predicted**2).astype(float)
    parts = np.array_split(np.argsort(predicted), 10)
    plain = sum(len(p) / 1000 * abs(actual[p].mean() - predicted[p].mean()) for p in parts)
    assert scores.calibration_error(actual, predicted) == pytest.approx(plain, abs=2e-3)


def test_calibration_error_of_a_constant_is_its_distance_from_the_rate():
    actual = np.r_[np.ones(30), np.zeros(70)]
    assert scores.calibration_error(actual, np.full(100, 0.5)) == pytest.approx(0.2)


@pytest.mark.parametrize("score", ["auc", "brier", "log_loss", "calibration_error", "mae"])
def test_a_score_of_no_rows_is_unknown_not_zero(score):
    assert np.isnan(scores.measure(score, np.empty(0), np.empty(0)))


def test_an_interval_holds_its_own_ends():
    held = scores.covered(np.array([1.0, 2, 3, 4]), np.full(4, 2.0), np.full(4, 3.0))
    assert held.tolist() == [0, 1, 1, 0]


def test_an_interval_of_one_value_holds_it_after_log1p_and_back():
    actual = np.arange(1.0, 1000.0)
    there_and_back = np.expm1(np.log1p(actual))
    assert (there_and_back != actual).any()
    assert scores.covered(actual, there_and_back, there_and_back).all()
