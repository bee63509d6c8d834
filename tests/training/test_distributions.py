"""The distribution of a quantity: its coverage, values that repeat, little data, and serving."""

from dataclasses import replace

import numpy as np
import pytest

from runlore.kernel.errors import BadInput, Refused
from runlore.models.bundle import Bundle
from runlore.models.scores import relative_accuracies
from runlore.training.actions import bundle_files
from runlore.training.rules import candidates, distributions, fitting
from runlore.training.rules.distribution_forest import (
    answers_of,
    class_edges,
    classes_of,
    expected_scores,
    fit_forest_at,
)
from runlore.training.rules.export import parity_rows
from runlore.training.rules.forest_graph import check_forest, forest_graph
from runlore.training.rules.gates import ScoreInterval
from runlore.training.rules.mean_graph import check_mean
from runlore.training.rules.trained import CHECKED_LEVELS, Candidate
from tests.handmade import write_bundle
from tests.training.small import DURATION, PLAN, column, make

ITSELF = replace(
    DURATION, candidates=("baseline", "distribution"), select_by="relative_accuracy", gates=()
)


@pytest.fixture(scope="module")
def only_forests():
    """A way to train as with many rows, where no other distribution is tried."""

    def train(spec, data):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(distributions, "MOST_ROWS", 0)
            return fitting.fit(spec, data, PLAN)

    return train


@pytest.fixture(scope="module")
def itself(duration_data, only_forests):
    """A training whose model is the distribution itself."""
    return only_forests(ITSELF, duration_data)


@pytest.fixture(scope="module")
def served(itself, tmp_path_factory):
    folder = tmp_path_factory.mktemp("itself")
    bundle_files.write(folder, itself)
    return Bundle.load(folder)


@pytest.fixture(scope="module")
def small():
    """Fewer rows than a forest needs: the distribution is the answer and its residuals."""
    return fitting.fit(
        replace(DURATION, candidates=("baseline", "linear")), make(DURATION, 500), PLAN
    )


def test_each_level_holds_on_future_rows_of_a_world_whose_spread_varies(duration_trained):
    for level in duration_trained.coverage:
        assert level.rows == 1200
        assert level.share.value == pytest.approx(level.level, abs=0.05)
        assert level.share.low <= level.share.value <= level.share.high


def test_a_distribution_is_wider_where_outcomes_scatter_more(duration_trained):
    test = duration_trained.test
    width = np.log1p(test.quantiles[:, 3]) - np.log1p(test.quantiles[:, 0])
    scatters = test.rows[:, column("kind")] == 1
    assert width[scatters].mean() > 1.3 * width[~scatters].mean()


def test_the_candidate_answers_with_the_best_expected_score(duration_data):
    """On its own training rows no constant shift of its answers scores better."""
    model = candidates.fit(ITSELF, duration_data, np.arange(2000), "distribution")
    rows, actual = duration_data.rows[:2000], duration_data.target[:2000]
    answers = np.expm1(model.raw(rows))
    scores = [relative_accuracies(actual, answers * by).mean() for by in (0.8, 1.0, 1.25)]
    assert scores[1] == max(scores)


def test_the_answer_follows_the_score_that_the_spec_selects_by(duration_data):
    models = [
        candidates.fit(
            replace(ITSELF, select_by=score), duration_data, np.arange(2000), "distribution"
        )
        for score in ("mae", "relative_accuracy")
    ]
    rows, actual = duration_data.rows[:2000], duration_data.target[:2000]
    errors = [np.abs(np.expm1(model.raw(rows)) - actual).mean() for model in models]
    assert errors[0] < errors[1]


def test_a_value_that_repeats_is_a_class_of_its_own_and_a_quantile_exactly():
    rng = np.random.default_rng(0)
    target = np.log1p(np.where(rng.random(4000) < 0.2, 3600.0, rng.uniform(10, 9000, 4000)))
    edges = class_edges(target)
    repeated = classes_of(np.log1p(np.array([3600.0])), edges)[0]
    assert edges[repeated + 1] == np.log1p(3600.0)
    assert edges[repeated + 1] - edges[repeated] < 1e-12
    assert (np.diff(edges) > 0).all()


def test_classes_of_no_value_between_two_that_repeat_have_no_score():
    target = np.log1p(np.repeat([60.0, 3600.0, 7200.0], [500, 500, 5]))
    edges = class_edges(target)
    classes, count = classes_of(target, edges), len(edges) - 1
    assert (np.bincount(classes, minlength=count) == 0).any()
    scores = expected_scores(target, classes, count, answers_of(target, edges), "mae")
    assert scores.shape[0] == count
    assert np.isfinite(scores).all()


