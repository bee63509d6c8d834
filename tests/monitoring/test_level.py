"""What a window may risk, against counting in long simulated rows of quiet windows."""

from dataclasses import replace

import numpy as np
import pytest

from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import BadInput
from runlore.monitoring.rules.level import LARGEST, alarm_rate, upper_persistence, window_level
from runlore.specs.model_spec import DriftPolicy

POLICY = DriftPolicy()
YEARS = 4_000


def row_of_windows(persistence: float, windows: int, seed: int = 0) -> np.ndarray:
    """A stationary first-order autoregression, many rows at once: (rows, windows)."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(windows, YEARS))
    for at in range(1, windows):
        steps[at] *= np.sqrt(1 - persistence**2)
        steps[at] += persistence * steps[at - 1]
    return steps.T


def counted_rate(level: float, least: int, of: int, persistence: float) -> float:
    rows = row_of_windows(persistence, of + 40)
    drifted = rows > np.quantile(rows, 1 - level)
    seen = np.lib.stride_tricks.sliding_window_view(drifted, of, axis=1)
    return float((seen[..., -1] & (seen.sum(axis=2) >= least)).mean())


@pytest.mark.parametrize(("least", "of"), [(1, 1), (1, 3), (2, 2), (2, 3), (3, 5)])
@pytest.mark.parametrize("persistence", [0.0, 0.5, 0.9])
def test_alarms_come_as_often_as_in_a_simulated_row(
    least: int, of: int, persistence: float
) -> None:
    for level in (0.02, 0.1):
        expected = counted_rate(level, least, of, persistence)
        found = alarm_rate(level, least, of, persistence)
        assert found == pytest.approx(expected, rel=0.12, abs=4e-4)


def test_without_persistence_it_is_a_binomial() -> None:
    level = 0.07
    assert alarm_rate(level, 2, 3, 0.0) == pytest.approx(level * (1 - (1 - level) ** 2), rel=1e-6)
    assert alarm_rate(level, 1, 1, 0.3) == pytest.approx(level, rel=1e-6)


@pytest.mark.parametrize("persistence", [0.0, 0.4, 0.8])
@pytest.mark.parametrize("days", [365, 1460])
def test_the_time_between_false_alarms_is_what_was_asked_for(
    persistence: float, days: float
) -> None:
    policy = replace(POLICY, between_false_alarms_s=days * DAY_S)
    level = window_level(policy, persistence)
    rate = alarm_rate(level, policy.least_windows, policy.of_windows, persistence)
    assert level == LARGEST or rate == pytest.approx(7 / days, rel=1e-3)
    assert rate <= 7 / days * 1.001


def test_where_windows_drift_together_no_more_is_risked_than_one_alarm_a_window() -> None:
    assert window_level(POLICY, 1.0) == pytest.approx(7 / 365)
    assert window_level(POLICY, 0.97) == pytest.approx(7 / 365)


def test_more_persistence_and_longer_waits_risk_less() -> None:
    levels = [window_level(POLICY, each) for each in (0.0, 0.3, 0.6, 0.9, 1.0)]
    assert levels == sorted(levels, reverse=True)
    rare = replace(POLICY, between_false_alarms_s=10 * 365 * DAY_S)
    assert window_level(rare, 0.3) < window_level(POLICY, 0.3)


def test_persistence_is_bounded_from_above_nearly_always() -> None:
    for true in (0.0, 0.5):
        rows = row_of_windows(true, 16, seed=1)[:500]
        bounds = np.array([upper_persistence(each) for each in rows])
        assert (bounds >= true).mean() >= 0.87
        assert np.median(bounds) < true + 0.6


def test_a_few_windows_or_equal_ones_tell_nothing_of_persistence() -> None:
    assert upper_persistence(np.array([1.0, 2.0, 1.0, 2.0])) == 1.0
    assert upper_persistence(np.ones(30)) == 1.0
    assert upper_persistence(np.empty(0)) == 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"least_windows": 0},
        {"least_windows": 4},
        {"between_false_alarms_s": DAY_S},
        {"window_s": 0.0},
    ],
)
def test_a_policy_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput, match=r"least_windows|between_false_alarms_s"):
        replace(POLICY, **wrong)
