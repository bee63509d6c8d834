"""The band of an estimate is as wide as known outcomes leave the calibration open."""

import numpy as np
import pytest

from runlore.models import scores
from runlore.performance.rules import recalibration
from runlore.performance.rules.estimated import ESTIMATED, estimate, tolerated
from runlore.performance.rules.maturity import MatchedPredictions
from runlore.performance.rules.recalibration import PRIOR_SD, doubt


def matched(p: np.ndarray, y: np.ndarray) -> MatchedPredictions:
    n = len(p)
    nothing = np.full(n, np.nan)
    return MatchedPredictions(np.arange(n), p, y, nothing, nothing, np.full(n, 9.0), np.ones(n))


def outcomes(seed: int, n: int, off: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and outcomes of odds that are steeper and higher by `off`."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(-1.5, 1.2, n)
    truth = 1 / (1 + np.exp(-(logit * (1 + off) + off)))
    return 1 / (1 + np.exp(-logit)), (rng.random(n) < truth).astype(float)


def test_realised_scores_lie_in_the_band_though_probabilities_are_a_little_off() -> None:
    inside: dict[str, list[bool]] = {"chance alone": [], "with doubt": []}
    for seed in range(15):
        off = 0.1 * (-1) ** seed
        known, (p, y) = matched(*outcomes(seed, 1_000, off)), outcomes(seed + 500, 5_000, off)
        for name, how in (("chance alone", None), ("with doubt", doubt(known))):
            bands = estimate(p, how, draws=60)
            came = {score: scores.measure(score, y, p) for score in ESTIMATED}
            inside[name] += [bands[s].low <= came[s] <= bands[s].high for s in ESTIMATED]
    assert np.mean(inside["with doubt"]) >= 0.95
    assert np.mean(inside["chance alone"]) < 0.7


def test_known_outcomes_narrow_the_band_and_never_below_what_is_tolerated() -> None:
    p, _ = outcomes(9, 2_000)
    widths = []
    for labels in (0, 300, 2_000):
        band = estimate(p, doubt(matched(*outcomes(1, labels))), draws=60)["auc"]
        assert band.low < band.value < band.high
        widths.append(band.high - band.low)
    alone = estimate(p, draws=60)["auc"]
    assert widths[0] > widths[1] > widths[2] > alone.high - alone.low
    nothing = recalibration.CalibrationDoubt(np.zeros((3, 3)))
    exact = estimate(np.full(20_000, 0.2), nothing, draws=60)["brier"]
    least = tolerated("brier", exact.value)
    assert min(exact.high - exact.value, exact.value - exact.low) >= least
    assert least == pytest.approx(0.05 * 0.16)
    assert tolerated("auc", 0.8) == 0.01


def test_without_outcomes_the_doubt_is_the_prior() -> None:
    assert np.sqrt(np.diag(doubt(matched(*outcomes(1, 0))).covariance)) == pytest.approx(PRIOR_SD)
    few = doubt(matched(*outcomes(1, 74)))
    assert np.sqrt(np.diag(few.covariance)) == pytest.approx(PRIOR_SD)
    assert doubt(matched(*outcomes(1, 75))).covariance[0, 0] < PRIOR_SD[0] ** 2


def test_the_doubt_is_the_spread_of_what_outcomes_would_teach() -> None:
    """Against an oracle: the map fitted anew in worlds without a fault, prior left aside."""
    fitted = []
    for seed in range(60):
        p, y = outcomes(seed, 2_000)
        at = recalibration.recalibrated(p, y, np.ones(2_000), np.array([0.1, 0.2, 0.4]))
        fitted.append(np.log(at / (1 - at)) - np.log([0.1, 0.2, 0.4]) + np.log([0.9, 0.8, 0.6]))
    covariance = doubt(matched(*outcomes(99, 2_000))).covariance
    at = recalibration.design(np.array([0.1, 0.2, 0.4]))
    expected = np.sqrt(np.einsum("ij,jk,ik->i", at, covariance, at))
    assert expected == pytest.approx(np.std(fitted, axis=0), rel=0.35)


def test_only_the_newest_outcomes_count_and_beyond_them_the_map_goes_on() -> None:
    p, y = outcomes(3, 4_000)
    newest = doubt(matched(p[-2_000:], y[-2_000:]))
    whole = doubt(matched(p, y))
    assert np.allclose(whole.covariance, newest.covariance)
    assert (whole.low, whole.high) == (p[-2_000:].min(), p[-2_000:].max())
    drawn = whole.draw(np.array([1e-9, whole.low / 2, 0.2]), np.random.default_rng(0))
    assert np.all((drawn > 0) & (drawn < 1))
    assert drawn[0] < drawn[1] < drawn[2]
    beyond = np.array([whole.low / 100, whole.low / 2])
    moved = whole.draw(beyond, np.random.default_rng(0))
    apart = np.log(moved / (1 - moved)) - np.log(beyond / (1 - beyond))
    assert apart[0] == pytest.approx(apart[1]), "the map goes on as at its end"
