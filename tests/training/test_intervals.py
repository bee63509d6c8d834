import json

import numpy as np
import pytest

from runlore.models.intervals import Conformal


def test_a_correction_moves_bounds_by_the_group_of_their_width():
    raw, reach = np.array([5.0, 5.0]), np.array([0.2, 2.0])
    low, high = Conformal(0.9, (1.0,), (0.1, 0.4)).bounds(raw, raw - reach, raw + reach)
    np.testing.assert_allclose(np.log1p(low), [4.7, 2.6])
    np.testing.assert_allclose(np.log1p(high), [5.3, 7.4])


def test_an_interval_is_around_its_prediction_and_never_below_zero():
    raw = np.array([0.0, 1.0, 5.0])
    found = Conformal(0.9, (), (-0.5,))
    low, high = found.bounds(raw, raw + 2, raw + 3)
    assert (low <= np.expm1(raw)).all()
    low, high = found.bounds(raw, raw - 3, raw - 2)
    assert (low >= 0).all()
    assert (high >= np.expm1(raw)).all()


@pytest.mark.parametrize("edges", [(), (0.5, 1.0)])
def test_a_correction_survives_json(edges):
    found = Conformal(0.9, edges, tuple(np.arange(len(edges) + 1) / 3))
    assert Conformal.from_json(json.loads(json.dumps(found.to_json()))) == found
