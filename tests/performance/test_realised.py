"""Realised scores against scikit-learn, and what their intervals say of a calibrated model."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from runlore.performance.rules.maturity import MatchedPredictions
from runlore.performance.rules.realised import LEAST_LABELS, realise

DAY_US = 86_400_000_000


def week(seed: int, n: int, miss: float = 0.0) -> MatchedPredictions:
    """Answers whose outcomes are all known; too low by `miss`."""
    rng = np.random.default_rng(seed)
    told = rng.beta(1.2, 4, n)
    came = (rng.random(n) < np.clip(told + miss, 0, 1)).astype(float)
    at = np.sort(rng.integers(0, 7 * DAY_US, n))
    nothing = np.full(n, np.nan)
    return MatchedPredictions(at, told, came, nothing, nothing, np.full(n, 1e6), np.full(n, 60.0))


def test_scores_are_those_of_scikit_learn_inside_their_intervals() -> None:
    mine = week(1, 600)
    found = realise(mine, mine, is_probability=True).scores
    for score, other in (
        ("auc", roc_auc_score),
        ("brier", brier_score_loss),
        ("log_loss", log_loss),
    ):
        assert found[score].value == pytest.approx(other(mine.actual, mine.prediction))
        assert found[score].low < found[score].value < found[score].high


def test_few_outcomes_have_no_score() -> None:
    mine = week(2, LEAST_LABELS - 1)
    found = realise(mine, mine, is_probability=True)
    assert (found.labels, found.scores) == (LEAST_LABELS - 1, {})


def test_a_calibrated_model_is_not_found_uncalibrated_and_another_one_is() -> None:
    found = {
        miss: [is_above(0.05, week(seed, 200, miss)) for seed in range(30)] for miss in (0, 0.2)
    }
    assert np.mean(found[0]) < 0.1
    assert np.mean(found[0.2]) > 0.9


def is_above(bound: float, mine: MatchedPredictions) -> bool:
    return realise(mine, mine, is_probability=True).scores["calibration_error"].low > bound
