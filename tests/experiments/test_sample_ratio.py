"""Whether arms got their shares: at any look, and once at the end."""

import math

import numpy as np
import pytest
from scipy.stats import chisquare

from runlore.experiments.rules.sample_ratio import (
    CONCENTRATION,
    ONCE_LEVEL,
    WATCHED_LEVEL,
    UnitSplit,
    check_once,
    log_e_value,
    watch,
)
from runlore.kernel.errors import BadInput
from tests.oracles import rollout as oracle

EVEN = {"a": 1.0, "b": 1.0}


def test_the_e_value_is_the_product_of_what_each_unit_was_predicted_with() -> None:
    rng = np.random.default_rng(1)
    shares = (0.6, 0.3, 0.1)
    arms = rng.choice(3, 500, p=(0.5, 0.3, 0.2)).tolist()
    counts = [arms.count(arm) for arm in range(3)]
    expected = oracle.dirichlet_log_e(arms, shares, CONCENTRATION)
    assert float(log_e_value(counts, shares)) == pytest.approx(expected)


def test_e_values_of_many_looks_are_taken_at_once() -> None:
    counts = np.array([[10, 20], [100, 90]])
    found = log_e_value(counts, (0.5, 0.5))
    assert found.tolist() == [float(log_e_value(row, (0.5, 0.5))) for row in counts]


def test_a_third_where_a_fifth_was_to_come_is_found_within_1000_units() -> None:
    rng = np.random.default_rng(2)
    for _ in range(50):
        mine = int(rng.binomial(1_000, 0.33))
        found = watch([UnitSplit({"a": 1_000 - mine, "b": mine}, {"a": 0.8, "b": 0.2})])
        assert found.is_mismatch
    assert found.reason.startswith("arms did not get their shares: a ")


def test_fair_streams_watched_after_every_unit_are_left_alone() -> None:
    rng = np.random.default_rng(3)
    alarms = 0
    for _ in range(200):
        mine = np.cumsum(rng.random(3_000) < 0.2)
        counts = np.column_stack([np.arange(1, 3_001) - mine, mine])
        alarms += bool((log_e_value(counts, (0.8, 0.2)) > -math.log(WATCHED_LEVEL)).any())
    assert alarms <= 1


def test_what_each_split_says_adds_up() -> None:
    """Neither half is a mismatch by itself."""
    half = UnitSplit({"a": 5_000, "b": 5_190}, EVEN)
    other = UnitSplit({"a": 500, "b": 610}, {"a": 0.5, "b": 0.5})
    alone = [watch([half], 1e-9).p_value, watch([other], 1e-9).p_value]
    both = watch([half, other, half], 1e-9).p_value
    assert both < min(alone)
    assert both == pytest.approx(
        math.exp(
            -2 * float(log_e_value([5_000, 5_190], (0.5, 0.5)))
            - float(log_e_value([500, 610], (0.5, 0.5)))
        )
    )


def test_shares_need_not_add_up_to_1() -> None:
    units = {"a": 700, "b": 300}
    assert watch([UnitSplit(units, {"a": 0.7, "b": 0.3})]).p_value == pytest.approx(
        watch([UnitSplit(units, {"a": 7, "b": 3})]).p_value
    )


def test_once_at_the_end_it_is_pearsons_test() -> None:
    found = check_once(UnitSplit({"a": 44_700, "b": 45_489}, EVEN))
    assert found.p_value == pytest.approx(chisquare([44_700, 45_489]).pvalue)
    assert (found.method, found.level, found.is_mismatch) == ("chi-square", ONCE_LEVEL, True)
    assert not check_once(UnitSplit({"a": 44_900, "b": 45_289}, EVEN)).is_mismatch


def test_without_units_nothing_is_wrong_yet() -> None:
    nobody = UnitSplit({"a": 0, "b": 0}, EVEN)
    for found in (watch([]), watch([nobody]), check_once(nobody)):
        assert (found.p_value, found.is_mismatch, found.reason) == (1.0, False, "no units yet")


@pytest.mark.parametrize(
    ("units", "shares"),
    [
        ({"a": 1}, {"a": 1.0}),
        ({"a": 1, "b": 1}, {"a": 1.0, "c": 1.0}),
        ({"a": 1, "b": 1}, {"a": 1.0, "b": 0.0}),
    ],
)
def test_a_split_names_a_share_of_every_arm(
    units: dict[str, int], shares: dict[str, float]
) -> None:
    with pytest.raises(BadInput, match="split"):
        UnitSplit(units, shares)
