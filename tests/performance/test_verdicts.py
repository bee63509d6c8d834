"""Floors and regressions: frozen evidence in, reasons out; missing data is no verdict."""

import math
from dataclasses import replace

import numpy as np
import pytest

from runlore.models.score_names import display
from runlore.performance.rules import floor, regression
from runlore.performance.rules.floor import Floor
from runlore.performance.rules.regression import WindowLoss, detect
from runlore.specs.catalog.failure_risk import SPEC
from runlore.specs.model_spec import Gate, PerformancePolicy
from runlore.training.rules.gates import ScoreInterval

NAN = float("nan")
TAUGHT = {"baseline": {"auc": {"value": 0.66}, "brier": {"value": 0.1}}}
BEFORE = [WindowLoss(value, 500) for value in (100, 104, 98, 101, 99)]


def test_gates_imply_floors_and_the_spec_may_set_its_own() -> None:
    spec = replace(SPEC, performance=PerformancePolicy(floors=(("auc", 0.7),)))
    found = {each.score: each for each in floor.floors(spec, TAUGHT)}
    assert found["auc"] == Floor("auc", 0.7, "the spec")
    assert found["brier"].bound == 0.1
    assert found["calibration_error"] == Floor("calibration_error", 0.05, "a gate of the spec")
    interval = {"value": 0.66, "low": 0.6, "high": 0.7}
    few = floor.floors(SPEC, {"baseline": {"auc": interval, "brier": interval}})
    bounds = {each.score: each.bound for each in few}
    assert (bounds["auc"], bounds["brier"]) == (0.6, 0.7), "the ends that are easier to reach"
    unknown = {"baseline": {"auc": {"value": None, "low": None, "high": None}}}
    assert "auc" not in {each.score for each in floor.floors(SPEC, unknown)}
    bare = replace(SPEC, gates=(Gate("auc", "baseline"),))
    assert floor.floors(bare, {}) == ()


@pytest.mark.parametrize(
    ("gate", "bound", "origin"),
    [
        (Gate("calibration_error", "within", 0.0, 0.03), 0.03, "a gate of the spec"),
        (Gate("coverage", "within", 0.85, 0.95), 0.85, "a gate of the spec"),
        (Gate("auc", "within", 0.6, 0.9), 0.6, "a gate of the spec"),
        (Gate("mae", "bound", 60.0), 60.0, "a gate of the spec"),
        (Gate("brier", "baseline's value"), 0.1, "the baseline when this version was trained"),
        (Gate("auc", "baseline's value"), 0.66, "the baseline when this version was trained"),
    ],
)
def test_each_kind_of_gate_implies_the_floor_that_it_means(gate, bound, origin) -> None:
    found = floor.floors(replace(SPEC, gates=(gate,)), TAUGHT)
    assert found == (Floor(gate.score, bound, origin),)


@pytest.mark.parametrize(
    ("score", "bound", "measured", "answer"),
    [
        ("auc", 0.7, ScoreInterval(0.6, 0.55, 0.65), "below"),
        ("auc", 0.7, ScoreInterval(0.68, 0.65, 0.71), "above"),
        ("auc", 0.7, ScoreInterval(0.8, 0.75, 0.85), "above"),
        ("brier", 0.1, ScoreInterval(0.2, 0.15, 0.25), "below"),
        ("brier", 0.1, ScoreInterval(0.12, 0.09, 0.15), "above"),
        ("coverage", 0.85, ScoreInterval(0.7, 0.65, 0.75), "below"),
        ("coverage", 0.3, ScoreInterval(0.1 + 0.2, 0.1, math.nextafter(0.3, 0)), "above"),
        ("auc", 0.7, ScoreInterval(0.6, NAN, NAN), "not enough data"),
        ("auc", 0.7, None, "not enough data"),
    ],
)
def test_only_a_whole_interval_breaks_a_floor(score, bound, measured, answer) -> None:
    found = floor.judge(Floor(score, bound, "the spec"), measured, 500, 100)
    assert found.answer == answer
    assert display(score) in found.reason


def test_few_labels_are_no_verdict() -> None:
    measured = ScoreInterval(0.1, 0.05, 0.15)
    assert floor.judge(Floor("auc", 0.7, "the spec"), measured, 99, 100).answer == "not enough data"
    bins = Floor("calibration_error", 0.03, "the spec")
    assert floor.judge(bins, measured, 399, 100).answer == "not enough data"
    assert floor.judge(bins, measured, 400, 100).answer == "below"


@pytest.mark.parametrize(
    ("value", "answer"),
    [(100.0, "steady"), (119.0, "steady"), (121.0, "regressed"), (300.0, "regressed"),
     (50.0, "steady"), (NAN, "not enough data")],
)  # fmt: skip
def test_more_than_a_fifth_worse_than_the_median_is_a_regression(value: float, answer: str) -> None:
    assert detect("latency p95, ms", WindowLoss(value, 500), BEFORE, 100).answer == answer


def test_a_fifth_is_no_regression_where_windows_swing_by_more() -> None:
    noisy = [WindowLoss(value, 500) for value in (60, 150, 100, 80, 130, 110)]
    found = detect("latency p95, ms", WindowLoss(135, 500), noisy, 100)
    assert (found.answer, found.deviations < 3) == ("steady", True)


