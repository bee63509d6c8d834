"""Logs of few rows, or without times: repeated cross-validation, judged by intervals."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from runlore.features.declaration import FeaturePlan, FeatureSet
from runlore.kernel.errors import BadInput, Refused
from runlore.specs.model_spec import Gate, ModelSpec, Probability, Quantity, Split
from runlore.training.rules import card, fitting
from runlore.training.rules.cross_validation import corrected_interval
from runlore.training.rules.gates import GateEvidence, ScoreInterval, judge
from runlore.training.rules.split import divide
from runlore.training.rules.training_set import TrainingSet

PLAN = FeaturePlan(inputs=("size", "estimate"), categories=(), histories=(), has_calendar=False)
EFFORT = ModelSpec(
    name="effort",
    question=Quantity(of="outcome.effort", unit="h"),
    features=FeatureSet(histories=(), has_calendar=False),
    candidates=("baseline", "linear", "gradient-boosting"),
    select_by="mae",
    gates=(Gate("mae", "baseline"), Gate("coverage", "within", 0.85, 0.95)),
    baseline="median",
    split=Split(kind="cross-validation", folds=3, repeats=2),
)
LATE = replace(
    EFFORT,
    name="late",
    question=Probability(of="failed"),
    candidates=("baseline", "linear", "naive-bayes"),
    select_by="log_loss",
    gates=(Gate("brier", "baseline"), Gate("calibration_error", "bound", 0.2)),
    baseline="majority",
)


def projects(rows: int = 42, *, is_probability: bool = False, seed: int = 0) -> TrainingSet:
    """Timeless projects whose effort follows their size."""
    rng = np.random.default_rng(seed)
    size = rng.uniform(1, 5, rows)
    target = np.expm1(size + rng.normal(0, 0.3, rows))
    if is_probability:
        target = (size + rng.normal(0, 0.4, rows) > 3).astype(float)
    return TrainingSet(
        rows=np.column_stack([size, np.exp(size)]).astype(np.float32),
        target=target,
        as_of_us=np.zeros(rows, np.int64),
        known_us=np.zeros(rows, np.int64),
        names=PLAN.names,
        actors=np.full(rows, ""),
    )


@pytest.fixture(scope="module")
def trained():
    return fitting.fit(EFFORT, projects(), PLAN)


def test_42_rows_without_a_time_are_enough(trained):
    assert trained.verdict.passed, trained.verdict.reasons
    assert trained.train_rows == 42
    assert trained.evidence.gains["mae"].low > 0
    assert np.sort(trained.test.target).tolist() == np.sort(projects().target).tolist()


def test_a_coverage_whose_interval_reaches_the_bounds_is_no_failure():
    held = {"coverage": ScoreInterval(0.976, 0.93, 1.0)}
    gate = replace(EFFORT, gates=(Gate("coverage", "within", 0.85, 0.95),))
    assert [result.passed for result in judge(gate, GateEvidence(held))] == [True]
    missed = {"coverage": ScoreInterval(0.6, 0.5, 0.7)}
    assert [result.passed for result in judge(gate, GateEvidence(missed))] == [False]
    by_time = replace(gate, split=Split())
    assert [result.passed for result in judge(by_time, GateEvidence(held))] == [False]


def test_the_card_says_how_it_was_judged(trained):
    text = card.write(trained)
    assert "2 × 3-fold cross-validation" in text
    assert "Nadeau & Bengio" in text
    assert "Order in time played no part" in text
    assert "by time, one stretch" not in text
    assert "walk-forward" not in text


@pytest.mark.parametrize(("rows", "least"), [(14, 15), (8, 9)])
def test_too_few_rows_are_refused_with_their_number(rows, least):
    spec = replace(EFFORT, split=replace(EFFORT.split, least_rows=least))
    with pytest.raises(Refused, match=f"needs at least {least} finished executions, found {rows}"):
        fitting.fit(spec, projects(rows), PLAN)


def test_15_rows_are_trained():
    trained = fitting.fit(EFFORT, projects(15), PLAN)
    assert trained.train_rows == 15
    assert set(trained.evidence.candidate) == {"mae", "relative_accuracy", "coverage"}


def test_a_probability_has_both_answers_in_every_part():
    data = projects(40, is_probability=True)
    for held_out in divide(LATE, data).rounds:
        for part in (held_out.train, held_out.test, *(fold.train for fold in held_out.folds)):
            assert 0 < data.target[part].mean() < 1
    trained = fitting.fit(LATE, data, PLAN)
    assert trained.evidence.baseline["auc"].value == pytest.approx(0.5)
    assert trained.evidence.candidate["auc"].value > 0.8


def test_one_execution_that_failed_cannot_be_held_out():
    data = projects(20, is_probability=True)
    data = replace(data, target=(np.arange(20) == 3).astype(float))
    with pytest.raises(Refused, match="too few of"):
        divide(LATE, data)


def test_nothing_of_a_held_out_part_is_fitted():
    data = projects()
    division = divide(EFFORT, data)
    assert len(division.rounds) == 6
    for held_out in division.rounds:
        assert not set(held_out.train) & set(held_out.test)
        inner = {int(at) for fold in held_out.folds for at in (*fold.train, *fold.valid)}
        assert inner == set(held_out.train.tolist())
    by_repeat = [
        np.concatenate([one.test for one in division.rounds[at : at + 3]]) for at in (0, 3)
    ]
    assert [np.sort(tested).tolist() for tested in by_repeat] == [list(range(42))] * 2


def test_the_interval_is_the_corrected_resampled_t():
    values, overlap = np.array([0.2, 0.4, 0.3, 0.5]), 0.25
    spread = np.sqrt((1 / 4 + overlap) * values.var(ddof=1))
    low, high = stats.t.interval(0.95, 3, loc=values.mean(), scale=spread)
    interval = corrected_interval(values, overlap)
    assert (interval.low, interval.high) == pytest.approx((low, high))
    assert np.isnan(corrected_interval(np.array([np.nan, np.nan, 1.0]), overlap).value)


def test_noise_is_refused_although_some_round_is_lucky():
    data = projects(60)
    shuffled = replace(data, target=np.random.default_rng(1).permutation(data.target))
    assert not fitting.fit(EFFORT, shuffled, PLAN).verdict.passed


def test_an_input_may_be_the_baseline():
    spec = replace(EFFORT, baseline="inputs.estimate", candidates=("baseline", "linear"))
    trained = fitting.fit(spec, projects(), PLAN)
    assert trained.test.baseline.tolist() == pytest.approx(
        projects().rows[:, 1].astype(float).tolist()
    )
    with pytest.raises(Refused, match=r"inputs\.other"):
        fitting.fit(replace(spec, baseline="inputs.other"), projects(), PLAN)


def test_a_baseline_answers_the_question():
    with pytest.raises(BadInput, match="use 'median'"):
        replace(EFFORT, baseline="majority")
    with pytest.raises(BadInput, match="not 'majority'"):
        replace(LATE, baseline="actor.failed_last")


def test_a_division_by_time_needs_times():
    with pytest.raises(Refused, match="cross-validation"):
        divide(replace(EFFORT, split=Split(least_rows=20)), projects())


def test_a_successor_is_judged_in_the_same_way():
    assert EFFORT.succeeding() is EFFORT
