"""Lasting changes of level: against slow truths, and on noise that has none."""

import numpy as np
import pytest
from scipy import integrate, stats

from runlore.signals.rules.regressions import regression
from runlore.signals.rules.regressions.level_change import (
    CORRELATIONS,
    MAX_INNOVATION,
    PRIOR_PRECISION,
    weigh_changes,
)
from runlore.signals.rules.regressions.regression import RegressionRules, find_changes
from runlore.signals.rules.regressions.standing import standing_change
from runlore.signals.rules.series.cycles import without_cycles

QUICK = RegressionRules()


def noise(seed: int, count: int = 300, correlation: float = 0.4) -> np.ndarray:
    """AR(1) of deviation 1."""
    steps = np.random.default_rng(seed).normal(0, np.sqrt(1 - correlation**2), count)
    values = np.empty(count)
    last = 0.0
    for at, step in enumerate(steps):
        values[at] = last = correlation * last + step
    return values


BEGIN = 45


def slow_weight_and_e(
    values: np.ndarray, start: int, seen: int, correlation: float
) -> tuple[float, float]:
    """One start at one point: the likelihood without a change, and the ratio with one.

    The ratio is that of t densities, integrated over the change by quadrature. Given the change's
    estimate and the residuals, t has a noncentral t distribution.
    """
    innovations = values[1:] - correlation * values[:-1]
    usual = innovations[: BEGIN - 1]
    deviation = stats.median_abs_deviation(usual, scale=1 / 1.4826)
    scaled = (innovations[:seen] - np.median(usual)) / deviation
    scaled = np.clip(scaled, -MAX_INNOVATION, MAX_INNOVATION)
    rest = ((scaled - scaled.mean()) ** 2).sum() * deviation**2
    effect = np.r_[np.zeros(start - 1), 1.0, np.full(seen - start, 1 - correlation)]
    design = np.c_[np.ones(seen), effect]
    solution, rss, *_ = np.linalg.lstsq(design, scaled, rcond=None)
    spread = ((effect - effect.mean()) ** 2).sum()
    free = seen - 2
    t = solution[1] * np.sqrt(spread / (rss[0] / free))
    width = np.sqrt(spread / PRIOR_PRECISION)
    mixed, _ = integrate.quad(
        lambda shift: stats.nct.pdf(t, free, shift) * stats.norm.pdf(shift, 0, width),
        -6 * width,
        6 * width,
        limit=200,
    )
    return rest ** (-(seen - 1) / 2), mixed / stats.t.pdf(t, free)


@pytest.mark.parametrize(("start", "seen"), [(40, 47), (60, 70), (75, 81)])
def test_evidence_is_that_of_the_integral(start: int, seen: int) -> None:
    values = noise(3, 90) + np.r_[np.zeros(60), np.full(30, 1.0)]
    evidence = weigh_changes(values, 30, BEGIN)
    row = int(np.flatnonzero(evidence.starts == start)[0])
    column = int(np.flatnonzero(evidence.seen == seen)[0])
    slow = [slow_weight_and_e(values, start, seen, one) for one in CORRELATIONS]
    weights, ratios = np.array(slow).T
    expected = np.log((weights * ratios).sum() / weights.sum())
    assert evidence.log_e[row, column] == pytest.approx(expected, abs=1e-3)


def test_a_point_that_comes_later_changes_no_earlier_finding() -> None:
    values = 10 * np.exp(0.03 * noise(5))
    values[150:] *= 1.25
    whole = find_changes(values, QUICK)
    assert [abs(change.start - 150) <= 2 for change in whole] == [True]
    seen = whole[0].seen
    assert find_changes(values[:seen], QUICK) == []
    assert [change.seen for change in find_changes(values[: seen + 1], QUICK)] == [seen]


