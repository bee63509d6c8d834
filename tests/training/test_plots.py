"""Figures say what was found, with the right number, and do not break on odd data."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

from runlore.kernel.durations import DAY_US
from runlore.models.explain import GroupImportance
from runlore.models.scores import auc, calibration_error
from runlore.plots import style
from runlore.training import plots
from runlore.training.plots.probability import _gain_curve
from runlore.training.plots.weekly import WEEK_US

RNG = np.random.default_rng(0)
N = 3000
P = 1 / (1 + np.exp(-RNG.normal(-2, 1.5, N)))
FAILED = (RNG.random(N) < P).astype(float)
SECONDS = np.exp(RNG.normal(5, 2, N))
GUESS = SECONDS * np.exp(RNG.normal(0, 0.8, N))


def texts(figure: Figure) -> list[str]:
    """The finding, then how to read it; drawn, so that what cannot be drawn fails."""
    figure.canvas.draw()
    return [" ".join(each.get_text().split()) for each in figure.texts]


def test_calibration_is_told_in_percentage_points():
    title, subtitle = texts(plots.calibration(FAILED, P))
    off = 100 * calibration_error(FAILED, P)
    assert title == f"Predictions are {style.number(off)} percentage points off on average"
    assert subtitle.startswith("3,000 executions in 10 groups")


def test_calibration_shows_what_came_against_what_was_predicted():
    predicted = np.repeat([0.1, 0.3], 500)
    actual = np.r_[np.ones(100), np.zeros(400), np.ones(50), np.zeros(450)]
    figure = plots.calibration(actual, predicted, "late")
    (line,) = (each for each in figure.axes[0].lines if each.get_marker() == "o")
    np.testing.assert_allclose(line.get_xydata(), [[0.1, 0.2], [0.3, 0.1]])
    assert figure.axes[0].get_ylabel() == "actual share: late"
    assert texts(figure)[0].startswith("Predictions are 15 percentage points off")


def test_gain_is_the_share_found_among_the_highest_tenth():
    title, subtitle = texts(plots.gain(FAILED, P, RNG.random(N)))
    share = FAILED[np.argsort(-P)[: N // 10]].sum() / FAILED.sum()
    assert title == f"The highest 10 % of predictions hold {style.percent(share)} of all failed"
    assert subtitle.startswith(f"{style.number(share / 0.1)} times as many as a random pick.")


def test_gain_of_equal_predictions_is_that_of_a_random_pick():
    title, _ = texts(plots.gain(FAILED, np.full(N, 0.2)))
    assert title == "The highest 10 % of predictions hold 10 % of all failed"


def test_gain_does_not_depend_on_the_order_of_ties():
    actual, predicted = np.array([1.0, 0, 0, 1, 0, 0]), np.array([0.9, 0.5, 0.5, 0.5, 0.5, 0.1])
    curve = _gain_curve(actual, predicted)
    np.testing.assert_allclose(curve, [0, 0.5, 0.625, 0.75, 0.875, 1, 1])
    order = [4, 3, 5, 1, 0, 2]
    np.testing.assert_allclose(_gain_curve(actual[order], predicted[order]), curve)


def test_residuals_tell_the_factor_that_half_are_within():
    title, subtitle = texts(plots.residuals(SECONDS, GUESS, "duration", "s"))
    factors = np.exp(np.abs(np.log(SECONDS / GUESS)))
    half, most = np.quantile(factors, [0.5, 0.9])
    assert title == f"Half of the predictions are within a factor of {style.number(half)}"
    assert f"Nine of ten are within a factor of {style.number(most)}." in subtitle


@pytest.mark.parametrize(
    ("factor", "told"),
    [(2.0, "they are 100 % too high"), (0.5, "they are 100 % too low"), (1.0, "neither")],
)
def test_residuals_tell_whether_predictions_lean(factor, told):
    assert told in texts(plots.residuals(SECONDS, SECONDS * factor, "duration", "s"))[1]


def test_values_of_zero_are_told_and_drawn_at_the_edge():
    actual = np.where(np.arange(N) < 30, 0.0, SECONDS)
    assert "30 below" in texts(plots.residuals(actual, GUESS, "duration", "s"))[1]


def test_coverage_is_told_beside_what_is_meant():
    low, high = GUESS / 3, GUESS * 3
    figure = plots.coverage(SECONDS, (low, high), GUESS, 0.9, "s")
    held = ((low <= SECONDS) & (high >= SECONDS)).mean()
    title = f"Intervals hold {style.percent(held)} of what came; 90 % are meant"
    assert texts(figure)[0] == title
    (points,) = figure.axes[0].containers
    assert len(points[0].get_xdata()) == 10
    assert np.mean(points[0].get_ydata()) == pytest.approx(held)


@pytest.mark.parametrize(
    ("is_higher", "best", "told"),
    [
        (True, "b", "b: AUC 0.900, 0.1 better than the baseline"),
        (False, "a", "a: AUC 0.700, 0.1 better than the baseline"),
        (True, "a", "a: AUC 0.700, 0.1 worse than the baseline"),
    ],
)
def test_candidates_are_told_against_the_baseline(is_higher, best, told):
    scores = [
        plots.CandidateScore("baseline", 0.8, 0.78, 0.82),
        plots.CandidateScore("a", 0.7),
        plots.CandidateScore("b", 0.9, 0.88, 0.92),
        plots.CandidateScore("unknown", float("nan")),
    ]
    figure = plots.candidates(scores, "AUC", chosen=best, higher_is_better=is_higher)
    assert texts(figure)[0] == told
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == (["a", "baseline", "b"] if is_higher else ["b", "baseline", "a"])


def test_a_chosen_candidate_without_a_score_is_said_to_have_none():
    scores = [plots.CandidateScore("baseline", 0.8), plots.CandidateScore("a", float("nan"))]
    figure = plots.candidates(scores, "AUC", chosen="a", higher_is_better=True)
    assert texts(figure)[0] == "a: AUC is unknown"


def test_importance_shows_the_twenty_that_matter_most_and_counts_the_rest():
    names = [f"feature-{at:02}" for at in range(30)]
    drops = [at / 1000 for at in range(30)]
    figure = plots.importance(names, drops, [0.001] * 30, "log loss")
    title, subtitle = texts(figure)
    assert title == "feature-29 matters most: log loss 0.029 worse without it"
    assert "10 more features matter at most 0.009 each." in " ".join(subtitle.split())
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert shown == names[:9:-1]


def test_groups_of_features_that_say_the_same_stand_above_the_single_ones():
    groups = [
        GroupImportance(("a", "b", "c"), 0.3, 0.01, 0.1),
        GroupImportance(("d", "e"), -0.1, 0.01, 0.0),
    ]
    figure = plots.importance(["a", "d"], [0.05, 0.01], [0.0, 0.0], "AUC", groups)
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert shown == ["a + 2 more", "a", "d"]
    assert "Green: features that say the same, shuffled together." in " ".join(
        texts(figure)[1].split()
    )


def test_importance_says_so_when_no_feature_matters():
    assert texts(plots.importance(["a"], [0.0], [0.0], "AUC"))[0].startswith("No feature")


def test_weeks_begin_on_mondays_and_thin_ones_have_no_score():
    monday = 1_767_571_200_000_000  # 2026-01-05
    at = np.r_[
        monday + np.arange(40) * DAY_US // 10, monday + 2 * WEEK_US - 1, monday + 3 * WEEK_US
    ]
    found = plots.weekly(at.astype(np.int64), np.ones(42), np.zeros(42), lambda a, p: a.mean())
    assert list((found.starts_us - monday) // WEEK_US) == [0, 1, 2, 3]
    assert list(found.counts) == [40, 1, 0, 1]
    np.testing.assert_array_equal(found.values, [1, np.nan, np.nan, np.nan])


def test_over_time_counts_the_weeks_that_were_won():
    at = np.arange(N, dtype=np.int64) * (10 * WEEK_US // N)
    ours, theirs = (plots.weekly(at, FAILED, each, auc) for each in (P, RNG.random(N)))
    figure = plots.over_time(ours, "AUC", higher_is_better=True, baseline=theirs)
    won = int((ours.values > theirs.values).sum())
    assert texts(figure)[0] == f"AUC beats the baseline in {won} of {len(ours.values)} weeks"
    figure = plots.over_time(ours, "AUC", higher_is_better=False, baseline=theirs)
    lost = len(ours.values) - won
    assert texts(figure)[0] == f"AUC beats the baseline in {lost} of {len(ours.values)} weeks"


NOTHING = np.empty(0)
ODD = {
    "nothing": lambda: plots.calibration(NOTHING, NOTHING),
    "one execution": lambda: plots.calibration(np.ones(1), np.ones(1)),
    "all the same prediction": lambda: plots.calibration(FAILED, np.full(N, 0.25)),
    "rare events": lambda: plots.calibration((P > 0.98) * 1.0, P / 100),
    "probabilities of 0 and 1": lambda: plots.calibration(FAILED, FAILED),
    "nothing to gain from": lambda: plots.gain(NOTHING, NOTHING),
    "no event": lambda: plots.gain(np.zeros(9), P[:9]),
    "only events": lambda: plots.gain(np.ones(9), P[:9]),
    "two executions": lambda: plots.gain(np.array([0.0, 1.0]), np.array([0.2, 0.1])),
    "no residuals": lambda: plots.residuals(NOTHING, NOTHING, "cost", "USD"),
    "all of it 0": lambda: plots.residuals(np.zeros(9), np.zeros(9), "cost", "USD"),
    "negative predictions": lambda: plots.residuals(SECONDS, -SECONDS, "cost", "USD"),
    "one value": lambda: plots.residuals(np.full(9, 5.0), np.full(9, 5.0), "cost", "USD"),
    "huge": lambda: plots.residuals(SECONDS * 1e12, GUESS * 1e12, "size", "bytes"),
    "no intervals": lambda: plots.coverage(NOTHING, (NOTHING, NOTHING), NOTHING, 0.9, "s"),
    "intervals of no width": lambda: plots.coverage(SECONDS, (GUESS, GUESS), GUESS, 0.9, "s"),
    "all held": lambda: plots.coverage(SECONDS, (SECONDS, SECONDS), SECONDS, 0.99, "s"),
    "no features": lambda: plots.importance([], [], [], "AUC"),
    "long names": lambda: plots.importance(["x" * 200, "y"], [0.2, -0.1], [0.0, 0.0], "AUC"),
    "no weeks": lambda: plots.over_time(
        plots.weekly(NOTHING.astype(np.int64), NOTHING, NOTHING, auc), "AUC", higher_is_better=True
    ),
    "one week": lambda: plots.over_time(
        plots.weekly(np.zeros(50, dtype=np.int64), FAILED[:50], P[:50], auc),
        "AUC",
        higher_is_better=True,
    ),
}


@pytest.mark.parametrize("draw", ODD.values(), ids=ODD.keys())
def test_odd_data_makes_a_figure_and_no_warning(draw):
    title, subtitle = texts(draw())
    assert title
    assert subtitle
    assert "nan" not in (title + subtitle).lower().split()


@pytest.mark.parametrize(
    ("hits", "counts", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
)
def test_intervals_of_shares_are_wilsons(hits, counts, low, high):
    """The last by Newcombe, Statistics in Medicine 1998, table I."""
    found = style.wilson(np.array([float(hits)]), np.array([float(counts)]))
    np.testing.assert_allclose(np.ravel(found), [low, high], atol=5e-5)


def test_figures_touch_no_global_state_of_matplotlib():
    code = """
import sys
import numpy as np
from runlore.training import plots
assert "matplotlib" not in sys.modules
plots.calibration(np.array([0.0, 1.0]), np.array([0.2, 0.4])).savefig(sys.argv[1])
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, "/dev/null"], check=True)