def test_a_target_of_one_value_has_one_class():
    assert (classes_of(np.full(50, 3.0), class_edges(np.full(50, 3.0))) == 0).all()


def test_serving_answers_as_training_did_when_the_model_is_the_distribution(served, itself):
    answers, test = served.predict(itself.test.rows), itself.test
    same = np.isclose(answers.prediction, test.prediction, rtol=1e-6)
    assert same.mean() > 0.999  # two answers may be equally good but for rounding
    np.testing.assert_allclose(answers.low[same], test.low[same], rtol=1e-3)
    np.testing.assert_allclose(
        served.quantiles(test.rows, CHECKED_LEVELS), test.quantiles, rtol=1e-3
    )
    assert served.description["graphs"] == ["model.onnx"]


def test_one_row_has_the_quantiles_that_it_has_among_many(served, itself):
    rows = itself.test.rows[:20]
    alone = [served.quantiles(rows[at : at + 1], [0.5, 0.99])[0].tolist() for at in range(20)]
    np.testing.assert_allclose(alone, served.quantiles(rows, [0.5, 0.99]), rtol=1e-6)


def test_another_candidate_brings_a_distribution_of_its_own(duration_data, only_forests, tmp_path):
    linear = replace(DURATION, candidates=("baseline", "linear"))
    trained = only_forests(linear, duration_data)
    bundle_files.write(tmp_path, trained)
    served, test = Bundle.load(tmp_path), trained.test
    assert served.description["graphs"] == ["distribution.onnx", "model.onnx"]
    np.testing.assert_allclose(
        served.quantiles(test.rows, CHECKED_LEVELS), test.quantiles, rtol=1e-3
    )


def test_with_little_data_the_quantiles_are_the_answer_and_its_residuals(small, tmp_path):
    """In units of what a row's residual is expected to be."""
    bundle_files.write(tmp_path, small)
    served, rows = Bundle.load(tmp_path), small.test.rows
    assert served.description["graphs"] == ["model.onnx", "scale.onnx"]
    found = np.log1p(served.quantiles(rows, [0.1, 0.5, 0.9]))
    around = found - np.log1p(served.predict(rows).prediction)[:, None]
    scale = small.distribution.scale.raw(rows)
    np.testing.assert_allclose(around / scale[:, None] - around[0] / scale[0], 0, atol=1e-5)
    held = {level.level: level.share.value for level in small.coverage}
    assert held[0.5] == pytest.approx(0.5, abs=0.12)
    assert held[0.9] == pytest.approx(0.9, abs=0.07)


def test_a_version_without_a_distribution_still_answers_and_says_why_it_has_no_quantiles(tmp_path):
    old = Bundle.load(write_bundle(tmp_path, "duration"), "3")
    rows = np.zeros((2, len(old.plan.names)), np.float32)
    assert old.predict(rows).high is not None
    with pytest.raises(Refused, match="version 3: was trained before quantiles existed; train it"):
        old.quantiles(rows, [0.5])


def test_a_probability_has_no_quantiles(tmp_path):
    risk = Bundle.load(write_bundle(tmp_path))
    with pytest.raises(Refused, match="a probability has no quantiles"):
        risk.quantiles(np.zeros((1, len(risk.plan.names)), np.float32), [0.5])


def test_columns_of_next_to_nothing_and_of_nothing_at_all_can_be_taught(duration_data):
    """A count that has decayed since last night, and an input that nobody had before."""
    rows = duration_data.rows.copy()
    rows[:, -1] = np.random.default_rng(1).uniform(0, 1e-43, len(rows)).astype(np.float32)
    rows[:, -2] = np.nan
    forest = fit_forest_at(replace(duration_data, rows=rows), np.arange(1000), "mae")
    graph = forest_graph(forest, rows.shape[1], has_answer=True)
    assert check_forest(graph, forest, parity_rows(rows), has_answer=True) < 2e-5


