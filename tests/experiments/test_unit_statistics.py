"""Moments and sketches: exact against arrays, and the same in parts as in one piece."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.experiments.rules.sketch import GROWTH, Sketch, sketch_of
from runlore.kernel.errors import BadInput
from runlore.kernel.moments import Moments, moments_of, moments_of_counts, no_moments

NUMBERS = st.floats(-1e6, 1e6).map(lambda value: round(value, 6))
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=2, max_size=40)


def close(one: Moments, other: Moments) -> None:
    assert one.n == other.n
    assert one.means == pytest.approx(other.means, rel=1e-9, abs=1e-6)
    np.testing.assert_allclose(one.products, other.products, rtol=1e-6, atol=1e-2)


@given(ROWS, st.integers(0, 40))
def test_parts_add_up_to_the_whole_wherever_it_is_cut(
    rows: list[tuple[float, float, float]], cut: int
) -> None:
    whole = np.array(rows).T
    first, rest = whole[:, :cut], whole[:, cut:]
    close(moments_of(*first).merged(moments_of(*rest)), moments_of(*whole))


@given(ROWS)
def test_moments_are_numpys(rows: list[tuple[float, float, float]]) -> None:
    columns = np.array(rows).T
    found = moments_of(*columns)
    np.testing.assert_allclose(found.means, columns.mean(axis=1), rtol=1e-9, atol=1e-9)
    covariances = [[found.covariance(i, j) for j in range(3)] for i in range(3)]
    np.testing.assert_allclose(covariances, np.cov(columns), rtol=1e-6, atol=1e-4)


@given(st.integers(0, 500), st.integers(0, 500))
def test_counts_are_the_moments_of_zeros_and_ones(hits: int, misses: int) -> None:
    close(moments_of_counts(hits + misses, hits), moments_of([1.0] * hits + [0.0] * misses))


@pytest.mark.parametrize(("units", "successes"), [(3, 4), (3, -1)])
def test_more_successes_than_units_are_refused(units: int, successes: int) -> None:
    with pytest.raises(BadInput, match="successes"):
        moments_of_counts(units, successes)


def test_moments_say_when_they_hold_no_numbers_or_only_zeros() -> None:
    assert not moments_of([1.0, math.nan]).is_finite
    assert moments_of([1.0, 2.0]).is_finite
    assert moments_of([0.0, 0.0]).is_all_zero
    assert not moments_of([0.0, 1e-12]).is_all_zero
    assert not moments_of([1.0, -1.0]).is_all_zero
    assert not no_moments().is_all_zero
    assert math.isnan(moments_of([1.0]).covariance(0, 0))


def test_moments_of_uneven_shapes_are_refused() -> None:
    with pytest.raises(BadInput, match="2 means need 2 x 2 products"):
        Moments(3, (1.0, 2.0), ((1.0,),))
    with pytest.raises(BadInput):
        moments_of(3.0)


@given(st.lists(NUMBERS, max_size=60), st.lists(NUMBERS, max_size=60))
def test_sketches_add_up(one: list[float], other: list[float]) -> None:
    assert sketch_of(one).merged(sketch_of(other)) == sketch_of(one + other)


@given(st.lists(NUMBERS, min_size=1, max_size=200), st.floats(0.01, 0.99))
def test_a_sketch_knows_every_quantile_to_a_hundredth(values: list[float], share: float) -> None:
    truth = np.quantile(values, share, method="inverted_cdf")
    found = sketch_of(values).quantile(share)
    assert abs(found - truth) <= (GROWTH - 1) * abs(truth) + 1e-9 or found == pytest.approx(
        np.quantile(values, share * (1 - 1e-9), method="inverted_cdf"), rel=GROWTH - 1
    )


def test_what_is_no_number_is_counted_apart() -> None:
    found = sketch_of([1.0, math.nan, math.inf, -2.0, 0.0])
    assert (found.n, found.missing, found.is_finite) == (3, 2, False)
    assert found.codes[1] == 0
    assert sketch_of([0.0, 0.0]).is_all_zero
    assert math.isnan(Sketch().quantile(0.5))


@pytest.mark.parametrize("wrong", [((2, 1), (1, 1)), ((1,), ()), ((1,), (0,)), ((1, 1), (1, 1))])
def test_a_sketch_out_of_order_is_refused(wrong: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(BadInput, match="rising codes"):
        Sketch(*wrong)


def test_both_survive_json() -> None:
    moments, sketch = moments_of([1.5, 2.5], [1.0, 2.0]), sketch_of([1.0, -3.0, 0.0])
    assert Moments.from_json(json.loads(json.dumps(moments.to_json()))) == moments
    assert Sketch.from_json(json.loads(json.dumps(sketch.to_json()))) == sketch
