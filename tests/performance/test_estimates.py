"""Estimates without outcomes: near what comes while they stand, withdrawn when they do not."""

import numpy as np
import pytest

from runlore.models import scores
from runlore.performance.rules import trust
from runlore.performance.rules.estimated import estimate, expect
from runlore.performance.rules.maturity import MatchedPredictions
from runlore.performance.rules.realised import realise

N = 4_000


def drawn(seed: int, shift: float = 0.0, n: int = N) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and outcomes that keep them."""
    rng = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-rng.normal(-1.5 + shift, 1.2, n)))
    return p, (rng.random(n) < p).astype(float)


def known(p: np.ndarray, y: np.ndarray) -> MatchedPredictions:
    n = len(p)
    nothing = np.full(n, np.nan)
    return MatchedPredictions(np.arange(n), p, y, nothing, nothing, np.full(n, 9.0), np.ones(n))


def test_expected_scores_are_the_mean_over_all_outcomes_there_could_be() -> None:
    p = np.array([0.1, 0.4, 0.8])
    total = {"brier": 0.0, "log_loss": 0.0}
    for bits in np.ndindex(2, 2, 2):
        y = np.array(bits, dtype=float)
        chance = float(np.prod(np.where(y > 0, p, 1 - p)))
        for score in total:
            total[score] += chance * scores.measure(score, y, p)
    found = expect(p)
    assert {score: found[score] for score in total} == pytest.approx(total)


@pytest.mark.parametrize("shift", [-0.8, 0.0, 0.8])
def test_calibrated_answers_score_as_estimated_wherever_they_lie(shift: float) -> None:
    p, y = drawn(3, shift, 20_000)
    found = estimate(p, draws=50)
    assert found["auc"].value == pytest.approx(scores.auc(y, p), abs=0.02)
    assert found["brier"].value == pytest.approx(scores.measure("brier", y, p), abs=0.01)
    assert found["auc"].low < found["auc"].value < found["auc"].high


def test_most_realised_scores_lie_in_the_band() -> None:
    inside = 0
    for seed in range(40):
        p, y = drawn(seed, n=800)
        band = estimate(p, draws=100)["auc"]
        inside += band.low <= scores.auc(y, p) <= band.high
    assert inside >= 34


def test_answers_that_keep_their_word_are_trusted() -> None:
    trusted = [trust.is_calibrated(known(*drawn(seed)), drawn(seed, 0.5)[0]) for seed in range(20)]
    assert sum(each.holds is True for each in trusted) >= 19


@pytest.mark.parametrize(
    "concept",
    [
        lambda z, _: z + 0.8,
        lambda z, _: 0.4 * z,
        lambda z, rng: np.where(rng.random(len(z)) < 0.4, z.mean(), z),
    ],
    ids=["a higher rate", "blunter", "noise for some"],
)
def test_a_concept_that_drifted_withdraws_the_estimate(concept) -> None:
    withdrawn = 0
    for seed in range(10):
        p, _ = drawn(seed)
        rng = np.random.default_rng(seed)
        q = 1 / (1 + np.exp(-concept(np.log(p / (1 - p)), rng)))
        y = (rng.random(N) < q).astype(float)
        found = trust.is_calibrated(known(p, y), drawn(seed + 100)[0])
        withdrawn += found.holds is False
        assert "put right it would change" in found.reason
    assert withdrawn >= 9


def changed(seed: int, newest: int) -> tuple[np.ndarray, np.ndarray]:
    """2,000 probabilities, the newest of which are of the opposite of what came true."""
    p, y = drawn(seed, n=2_000)
    rng = np.random.default_rng(seed + 1_000)
    q = 1 / (1 + np.exp(-(-1.5 - (np.log(p / (1 - p)) + 1.5))))
    y[-newest:] = rng.random(newest) < q[-newest:]
    return p, y


@pytest.mark.parametrize("newest", [260, 500, 1_000])
def test_a_change_that_only_the_newest_outcomes_show_withdraws_the_estimate(newest: int) -> None:
    withdrawn = 0
    for seed in range(10):
        found = trust.is_calibrated(known(*changed(seed, newest)), drawn(seed + 50)[0])
        withdrawn += found.holds is False
        shown = int(found.reason.split("newest ")[1].split(" outcomes")[0].replace(",", ""))
        assert found.holds or shown <= 2 * newest, "the look that shows it is the reason"
    assert withdrawn >= 9


def test_looks_at_the_newest_outcomes_share_one_risk() -> None:
    """Four looks at 1 % each would withdraw three times as many without a change."""
    look = trust.CalibrationLook(250, 0.2, 0.3, 0.004, "put right it would change auc 0.7 → 0.6")
    assert look.is_off(0.01)
    assert not look.is_off(0.01 / 4)
    assert not trust.CalibrationLook(250, 0.2, 0.3, 1e-6, trust.IMMATERIAL).is_off(0.01)
    withdrawn = [
        trust.is_calibrated(known(*drawn(seed, n=2_000)), drawn(seed, n=500)[0]).holds is False
        for seed in range(100)
    ]
    assert sum(withdrawn) <= 3


def test_looks_halve_the_outcomes_and_skip_those_with_few_of_the_rarer_sort() -> None:
    assert trust.halves(2_000, 250) == [2_000, 1_000, 500, 250]
    assert trust.halves(1_999, 250) == [1_999, 999, 499]
    assert trust.halves(200, 250) == [200]
    p, y = drawn(1, n=1_000)
    y[-300:] = 0.0
    found = trust.is_calibrated(known(p, y), p)
    assert found.holds is False
    assert "newest 500 outcomes" in found.reason, "of the newest 250 none came true: no look"


def test_few_outcomes_leave_calibration_untested() -> None:
    p, y = drawn(1, n=150)
    found = trust.is_calibrated(known(p, y), p)
    assert found.holds is None
    assert "150 outcomes are known" in found.reason


def test_outcomes_in_bursts_are_no_proof_of_a_drift() -> None:
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        common = np.repeat(rng.normal(0, 1.5, 400), 10)
        z = rng.normal(-1, 1, 4_000)
        p = np.full(4_000, np.nan)
        grid = rng.normal(0, 1.5, 4_000)
        p = np.array([np.mean(1 / (1 + np.exp(-(each + grid[:500])))) for each in z])
        y = (rng.random(4_000) < 1 / (1 + np.exp(-(z + common)))).astype(float)
        alarms += trust.calibration_chance(p[-2000:], y[-2000:], np.ones(2000)) < trust.ALPHA
    assert alarms <= 4


def test_few_answers_carry_no_estimate() -> None:
    assert trust.are_enough(np.full(50, 0.5)).holds is False
    assert trust.are_enough(np.full(500, 0.001)).holds is False
    assert trust.are_enough(np.full(500, 0.5)).holds is True


def test_scores_with_all_outcomes_known_are_the_plain_ones() -> None:
    p, y = drawn(5, n=600)
    found = realise(known(p, y), known(p, y), is_probability=True, replicates=50)
    for score, measured in found.scores.items():
        assert measured.value == pytest.approx(scores.measure(score, y, p))
        assert measured.low <= measured.value <= measured.high
    assert found.rate == pytest.approx(y.mean())


def test_few_outcomes_are_no_score() -> None:
    p, y = drawn(5, n=49)
    assert realise(known(p, y), known(p, y), is_probability=True).scores == {}