def test_a_candidate_that_is_hardly_better_than_the_baseline_is_passed_over(itself):
    """Its gain is less than a standard error, half of what the interval reaches down."""
    spec = replace(ITSELF, candidates=("baseline", "linear", "distribution"), gates=DURATION.gates)

    def candidate(accuracy: float, low: float) -> Candidate:
        scores = {"mae": 90.0 if accuracy else 100.0, "relative_accuracy": accuracy}
        of_ratio = ScoreInterval(0.1, 0.05, 0.15)  # better in this one alone is not enough
        gains = {"mae": ScoreInterval(10.0, low, 20.0), "relative_accuracy": of_ratio}
        return replace(itself.chosen, validation=scores, gains=gains)

    baseline, sure, best = candidate(0.0, 0.0), candidate(0.6, -9.9), candidate(0.7, -10.0)
    done = {"baseline": baseline, "linear": sure, "distribution": best}
    assert fitting.choose(spec, done) == "linear"
    assert fitting.choose(spec, done | {"linear": candidate(0.6, -12.0)}) == "distribution"
    unsure = candidate(0.6, -12.0)
    worse = replace(unsure, validation={"mae": 110.0, "relative_accuracy": 0.7})
    assert fitting.choose(spec, done | {"linear": unsure, "distribution": worse}) == "linear"


def test_gains_over_the_baseline_are_those_of_the_scores_that_gates_compare(duration_trained):
    gained = duration_trained.chosen.gains
    assert list(gained) == ["mae"]
    ours, theirs = (
        duration_trained.validation[kind]["mae"] for kind in (duration_trained.kind, "baseline")
    )
    assert gained["mae"].value == pytest.approx(theirs - ours)
    assert gained["mae"].low < gained["mae"].value < gained["mae"].high


@pytest.fixture(scope="module")
def mean_of_two(duration_data, only_forests):
    spec = replace(ITSELF, candidates=("baseline", "distribution-modal"))
    return only_forests(spec, duration_data)


def test_the_geometric_mean_of_two_answers_is_served_with_the_distribution(mean_of_two, tmp_path):
    bundle_files.write(tmp_path, mean_of_two)
    bundle, rows = Bundle.load(tmp_path), mean_of_two.test.rows[:500]
    answers = bundle.predict(rows)
    bundle.check_probe()
    assert answers.prediction == pytest.approx(mean_of_two.test.prediction[:500], rel=1e-3)
    assert answers.low == pytest.approx(mean_of_two.test.low[:500], rel=1e-3)
    assert sorted(path.name for path in tmp_path.glob("*.onnx")) == ["model.onnx"]
    assert mean_of_two.evidence.candidate["coverage"].value == pytest.approx(0.9, abs=0.04)


def test_members_that_stand_as_candidates_are_not_fitted_again(duration_data):
    train = np.arange(1500)
    members = {
        kind: candidates.fit(ITSELF, duration_data, train, kind)
        for kind in ("distribution", "xgboost-modal")
    }
    both = candidates.fit(ITSELF, duration_data, train, "distribution-modal", members)
    assert both.estimator.forest is members["distribution"].estimator
    parts = [member.raw(duration_data.rows[-200:]) for member in members.values()]
    assert both.raw(duration_data.rows[-200:]) == pytest.approx(np.mean(parts, axis=0))


def test_a_graph_that_answers_otherwise_than_its_members_is_refused(mean_of_two):
    mean = mean_of_two.chosen.fitted.estimator
    graph = forest_graph(mean.forest, mean_of_two.test.rows.shape[1], has_answer=True)
    with pytest.raises(Refused, match="'distribution-modal' differs"):
        check_mean(graph, mean, mean_of_two.test.rows[:50])


def test_rows_of_another_width_have_no_quantiles(served):
    with pytest.raises(BadInput, match="needs"):
        served.quantiles(np.zeros((1, 2), np.float32), [0.5])


def test_a_candidate_that_its_gates_would_refuse_is_passed_over(itself):
    """The best by ratio, with a larger error than the baseline's, where a gate compares errors."""
    spec = replace(ITSELF, candidates=("baseline", "linear", "distribution"), gates=DURATION.gates)
    worse = {"mae": 120.0, "relative_accuracy": 0.7}
    done = {
        "baseline": replace(itself.chosen, validation={"mae": 100.0, "relative_accuracy": 0.5}),
        "linear": replace(itself.chosen, validation={"mae": 90.0, "relative_accuracy": 0.6}),
        "distribution": replace(itself.chosen, validation=worse),
    }
    assert fitting.choose(spec, done) == "linear"
    assert fitting.choose(ITSELF, done | {"linear": done["distribution"]}) == "distribution"
    alone = {kind: done[kind] for kind in ("baseline", "distribution")}
    assert fitting.choose(spec, alone) == "distribution"
