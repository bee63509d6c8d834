"""What parts say about later failures: the truth of simulated days, or nothing."""

import numpy as np
import pytest

from runlore.signals.rules.health.health import HealthHistory, fit_health, predict_health

DAYS, SCOPES = 154, 12
TRUTH = np.array([1.5, 0.0, -0.8])  # of an open incident, of noise, and of what goes well


def simulate(seed: int, truth: np.ndarray) -> tuple[HealthHistory, np.ndarray]:
    """The history and the true probability of a bad day of each row."""
    random = np.random.default_rng(seed)
    states = (random.random((DAYS * SCOPES, 3)) < [0.2, 0.3, 0.3]).astype(float)
    rate = 1 / (1 + np.exp(1.5 - states @ truth))
    is_bad = (random.random(len(rate)) < rate).astype(float)
    return HealthHistory(states, is_bad, np.repeat(np.arange(DAYS, dtype=float), SCOPES)), rate


def test_weights_have_the_sign_and_size_of_the_truth_and_probabilities_are_calibrated() -> None:
    history, rate = simulate(1, TRUTH)
    fit = fit_health(history)
    assert fit.status == "predicted"
    assert fit.gain is not None
    assert fit.gain > 0.05
    assert [one.weight for one in fit.weights] == pytest.approx(TRUTH, abs=0.3)
    assert fit.weights[1].weight == 0
    shown = [predict_health(fit, states) for states in history.states[:200]]
    errors = np.abs([1 - one[0] for one in shown if one] - rate[:200])
    assert errors.mean() < 0.03
    assert errors.max() < 0.1
    for group in fit.calibration:
        assert group.predicted == pytest.approx(group.seen, abs=0.06)


def test_parts_that_precede_nothing_say_nothing_in_nineteen_of_twenty_histories() -> None:
    fits = [fit_health(simulate(seed, np.zeros(3))[0]) for seed in range(40)]
    said = [fit for fit in fits if any(one.weight for one in fit.weights)]
    assert len(said) <= 5  # 2 are expected
    for fit in fits:
        if fit not in said:
            assert fit.status == "base rate"
            assert predict_health(fit, np.ones(3)) == predict_health(fit, np.zeros(3))


def test_a_part_that_turned_round_does_not_beat_the_base_rate() -> None:
    """It preceded bad days for long, and then usual ones."""
    random = np.random.default_rng(0)
    day = np.repeat(np.arange(DAYS, dtype=float), SCOPES)
    part = (random.random(len(day)) < 0.3).astype(float)
    logit = np.where(day > 0.5 * DAYS, 3.0, -1.5) * part - 1.0
    is_bad = (random.random(len(day)) < 1 / (1 + np.exp(-logit))).astype(float)
    fit = fit_health(HealthHistory(part[:, None], is_bad, day))
    assert fit.gain is not None
    assert fit.gain < 0
    assert fit.status == "base rate"
    assert fit.reason


@pytest.mark.parametrize(("rows", "bad"), [(0, 0), (20, 10), (200, 0), (200, 4), (200, 200)])
def test_too_little_is_unknown_with_the_reason(rows: int, bad: int) -> None:
    history = HealthHistory(
        np.ones((rows, 2)), (np.arange(rows) < bad).astype(float), np.arange(rows, dtype=float)
    )
    fit = fit_health(history)
    assert fit.status == "unknown"
    assert fit.reason
    assert predict_health(fit, np.ones(2)) is None
