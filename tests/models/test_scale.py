"""From the scale that models learn back to the quantity."""

import numpy as np

from runlore.models.scale import quantity


def test_a_quantity_comes_back_from_its_logarithm() -> None:
    seconds = np.array([0.0, 0.5, 60.0, 1e9])
    np.testing.assert_allclose(quantity(np.log1p(seconds)), seconds, rtol=1e-14)


def test_it_is_never_negative_and_beyond_all_numbers_infinite_without_a_warning() -> None:
    assert quantity(np.array([-3.0, 1e4])).tolist() == [0.0, np.inf]
