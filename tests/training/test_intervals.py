import json

import numpy as np
import pytest

from runlore.models.intervals import Conformal, conform, conformal_quantile
from runlore.models.scores import covered
from runlore.training.rules.quantile_models import Quantiles, fit_quantiles, no_quantiles
from tests.training.small import DURATION, make


def world(n: int, seed: int):
    """Logarithms of quantities, guesses of them, and bounds that are far too narrow."""
    rng = np.random.default_rng(seed)
    wide = rng.random(n) < 0.3
    centre = rng.uniform(3, 6, n)
    actual = np.maximum(centre + rng.normal(size=n) * np.where(wide, 1.5, 0.2), 0)
    reach = np.where(wide, 0.5, 0.1)
    return actual, centre, centre - reach, centre + reach, wide


def holds(found: Conformal, seed: int = 1):
    actual, raw, low, high, wide = world(8000, seed)
    return covered(np.expm1(actual), *found.bounds(raw, low, high)), wide


def test_ninety_percent_intervals_hold_nine_of_ten_new_values_in_every_group():
    actual, raw, low, high, _ = world(4000, 0)
    held, wide = holds(conform(actual, raw, low, high, 0.9))
    assert 0.88 < held.mean() < 0.92
    assert 0.87 < held[wide].mean() < 0.93
    assert 0.87 < held[~wide].mean() < 0.93


def test_without_groups_the_wide_ones_would_be_missed():
    actual, raw, *_ = world(4000, 0)
    one = conform(actual, raw, raw, raw, 0.9)
    held, wide = holds(one)
    assert held[wide].mean() < held[~wide].mean()


def test_bounds_that_are_too_wide_are_drawn_in():
    actual, raw, _, _, _ = world(4000, 0)
    found = conform(actual, raw, raw - 9, raw + 9, 0.9)
    assert max(found.corrections) < 0
    held = covered(np.expm1(actual), *found.bounds(raw, raw - 9, raw + 9))
    assert 0.88 < held.mean() < 0.92


def test_an_interval_is_around_its_prediction_and_never_below_zero():
    raw = np.array([0.0, 1.0, 5.0])
    found = Conformal(0.9, (), (-0.5,))
    low, high = found.bounds(raw, raw + 2, raw + 3)
    assert (low <= np.expm1(raw)).all()
    low, high = found.bounds(raw, raw - 3, raw - 2)
    assert (low >= 0).all()
    assert (high >= np.expm1(raw)).all()


def test_the_correction_is_the_conformal_quantile():
    short = np.random.default_rng(0).normal(size=99)
    assert conformal_quantile(short, 0.9) == np.sort(short)[89]


def test_little_data_falls_back_to_the_size_of_the_residuals():
    data = make(DURATION, 300)
    raw = np.full(300, 5.0)
    quantiles = no_quantiles(data, np.arange(300), 0.9)
    assert quantiles == Quantiles()
    low, high = quantiles.predict(data.rows, raw)
    found = conform(np.log1p(data.target), raw, low, high, 0.9)
    assert len(found.corrections) == 1
    held = covered(data.target, *found.bounds(raw, low, high))
    assert 0.88 < held.mean() < 0.93


def test_fitted_bounds_follow_the_spread(duration_data):
    rows = duration_data.rows[2000:]
    low, high = fit_quantiles(duration_data, np.arange(2000), 0.9).predict(rows, rows[:, 0])
    width = high - low
    is_test = duration_data.slices["kind"][2000:] == "test"
    assert (width >= 0).all()
    assert width[is_test].mean() > 1.5 * width[~is_test].mean()


@pytest.mark.parametrize("edges", [(), (0.5, 1.0)])
def test_a_correction_survives_json(edges):
    found = Conformal(0.9, edges, tuple(np.arange(len(edges) + 1) / 3))
    assert Conformal.from_json(json.loads(json.dumps(found.to_json()))) == found
