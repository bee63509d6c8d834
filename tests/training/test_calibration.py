import json

import numpy as np
import pytest

from runlore.models import calibration
from runlore.models.calibration import Calibration, fit_isotonic, fit_sigmoid
from runlore.models.scores import calibration_error


def drawn(distort, n: int = 12_000, seed: int = 0):
    rng = np.random.default_rng(seed)
    true = rng.beta(1, 3, n)
    return distort(true), (rng.random(n) < true).astype(float), np.ones(n)


@pytest.mark.parametrize("distort", [np.sqrt, np.square, lambda p: 0.3 + 0.2 * p])
def test_a_distorted_probability_is_put_right_on_rows_not_seen(distort):
    found = calibration.fit(*drawn(distort)).calibration
    raw, actual, _ = drawn(distort, seed=1)
    assert calibration_error(actual, raw) > 0.05
    assert calibration_error(actual, found(raw)) < 0.03


def test_what_is_right_already_is_hardly_changed():
    found = calibration.fit(*drawn(lambda p: p)).calibration
    grid = np.linspace(0.02, 0.8, 50)
    assert np.abs(found(grid) - grid).max() < 0.05


def test_few_outcomes_of_one_sort_forbid_an_isotonic_map():
    raw, actual, weight = drawn(lambda p: p**4, n=1500)
    assert calibration.fit(raw, actual, weight).calibration.method in ("identity", "sigmoid")


def test_the_sigmoid_map_finds_its_way_from_far_off():
    raw, actual, weight = drawn(lambda p: p**6)
    found = fit_sigmoid(raw, actual, weight)
    assert 0.05 < found.slope < 1
    assert calibration_error(actual, found(raw)) < 0.06


@pytest.mark.parametrize("way", [fit_sigmoid, fit_isotonic])
def test_maps_rise_strictly_and_stay_probabilities(way):
    found = way(*drawn(np.square))
    grid = np.linspace(0.001, 0.6, 300)
    assert (np.diff(found(grid)) > 0).all()
    ends = found(np.array([0.0, 1.0]))
    assert (ends >= 0).all()
    assert (ends <= 1).all()


def test_the_sigmoid_map_equals_an_unpenalised_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    raw, actual, weight = drawn(np.sqrt)
    logit = np.log(raw / (1 - raw))[:, None]
    oracle = LogisticRegression(C=1e9, tol=1e-10).fit(logit, actual, weight)
    found = fit_sigmoid(raw, actual, weight)
    assert found.slope == pytest.approx(oracle.coef_[0, 0], abs=1e-3)
    assert found.intercept == pytest.approx(oracle.intercept_[0], abs=1e-3)


def test_newer_rows_count_more_when_they_weigh_more():
    raw = np.full(2000, 0.5)
    actual = np.r_[np.zeros(1000), np.ones(1000)]
    weight = np.r_[np.full(1000, 0.1), np.ones(1000)]
    assert fit_sigmoid(raw, actual, weight)(np.array([0.5]))[0] > 0.8


def test_predictions_for_scoring_come_from_maps_of_earlier_rows_only():
    raw, actual, weight = drawn(np.square)
    found = calibration.fit(raw, actual, weight)
    again = actual.copy()
    again[-2400:] = 1 - again[-2400:]
    changed = calibration._forward(fit_sigmoid, raw, again, weight)
    same = calibration._forward(fit_sigmoid, raw, actual, weight)
    assert (changed == same).all()
    assert found.later.sum() == 9600


@pytest.mark.parametrize("method", ["identity", "sigmoid", "isotonic"])
def test_a_map_survives_json_to_the_bit(method):
    way = {"identity": lambda *_: Calibration(), "sigmoid": fit_sigmoid, "isotonic": fit_isotonic}
    found = way[method](*drawn(np.square))
    again = Calibration.from_json(json.loads(json.dumps(found.to_json())))
    grid = np.linspace(0, 1, 101)
    assert (again(grid) == found(grid)).all()
