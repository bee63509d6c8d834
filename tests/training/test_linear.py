"""The linear candidates: skewed inputs, robust fits, and answers that stay in range."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from runlore.training.rules import candidates, export
from runlore.training.rules.candidates import Fitted
from runlore.training.rules.linear import LeastDeviations, SignedLog


def hostile(rows: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A small log: two heavy-tailed inputs, more columns than help, a skewed quantity."""
    rng = np.random.default_rng(seed)
    size = rng.lognormal(6, 3, rows)
    noise = rng.normal(size=(rows, 20))
    features = np.column_stack([size, rng.lognormal(2, 4, rows), noise]).astype(np.float32)
    return features, np.log1p(size**0.5 * rng.lognormal(0, 1, rows))


def fitted_quantity(features: np.ndarray, target: np.ndarray) -> Fitted:
    estimator = candidates._linear_quantity(len(features)).fit(features, target)
    return Fitted("linear", estimator, is_probability=False)


def least_deviation(design: np.ndarray, target: np.ndarray) -> float:
    """The smallest sum of absolute deviations, by linear programming."""
    n, f = design.shape
    cost = np.r_[np.zeros(f), np.ones(2 * n)]
    equal = np.hstack([design, np.eye(n), -np.eye(n)])
    bounds = [(None, None)] * f + [(0, None)] * (2 * n)
    return linprog(cost, A_eq=equal, b_eq=target, bounds=bounds).fun


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_the_fit_has_nearly_the_least_absolute_deviations(seed):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(60, 3))
    target = rows @ [2.0, -1.0, 0.5] + 4 + rng.standard_t(1.5, 60)
    model = LeastDeviations(alpha=1e-6, iterations=200, tolerance=1e-9).fit(rows, target)
    found = np.abs(target - rows @ model.coef_ - model.intercept_).sum()
    assert found <= 1.01 * least_deviation(np.column_stack([rows, np.ones(60)]), target)


def test_outliers_move_nothing():
    rows = np.linspace(-1, 1, 101)[:, None]
    target = 3 * rows[:, 0] + 1
    target[::10] = 1e6
    model = LeastDeviations(alpha=1e-6, iterations=100, tolerance=1e-9).fit(rows, target)
    np.testing.assert_allclose([model.coef_[0], model.intercept_[0]], [3, 1], atol=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_a_hostile_small_log_gets_answers_near_the_medians(seed):
    features, target = hostile(60, seed)
    seconds = np.expm1(target)
    answers = np.expm1(fitted_quantity(features[:40], target[:40]).raw(features[40:] * 1e3))
    assert answers.max() <= seconds[:40].max() * (1 + 1e-9)
    error = np.abs(
        np.expm1(fitted_quantity(features[:40], target[:40]).raw(features[40:])) - seconds[40:]
    )
    by_median = np.abs(np.median(seconds[:40]) - seconds[40:])
    assert error.mean() < 3 * by_median.mean()


def test_skewed_columns_are_put_on_a_logarithmic_scale_and_others_are_not():
    rng = np.random.default_rng(1)
    plain, amounts = rng.normal(50, 1, 500), rng.lognormal(5, 2, 500)
    debts, constant = -rng.lognormal(5, 2, 500), np.full(500, 7.0)
    rows = np.column_stack([plain, amounts, debts, constant])
    scale = SignedLog().fit(rows)
    assert scale.skewed_.tolist() == [False, True, True, False]
    after = scale.transform(rows)
    np.testing.assert_array_equal(after[:, [0, 3]], rows[:, [0, 3]])
    np.testing.assert_allclose(
        after[:, 1:3], np.column_stack([np.log1p(amounts), -np.log1p(-debts)])
    )


def test_onnx_caps_and_straightens_as_python_does():
    features, target = hostile(400)
    features[::7, 1] = np.nan
    fitted = fitted_quantity(features, target)
    beyond = np.vstack([features, features * 1e6, -features * 1e6]).astype(np.float32)
    graph = export.to_onnx(fitted, features.shape[1])
    assert export.check_parity(graph, fitted.raw, beyond, is_probability=False) < 1e-3


def test_the_stored_model_is_the_fitted_one(tmp_path):
    features, target = hostile(200)
    export.write_skops(fitted_quantity(features, target), tmp_path / "linear.skops", features)
