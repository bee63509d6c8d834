"""Delays, weights and completed means against slow, obvious ways."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.performance.rules import maturity
from runlore.performance.rules.maturity import MatchedPredictions

DAY_S = 86_400.0


def answered(age_s: list[float], delay_s: list[float], value: list[float]) -> MatchedPredictions:
    """What is known of answers of such ages whose outcomes take so long."""
    age, delay = np.array(age_s, dtype=float), np.array(delay_s, dtype=float)
    known = delay <= age
    nothing = np.full(len(age), np.nan)
    return MatchedPredictions(
        np.arange(len(age), dtype=np.int64),
        np.full(len(age), 0.5),
        np.where(known, value, np.nan),
        nothing,
        nothing,
        age,
        np.where(known, delay, np.nan),
    )


def replayed(
    seed: int = 0, n: int = 20_000
) -> tuple[MatchedPredictions, MatchedPredictions, float]:
    """A week as known at its end, of a log in which long work fails; all before; the true rate."""
    rng = np.random.default_rng(seed)
    at = 30 * DAY_S
    submitted = np.sort(rng.uniform(0, at, n))
    delay = rng.lognormal(np.log(3 * 3600), 1.6, n)
    risk = 1 / (1 + np.exp(2.5 - 0.9 * np.log(delay / (3 * 3600))))
    failed = (rng.random(n) < risk).astype(float)
    everything = answered(list(at - submitted), list(delay), list(failed))
    week = submitted > at - 7 * DAY_S
    return everything.take(week), everything, float(failed[week].mean())


def test_the_share_known_by_an_age_is_the_kaplan_meier_product() -> None:
    told = answered([9, 2, 9, 3, 9, 9], [1, 5, 4, 8, 6, 20], [0, 0, 1, 0, 1, 0])
    found = maturity.delays(told)
    survives, expected = 1.0, []
    for time, at_risk in ((1, 6), (4, 3), (6, 2)):
        survives *= 1 - 1 / at_risk
        expected.append((time, 1 - survives))
    assert list(found.age_s) == [time for time, _ in expected]
    assert found.known == pytest.approx([known for _, known in expected])
    assert found.maturity(np.array([0.5, 4.0, 100.0])) == pytest.approx(
        [0.0, expected[1][1] / found.ever, 1.0]
    )


def test_nothing_known_is_an_unknown_maturity_and_no_weight() -> None:
    told = answered([1, 2], [5, 5], [1, 0])
    found = maturity.delays(told)
    assert np.isnan(found.ever)
    assert np.isnan(found.mature_after_s())
    assert list(maturity.weights(told)) == [0, 0]
    assert np.isnan(maturity.completed_mean(told, told))


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=1, max_size=30))
def test_a_weight_is_one_over_the_share_that_is_old_enough(
    pairs: list[tuple[float, float]],
) -> None:
    ages, delays = ([pair[place] for pair in pairs] for place in (0, 1))
    found = maturity.weights(answered(ages, delays, [1.0] * len(pairs)))
    for weight, age, delay in zip(found, ages, delays, strict=True):
        share = sum(each >= delay for each in ages) / len(ages)
        assert weight == pytest.approx(min(1 / share, 20.0) if delay <= age else 0.0)


def test_when_all_is_known_nothing_is_weighted() -> None:
    told = answered([9, 8, 7], [1, 1, 1], [1, 0, 1])
    assert list(maturity.weights(told)) == [1, 1, 1]
    assert maturity.completed_mean(told, told) == pytest.approx(2 / 3)


def test_running_work_counts_as_the_longer_work_that_is_known() -> None:
    pool = answered([99] * 4 + [5.0], [1, 3, 10, 20, 50], [0, 0, 1, 0, 0])
    window = pool.take(np.array([3, 4]))
    assert maturity.completed_mean(window, pool) == pytest.approx((0 + (1 + 0) / 2) / 2)


@pytest.mark.parametrize("seed", range(5))
def test_the_bias_of_the_failure_rate_is_at_least_halved(seed: int) -> None:
    week, everything, truth = replayed(seed)
    dropped = abs(float(np.nanmean(week.actual)) - truth)
    weighted = np.average(week.actual[week.is_known], weights=maturity.weights(week)[week.is_known])
    assert abs(maturity.completed_mean(week, everything) - truth) < dropped / 2
    assert abs(float(weighted) - truth) < dropped / 2
