from dataclasses import replace

import numpy as np
import pytest

from runlore.kernel.errors import Refused
from runlore.training.rules import fitting
from runlore.training.rules.evidence import actor_sizes
from runlore.training.rules.split import divide
from runlore.training.rules.trained import Candidate, Trained
from tests.training.small import DURATION, PLAN, RISK, column, make


@pytest.fixture(scope="module")
def noise() -> Trained:
    return fitting.fit(RISK, make(RISK, 1500, seed=1, is_noise=True), PLAN)


def test_a_spec_with_something_to_learn_passes_and_beats_the_baseline(risk_trained):
    assert risk_trained.verdict.passed, risk_trained.verdict.reasons
    gain = risk_trained.evidence.gains["auc"]
    assert 0 < gain.low <= gain.value <= gain.high


def test_a_spec_on_pure_noise_is_refused_with_the_numbers(noise):
    assert not noise.verdict.passed
    assert any("must beat the baseline's 0." in reason for reason in noise.verdict.reasons)


def test_probabilities_on_the_test_part_are_calibrated(risk_trained):
    assert risk_trained.evidence.candidate["calibration_error"].value < 0.05


def test_intervals_on_the_test_part_hold_as_often_as_promised(duration_trained):
    assert duration_trained.verdict.passed, duration_trained.verdict.reasons
    assert 0.87 < duration_trained.evidence.candidate["coverage"].value < 0.93
    test = duration_trained.test
    assert (test.low <= test.prediction).all()
    assert (test.prediction <= test.high).all()


def test_every_candidate_is_scored_on_validation_and_test(risk_trained):
    assert set(risk_trained.validation) == set(risk_trained.test_scores) == set(RISK.candidates)
    chosen = risk_trained.test_scores[risk_trained.kind]["auc"]
    assert chosen == risk_trained.evidence.candidate["auc"].value


def test_the_best_candidate_is_chosen_by_validation_and_never_the_baseline(risk_trained):
    def candidate(kind: str, score: float) -> Candidate:
        fitted = replace(risk_trained.chosen.fitted, kind=kind)
        return replace(risk_trained.chosen, fitted=fitted, validation={"log_loss": score})

    scores = {"baseline": 0.1, "linear": 0.4, "xgboost": 0.3}
    assert fitting.choose(RISK, {k: candidate(k, s) for k, s in scores.items()}) == "xgboost"
    scores["xgboost"] = float("nan")
    assert fitting.choose(RISK, {k: candidate(k, s) for k, s in scores.items()}) == "linear"
    scores["linear"] = float("nan")
    with pytest.raises(Refused, match="log_loss could not be measured"):
        fitting.choose(RISK, {k: candidate(k, s) for k, s in scores.items()})


def test_the_test_part_changes_nothing_that_was_fitted(risk_data, risk_trained):
    """Other outcomes in the test part: same model, same calibration, same choice."""
    division = divide(RISK, risk_data)
    target = risk_data.target.copy()
    target[division.test] = 1 - target[division.test]
    again = fitting.fit(RISK, replace(risk_data, target=target), PLAN)
    rows = risk_data.rows[division.test]
    assert again.kind == risk_trained.kind
    assert (again.chosen.predict(rows) == risk_trained.chosen.predict(rows)).all()
    assert not again.verdict.passed


def test_steps_one_by_one_give_what_fit_gives(risk_data, risk_trained):
    division = divide(RISK, risk_data)
    done = {}
    for kind in fitting.in_order(RISK):
        done[kind] = fitting.fit_candidate(RISK, risk_data, division, kind, done)
    chosen = fitting.choose(RISK, done)
    again = fitting.finish(RISK, risk_data, PLAN, division, done, chosen)
    assert again.evidence == risk_trained.evidence


def test_progress_names_each_candidate():
    said = []
    spec = replace(RISK, candidates=("baseline", "linear"))
    fitting.fit(spec, make(RISK, 600), PLAN, said.append)
    assert said[1:] == ["fit baseline", "fit linear", "chose linear"]


def test_scores_by_slice_add_up_to_the_whole(risk_trained):
    kinds = [each for each in risk_trained.slices if each.slice == "kind"]
    assert {each.label for each in kinds} == {"build", "test", "deploy"}
    assert sum(each.rows for each in kinds) == len(risk_trained.test.target)
    brier = sum(each.rows * each.scores["brier"] for each in kinds) / len(risk_trained.test.target)
    assert brier == pytest.approx(risk_trained.evidence.candidate["brier"].value)


def test_actors_are_told_apart_by_what_they_did_in_training():
    data = make(RISK, 1000)
    division = divide(RISK, data)
    actors = np.array(["often"] * 1000)
    actors[division.test[:5]] = "new one"
    sizes = actor_sizes(replace(data, actors=actors), division)
    assert sizes[:5].tolist() == ["new"] * 5
    assert set(sizes[5:]) == {"over 100"}


def test_what_matters_is_found_important(risk_trained, duration_trained):
    for trained in (risk_trained, duration_trained):
        assert trained.importance[0].feature == "inputs.size"
        assert trained.importance[0].mean > 3 * trained.importance[3].mean


def test_the_reference_row_is_what_is_usual_in_training(risk_data, risk_trained):
    rows = risk_data.rows[divide(RISK, risk_data).train]
    at = column("inputs.size")
    assert risk_trained.reference[at] == np.median(rows[:, at])
    assert risk_trained.reference[column("kind")] == 0


def test_a_training_says_what_it_learnt_from(risk_data, risk_trained):
    assert risk_trained.data_digest == risk_data.digest()
    assert risk_trained.last_us < risk_trained.test_us <= risk_trained.test.as_of_us[0]


def test_a_quantity_with_hardly_any_history_still_gets_an_interval():
    trained = fitting.fit(
        replace(DURATION, candidates=("baseline", "linear")), make(DURATION, 400), PLAN
    )
    assert trained.distribution.forest is None
    assert 0.8 < trained.evidence.candidate["coverage"].value < 0.98


def test_intervals_are_right_where_only_the_last_folds_could_have_models_of_bounds():
    spec = replace(DURATION, candidates=("baseline", "linear"))
    trained = fitting.fit(spec, make(spec, 2000), PLAN)
    assert trained.distribution.forest is None
    assert 0.85 < trained.evidence.candidate["coverage"].value < 0.95
