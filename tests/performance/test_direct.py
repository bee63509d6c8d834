"""Scores of quantities estimated before their outcomes: near them, or withdrawn."""

from dataclasses import replace

import numpy as np
import pytest

from runlore.models.scores import measure
from runlore.performance.rules import direct, windows
from runlore.performance.rules.direct import LossForecast
from runlore.performance.rules.maturity import MatchedPredictions

HOUR_S = 3600.0


def answers(
    seed: int, n: int, hard: float = 0.3, noise: float = 1.0, known: bool = True
) -> MatchedPredictions:
    """Durations of which a part `hard` is told badly, and its intervals say so."""
    rng = np.random.default_rng(seed)
    is_hard = rng.random(n) < hard
    told = rng.lognormal(np.log(HOUR_S), 0.5, n)
    sigma = np.where(is_hard, 0.8, 0.1)
    came = told * np.exp(noise * sigma * rng.normal(size=n))
    at = np.arange(n, dtype=np.int64)
    delay = np.full(n, 60.0)
    return MatchedPredictions(
        at,
        told,
        came if known else np.full(n, np.nan),
        told * np.exp(-1.64 * sigma),
        told * np.exp(1.64 * sigma),
        np.full(n, 1e6),
        delay if known else np.full(n, np.nan),
    )


@pytest.mark.parametrize("hard", [0.05, 0.3, 0.8])
def test_harder_work_is_expected_to_be_told_worse_and_is(hard: float) -> None:
    inside = []
    for seed in range(10):
        before, later = answers(seed, 3_000), answers(100 + seed, 1_000, hard)
        found = direct.estimate(before, later)
        assert found.errors.holds
        for score, told in found.scores.items():
            came = measure(score, later.actual, later.prediction)
            assert told.value == pytest.approx(came, rel=0.25)
            inside.append(told.low <= came <= told.high)
    assert np.mean(inside) >= 0.9


def test_no_outcome_of_the_answers_themselves_is_looked_at() -> None:
    before = answers(1, 2_000)
    seen, unseen = (answers(2, 500, known=known) for known in (True, False))
    assert direct.estimate(before, seen) == direct.estimate(before, unseen)


def test_errors_that_have_grown_withdraw_the_estimate() -> None:
    for seed in range(10):
        early, late = answers(seed, 2_000), answers(50 + seed, 1_000, noise=2.0)
        both = MatchedPredictions(
            *(
                np.concatenate([getattr(each, name) for each in (early, late)])
                for name in vars(early)
            )
        )
        found = direct.estimate(both, answers(99, 500))
        assert found.errors.holds is False
        assert found.scores == {}
        assert "was expected" in found.errors.reason


def joined(one: MatchedPredictions, other: MatchedPredictions) -> MatchedPredictions:
    return MatchedPredictions(
        *(np.r_[getattr(one, name), getattr(other, name)] for name in vars(one))
    )


@pytest.mark.parametrize("newest", [200, 400])
def test_errors_that_have_grown_in_the_newest_outcomes_alone_withdraw_it(newest: int) -> None:
    withdrawn = 0
    for seed in range(10):
        both = joined(answers(seed, 4_000 - newest), answers(50 + seed, newest, noise=2.5))
        found = direct.estimate(both, answers(99, 500))
        withdrawn += found.errors.holds is False
        assert found.errors.holds or f"newest {newest} outcomes" in found.errors.reason
    assert withdrawn >= 9


def forecast(residuals: np.ndarray, alike: np.ndarray | None = None) -> LossForecast:
    """Of 1,000 current answers a loss of 10 each is expected; 900 outcomes taught it."""
    n = len(residuals)
    ones = np.ones(n)
    return LossForecast(
        np.full(1_000, 10.0), residuals, 10 + residuals, ones, ones if alike is None else alike, 900
    )


def test_looks_at_the_newest_errors_share_one_risk() -> None:
    """Of the newest 200 outcomes chance leaves such a bias once in 100 to 200 times."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 7, 800)
    noise -= noise.mean()
    newest = noise[-200:] - noise[-200:].mean()
    steps = np.linspace(0, 3, 301)
    chances = {
        step: forecast(np.r_[noise[:-200], newest + step]).newest(200).chance for step in steps
    }
    between = next(step for step, chance in chances.items() if 0.004 < chance < 0.008)
    look = forecast(np.r_[noise[:-200], newest + between])
    assert look.newest(200).is_off(0.01)
    assert look.worst()[1] is False
    sure = next(step for step, chance in chances.items() if chance < 0.002)
    worst, is_off = forecast(np.r_[noise[:-200], newest + sure]).worst()
    assert (is_off, len(worst.residuals)) == (True, 200)


def test_the_band_is_of_errors_of_answers_like_the_current_ones() -> None:
    rng = np.random.default_rng(0)
    sizes = np.tile([1.0, 9.0], 400)
    residuals = rng.normal(0, sizes)
    widths = {}
    for name, alike in (("easy", 1.0 * (sizes < 5)), ("hard", 1.0 * (sizes > 5))):
        band = forecast(residuals, alike + 1e-3).measured()
        widths[name] = (band.high - band.low) / 2
    bias = np.sqrt((1 + 800 / 900) / 400)
    for name, sd in (("easy", 1.0), ("hard", 9.0)):
        expected = 2.093 * sd * np.hypot(1 / np.sqrt(1_000), bias)
        assert widths[name] == pytest.approx(expected, rel=0.4)
    assert widths["hard"] > 5 * widths["easy"]


def test_errors_that_stay_hardly_ever_withdraw_it() -> None:
    kept = [
        direct.estimate(answers(seed, 1_500), answers(99, 500)).errors.holds for seed in range(40)
    ]
    assert np.mean(kept) >= 0.9


def test_few_known_outcomes_are_no_estimate() -> None:
    found = direct.estimate(answers(1, direct.LEAST_LABELS - 1), answers(2, 500))
    assert (found.errors.holds, found.scores) == (None, {})
    assert "399 outcomes are known; it takes 400" in found.errors.reason


def test_answers_without_an_interval_are_estimated_by_themselves() -> None:
    before, later = answers(1, 3_000), answers(2, 1_000)
    nothing = {name: np.full(1_000, np.nan) for name in ("low", "high")}
    found = direct.estimate(before, replace(later, **nothing))
    came = measure("mae", later.actual, later.prediction)
    assert found.scores["mae"].value == pytest.approx(came, rel=0.25)


def test_a_window_learns_from_the_answers_before_it() -> None:
    both = joined(answers(1, 2_000), answers(2, 500, hard=0.8, known=False))
    both = replace(both, as_of_us=np.arange(len(both), dtype=np.int64))
    first, newest = windows.measure(both, (-1, 1_999, 2_499), None, is_probability=False)
    assert [each.name for each in newest.assumptions] == ["enough answers", "errors", "support"]
    assert newest.realised.scores == {}
    assert newest.estimated["mae"].value > first.realised.scores["mae"].value
    assert (first.estimated, first.withdrawn) == ({}, ())
