import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.kernel.errors import BadInput
from runlore.models.distribution import (
    LEVELS,
    Distribution,
    calibrated_places,
    checked_levels,
    worst_tails,
)

EDGES = (0.0, 1.0, 2.0, float(np.nextafter(3.0, 0)), 3.0, 6.0)


def logs(distribution, shares, levels):
    return np.log1p(distribution.quantiles(shares, np.zeros(len(shares)), np.asarray(levels)))


@given(
    st.lists(st.floats(0, 1), min_size=5, max_size=5).filter(lambda shares: sum(shares) > 0),
    st.lists(st.floats(0, 1), min_size=len(LEVELS) - 2, max_size=len(LEVELS) - 2),
    st.lists(st.floats(0.001, 0.999), min_size=2, max_size=9),
)
def test_quantiles_ascend_with_their_level_whatever_the_shares_and_the_calibration(
    shares, places, levels
):
    distribution = Distribution(EDGES, (0.0, *sorted(places), 1.0))
    found = distribution.quantiles(np.array([shares]), np.zeros(1), np.sort(levels))
    assert (np.diff(found, axis=1) >= 0).all()
    assert (found >= 0).all()
    assert (found <= np.expm1(EDGES[-1])).all()


def test_a_quantile_lies_inside_its_class_in_proportion():
    found = logs(Distribution(EDGES, LEVELS), np.array([[0.5, 0.5, 0, 0, 0]]), [0.25, 0.5, 0.75])
    np.testing.assert_allclose(found, [[0.5, 1.0, 1.5]])


def test_a_class_of_one_value_is_that_value_exactly():
    shares = np.array([[0.1, 0, 0, 0.9, 0]])
    found = Distribution(EDGES, LEVELS).quantiles(shares, np.zeros(1), np.array([0.2, 0.5, 0.99]))
    np.testing.assert_allclose(found, np.expm1(3.0), rtol=1e-12)


def test_places_are_the_inverse_of_quantiles():
    shares = np.array([[0.2, 0.3, 0.4, 0, 0.1]])
    distribution = Distribution(EDGES, LEVELS)
    for level in (0.1, 0.45, 0.8, 0.95):
        actual = logs(distribution, shares, [level])[:, 0]
        assert distribution.places_of(shares, np.zeros(1), actual)[0] == pytest.approx(level)


def test_a_value_beyond_all_classes_lies_above_every_level():
    distribution = Distribution(EDGES, LEVELS)
    assert distribution.places_of(np.full((1, 5), 0.2), np.zeros(1), np.array([9.0]))[0] == np.inf


def test_calibration_moves_a_level_to_where_that_share_of_places_lies():
    places = np.random.default_rng(0).beta(4, 2, 20_000)
    calibrated = np.interp([0.1, 0.5, 0.95], LEVELS, calibrated_places(places))
    np.testing.assert_allclose(calibrated, np.quantile(places, [0.1, 0.5, 0.95]), atol=2e-3)


def test_tails_hold_in_every_long_window_and_in_short_ones_together():
    rng = np.random.default_rng(0)
    calm, stormy = rng.uniform(0.1, 0.9, 4000), rng.uniform(0, 1, 4000)
    np.testing.assert_allclose(worst_tails([calm, stormy], 0.9), [0.05, 0.95], atol=0.01)
    together = worst_tails([calm[:500], stormy[:500]], 0.9)
    assert together[0] > 0.05
    assert together[1] < 0.95


def test_bounds_take_the_tails_where_they_have_their_own():
    shares = np.array([[0.5, 0.5, 0, 0, 0]])
    low, high = Distribution(EDGES, LEVELS, tails=(0.25, 0.75)).bounds(shares, np.ones(1), 0.9)
    np.testing.assert_allclose(np.log1p([low[0], high[0]]), [0.5, 1.5])


def test_of_few_places_a_high_level_takes_the_whole_range():
    assert np.interp(0.99, LEVELS, calibrated_places(np.full(20, 0.5))) == 1.0


def test_without_a_model_the_residuals_lie_around_each_answer():
    distribution = Distribution((-1.0, 0.0, 1.0), LEVELS, (0.5, 0.5))
    found = distribution.quantiles(None, np.array([4.0, 5.0]), np.array([0.25, 0.5, 0.75]))
    np.testing.assert_allclose(np.log1p(found), [[3.5, 4, 4.5], [4.5, 5, 5.5]])


def test_bounds_hold_their_answer():
    distribution, shares = Distribution(EDGES, LEVELS), np.array([[0, 1.0, 0, 0, 0]] * 2)
    low, high = distribution.bounds(shares, np.array([0.5, 2.5]), 0.9)
    np.testing.assert_allclose(np.log1p(low), [0.5, 1.05])
    np.testing.assert_allclose(np.log1p(high), [1.95, 2.5])


def test_a_distribution_survives_json():
    found = Distribution(EDGES, LEVELS, (0.5, 0.5), (0.1, 0.9))
    assert Distribution.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize("level", [0, 1, -0.1, 95, float("nan")])
def test_a_level_that_is_no_share_is_refused(level):
    with pytest.raises(BadInput, match=r"between 0 and 1, such as 0\.95"):
        checked_levels([0.5, level])
