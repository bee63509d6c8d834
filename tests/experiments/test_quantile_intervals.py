"""Quantiles of two arms: exact, against brute force over all pairs of values."""

import math

import numpy as np
import pytest

from runlore.experiments.rules.outcome_metric import Metric
from runlore.experiments.rules.quantiles import _log_ratio, quantile_interval, quantile_p_value
from runlore.experiments.rules.sequence import NOTHING_KNOWN, mixture_units
from runlore.experiments.rules.sketch import GROWTH, Sketch, sketch_of
from tests.oracles import rollout as oracle

MEDIAN = Metric("x", "quantile", "lower", quantile=0.5)


def drawn(seed: int, n: int, times: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(0, 0.5, n) * times


@pytest.mark.parametrize(("rank", "n", "share"), [(0, 5, 0.5), (30, 40, 0.9), (450, 1_000, 0.5)])
def test_the_e_value_is_a_beta_mixture(rank: int, n: int, share: float) -> None:
    found = _log_ratio(np.array([float(rank)]), n, share, 40.0)[0]
    assert found == pytest.approx(oracle.quantile_log_e(rank, n, share, 40.0), abs=1e-6)


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_an_interval_is_all_that_no_pair_of_values_refutes(share: float) -> None:
    control, variant = drawn(1, 120), drawn(2, 90, 1.5)
    prior = mixture_units(0.05, 500) / 2
    low, high = oracle.quantile_interval(control.tolist(), variant.tolist(), share, prior, 0.05)
    found = quantile_interval(sketch_of(control), sketch_of(variant), share, 0.05, 500)
    room = (GROWTH - 1) * 2 * max(control.max(), variant.max())
    assert low - room <= found.low <= low
    assert high <= found.high <= high + room


def test_a_multiple_of_the_control_is_taken_off() -> None:
    control, variant = sketch_of(drawn(1, 4_000)), sketch_of(drawn(2, 4_000, 1.2))
    plain = quantile_interval(control, variant, 0.5, 0.05)
    less = quantile_interval(control, variant, 0.5, 0.05, times=1.2)
    assert plain.low > 0
    assert less.low < 0 < less.high
    alone = quantile_interval(control, variant, 0.5, 0.05, times=0.0)
    assert alone.low < 1.2 < alone.high
    turned = quantile_interval(control, variant, 0.5, 0.05, times=-1.0)
    assert turned.low < 2.2 < turned.high


def test_few_units_leave_the_ends_open() -> None:
    few = sketch_of([1.0, 2.0, 3.0])
    assert quantile_interval(few, few, 0.5, 0.05) == NOTHING_KNOWN
    assert quantile_interval(Sketch(), few, 0.5, 0.05) == NOTHING_KNOWN
    assert quantile_p_value(few, Sketch(), 0.5, 0.05) == 1.0


def test_a_difference_has_a_small_p_value_and_none_has_1() -> None:
    control, variant = sketch_of(drawn(1, 5_000)), sketch_of(drawn(2, 5_000, 1.15))
    assert quantile_p_value(control, variant, 0.5, 0.05) < 1e-4
    assert quantile_p_value(control, control, 0.5, 0.05) == 1.0
    far = sketch_of(drawn(2, 5_000, 100.0))
    assert quantile_p_value(control, far, 0.5, 0.05) < 1e-100


def test_ties_are_never_held_against_a_place() -> None:
    """Half of the units are exactly 1 in both arms: the medians may be the same."""
    control = sketch_of([1.0] * 600 + [0.5] * 400)
    variant = sketch_of([1.0] * 600 + [2.0] * 400)
    assert quantile_p_value(control, variant, 0.5, 0.05) == 1.0
    found = quantile_interval(control, variant, 0.5, 0.05)
    assert found.low < 0 < found.high


def test_the_interval_holds_at_every_look() -> None:
    truth = 0.2 * math.exp(0.5 * 1.2815515655446004)
    missed = 0
    for seed in range(30):
        control, variant = drawn(2 * seed, 3_000), drawn(2 * seed + 1, 3_000, 1.2)
        missed += any(
            quantile_interval(
                sketch_of(control[:look]), sketch_of(variant[:look]), 0.9, 0.05
            ).leaves_out(truth)
            for look in range(100, 3_001, 200)
        )
    assert missed <= 3