def test_points_that_come_later_change_neither_evidence_nor_scale() -> None:
    """Later values of another spread, and of another skew."""
    early, late = 100 + 20 * noise(3, 120), np.exp(5 + noise(4, 60))
    early[100] += 400  # an innovation that is cut
    whole = weigh_changes(np.r_[early, late], 30, BEGIN)
    known = weigh_changes(early, 30, BEGIN)
    rows, columns = len(known.starts), len(known.seen)
    assert whole.log_e[:rows, :columns] == pytest.approx(known.log_e, rel=1e-9, abs=1e-9)
    skewed = np.r_[early[:BEGIN], late]
    assert regression._Scale(skewed, BEGIN).is_log == regression._Scale(early, BEGIN).is_log
    assert regression._Scale(skewed, len(skewed)).is_log != regression._Scale(early, BEGIN).is_log


def test_a_change_has_its_size_within_the_interval() -> None:
    inside = 0
    for seed in range(20):
        values = 10 * np.exp(0.03 * noise(seed))
        values[200:] *= 0.75
        (change,) = find_changes(values, QUICK)
        assert change.size == pytest.approx(-0.25, abs=0.1)
        inside += change.low <= -0.25 <= change.high
    assert inside >= 18


@pytest.mark.parametrize("size", [0.005, 0.02])
def test_a_clear_change_is_seen_as_soon_as_it_may(size: float) -> None:
    """It looks like correlation when none is left to say otherwise."""
    for seed in range(20):
        steps = np.random.default_rng(seed).normal(1, size, 80)
        (change,) = find_changes(np.repeat([10.0, 13.0], [60, 20]) * steps)
        assert (change.start, change.seen) == (60, 60 + RegressionRules().least_after - 1)


def test_noise_of_20_percent_and_single_outliers_raise_nothing() -> None:
    for seed in range(20):
        assert find_changes(100 + 20 * noise(seed), QUICK) == []
    values = 100 + 2 * noise(1)
    values[[120, 180, 181, 240]] *= 3
    assert find_changes(values, QUICK) == []


def test_a_smaller_change_than_asked_for_does_not_count() -> None:
    values = 100 + noise(2)
    values[150:] *= 1.15
    assert len(find_changes(values, RegressionRules(least=0.1))) == 1
    assert find_changes(values, RegressionRules(least=0.2)) == []


@pytest.mark.parametrize(
    "values",
    [
        np.array([]),
        np.full(200, np.nan),
        np.full(200, 3.0),
        np.zeros(200),
        np.r_[np.zeros(100), np.ones(5)],
        np.arange(20.0),
    ],
    ids=["empty", "gaps", "constant", "zeros", "too new", "short"],
)
def test_a_series_that_says_nothing_has_no_change(values: np.ndarray) -> None:
    assert find_changes(values, QUICK) == []


def test_gaps_do_not_move_the_start() -> None:
    values = 100 + noise(4)
    values[150:] *= 1.5
    values[50:90] = values[145] = np.nan
    (change,) = find_changes(values, QUICK)
    assert change.start == 150


def test_a_level_that_is_back_stands_no_more() -> None:
    values = 100 + noise(6, 450)
    values[150:300] *= 1.4
    changes = find_changes(values, QUICK)
    assert [change.start for change in changes] == [150, 300]
    assert standing_change(changes[:1], "up", 0.1) == changes[0]
    assert standing_change(changes, "up", 0.1) is None
    assert standing_change(changes, "both", 0.1) is None
    assert standing_change(changes, "down", 0.1) == changes[1]


def test_days_are_taken_out_and_levels_stay() -> None:
    hours = np.arange(24 * 20)
    level = np.where(hours < 24 * 14, 100.0, 130.0)
    values = level * (1 + 0.4 * np.sin(hours * 2 * np.pi / 24)) + noise(7, len(hours))
    rest = without_cycles(values, 3_600)
    assert np.abs(rest / level - 1).mean() < 0.05
    assert [change.start for change in find_changes(rest, QUICK)] == [24 * 14]
    quiet = 100 + noise(8, len(hours))
    assert without_cycles(quiet, 3_600) == pytest.approx(quiet)