def test_one_bad_window_before_changes_nothing() -> None:
    with_outlier = [*BEFORE, WindowLoss(5_000, 500)]
    assert detect("x", WindowLoss(130, 500), with_outlier, 100).answer == "regressed"


def test_a_window_that_chance_may_have_made_is_no_regression() -> None:
    """Three standard errors of the newest window, and of the median of those before."""
    assert detect("auc", WindowLoss(130, 500, 10.0), BEFORE, 100).answer == "steady"
    assert detect("auc", WindowLoss(140, 500, 10.0), BEFORE, 100).answer == "regressed"
    bound = 100 + 3 * 10 * math.sqrt(1 + math.pi / 10)
    assert detect("auc", WindowLoss(bound - 0.1, 500, 10.0), BEFORE, 100).answer == "steady"
    assert detect("auc", WindowLoss(bound + 0.1, 500, 10.0), BEFORE, 100).answer == "regressed"
    assert detect("auc", WindowLoss(140, 500, NAN), BEFORE, 100).answer == "not enough data"


def test_windows_in_a_row_show_together_what_none_shows_alone() -> None:
    noisy = [WindowLoss(value, 500, 10.0) for value in (130, 128)]
    found = detect("auc", noisy[-1], [*BEFORE, noisy[0]], 100)
    assert (found.answer, found.current) == ("regressed", 129.0)
    assert "129 in the newest 2 windows against 100 in the 5 windows before" in found.reason
    with_a_good_one = [*BEFORE, WindowLoss(160, 500, 10.0), WindowLoss(119, 500, 10.0)]
    found = detect("auc", WindowLoss(130, 500, 10.0), with_a_good_one, 100)
    assert found.answer == "steady", "each of them must be worse by more than a fifth"
    four = [WindowLoss(value, 500, 12.0) for value in (130, 125, 130, 129)]
    assert detect("auc", four[-1], [*BEFORE, *four[1:3]], 100).answer == "steady"
    found = detect("auc", four[-1], [*BEFORE, *four[:3]], 100)
    assert (found.answer, found.current) == ("regressed", 128.5)
    surer = [replace(window, error=10.0) for window in four]
    few = detect("auc", surer[-1], [*BEFORE[:3], *surer[:3]], 100)
    assert few.answer == "steady", "three windows before are too few for four"


def test_the_spread_of_windows_together_is_smaller_than_that_of_one() -> None:
    swinging = [WindowLoss(value, 500) for value in (86, 93, 100, 107, 114)]
    two = [WindowLoss(value, 500) for value in (128, 129)]
    assert detect("x", two[-1], swinging, 100).answer == "steady"
    assert detect("x", two[-1], [*swinging, two[0]], 100).answer == "regressed"
    assert regression.standard_error(1.0, 2.96) == pytest.approx(0.5)


def test_one_bad_window_among_the_newest_is_no_regression() -> None:
    assert detect("x", WindowLoss(101, 500), [*BEFORE, WindowLoss(5_000, 500)], 100).answer == (
        "steady"
    )


def test_an_unchanged_model_of_few_outcomes_a_week_hardly_ever_regresses() -> None:
    """Losses with the error that they are said to have, eight weeks each, as of 100 outcomes."""
    rng = np.random.default_rng(1)
    weeks = [[WindowLoss(value, 100, 6.0) for value in rng.normal(25, 6, 8)] for _ in range(2_000)]
    called = sum(detect("auc", w[-1], w[:-1], 100).answer == "regressed" for w in weeks)
    assert called <= 16, "1 in 125; by the spread of the weeks alone it is 1 in 15"


def test_few_windows_or_rows_are_no_verdict() -> None:
    assert detect("x", WindowLoss(500, 500), BEFORE[:3], 100).answer == "not enough data"
    assert detect("x", WindowLoss(500, 99), BEFORE, 100).answer == "not enough data"
    thin = [WindowLoss(100, 10)] * 8
    assert detect("x", WindowLoss(500, 500), thin, 100).answer == "not enough data"


def test_a_fifth_of_an_auc_is_a_fifth_more_wrong_orders() -> None:
    assert regression.as_loss("auc", 0.8) == pytest.approx(0.2)
    assert regression.as_loss("brier", 0.1) == 0.1
    before = [WindowLoss(regression.as_loss("auc", v), 500) for v in (0.8, 0.801, 0.799, 0.8)]
    assert (
        detect("auc", WindowLoss(regression.as_loss("auc", 0.77), 500), before, 100).answer
        == "steady"
    )
    assert (
        detect("auc", WindowLoss(regression.as_loss("auc", 0.75), 500), before, 100).answer
        == "regressed"
    )


def test_noise_alone_hardly_ever_regresses() -> None:
    rng = np.random.default_rng(0)
    alarms = sum(
        detect(
            "x", WindowLoss(v[0], 500), [WindowLoss(each, 500) for each in v[1:]], 100
        ).answer == "regressed"
        for v in rng.normal(100, 10, (1_000, 9))
    )  # fmt: skip
    assert alarms <= 20
