from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import VotingClassifier, VotingRegressor

from runlore.kernel.errors import BadInput, Refused
from runlore.models.scores import auc
from runlore.specs.model_spec import Quantity
from runlore.training.rules import candidates
from runlore.training.rules.candidates import BLENDED, MEMBERS, fit
from tests.training.small import DURATION, RISK, column, make

TRAIN = np.arange(1200)


@pytest.fixture(scope="module")
def members(risk_data):
    return {kind: fit(RISK, risk_data, TRAIN, kind) for kind in MEMBERS[True]}


@pytest.mark.parametrize("kind", ["linear", "gradient-boosting", *MEMBERS[True]])
def test_every_kind_of_probability_learns_and_bears_unknown_values(risk_data, members, kind):
    fitted = members.get(kind) or fit(RISK, risk_data, TRAIN, kind)
    rows = risk_data.rows[1200:3000]
    answers = fitted.raw(rows)
    assert auc(risk_data.target[1200:3000], answers) > 0.65
    assert np.isfinite(fitted.raw(np.full_like(rows[:1], np.nan))).all()
    assert (answers == fitted.raw(rows)).all()


@pytest.mark.parametrize("kind", ["linear", "random-forest", "gradient-boosting", "xgboost"])
def test_every_kind_of_quantity_learns_the_logarithm(duration_data, kind):
    raw = fit(DURATION, duration_data, TRAIN, kind).raw(duration_data.rows[1200:])
    actual = np.log1p(duration_data.target[1200:])
    assert np.corrcoef(raw, actual)[0, 1] > 0.7
    assert abs(raw.mean() - actual.mean()) < 0.3


def test_the_ensemble_is_the_weighted_mean_of_the_members_it_was_given(risk_data, members):
    vote = fit(RISK, risk_data, TRAIN, "ensemble", members)
    rows = risk_data.rows[2000:2200]
    mean = sum(weight * members[kind].raw(rows) for kind, weight in MEMBERS[True].items())
    np.testing.assert_allclose(vote.raw(rows), mean)
    assert isinstance(vote.estimator, VotingClassifier)
    assert vote.estimator.estimators_[0] is members["random-forest"].estimator


@pytest.mark.parametrize("spec", [RISK, DURATION], ids=["risk", "number"])
def test_the_blend_is_the_mean_of_its_members(spec, risk_data, duration_data):
    data = risk_data if spec is RISK else duration_data
    train, rows = np.arange(300), data.rows[2000:2200]
    parts = {kind: fit(spec, data, train, kind) for kind in BLENDED}
    blend = fit(spec, data, train, "blend", parts)
    mean = sum(part.raw(rows) for part in parts.values()) / len(BLENDED)
    np.testing.assert_allclose(blend.raw(rows), mean, rtol=1e-6)


def test_of_several_baselines_the_best_one_in_training_answers(risk_data):
    rows = risk_data.rows.copy()
    useless, estimate = column("inputs.requested_time_s"), column("inputs.size")
    rows[:, useless], rows[:, estimate] = 0.5, risk_data.target
    spec = replace(RISK, baseline=("inputs.requested_time_s", "inputs.size", "inputs.absent"))
    fitted = fit(spec, replace(risk_data, rows=rows), TRAIN, "baseline")
    assert fitted.estimator.column == estimate


def test_a_persons_own_estimate_may_be_the_baseline(duration_data):
    spec = replace(DURATION, baseline="inputs.requested_time_s")
    answers = np.expm1(fit(spec, duration_data, TRAIN, "baseline").raw(duration_data.rows[:3]))
    np.testing.assert_allclose(answers, [40_000] * 3)


def test_a_baseline_that_no_execution_has_is_refused_by_its_name(duration_data):
    spec = replace(DURATION, baseline="inputs.absent")
    with pytest.raises(Refused, match=r"'inputs\.absent' is no feature of this log.*name another"):
        fit(spec, duration_data, TRAIN, "baseline")


def test_a_quantitys_ensemble_is_a_voting_regressor_of_its_members(duration_data):
    train = np.arange(300)
    vote = fit(DURATION, duration_data, train, "ensemble")
    rows = duration_data.rows[2000:2200]
    parts = {kind: fit(DURATION, duration_data, train, kind) for kind in MEMBERS[False]}
    mean = sum(weight * parts[kind].raw(rows) for kind, weight in MEMBERS[False].items())
    np.testing.assert_allclose(vote.raw(rows), mean, rtol=1e-6)
    assert isinstance(vote.estimator, VotingRegressor)


def test_the_baseline_answers_with_its_feature_or_the_training_mean(risk_data):
    known = risk_data.rows[:, column(RISK.baseline)]
    answers = fit(RISK, risk_data, TRAIN, "baseline").raw(risk_data.rows)
    is_known = ~np.isnan(known)
    assert (answers[is_known] == known[is_known]).all()
    assert set(answers[~is_known]) == {risk_data.target[TRAIN].mean()}


def test_a_quantitys_baseline_falls_back_to_the_median_and_is_capped_by_the_request(duration_data):
    rows = duration_data.rows[:4].copy()
    rows[:, column("inputs.requested_time_s")] = [10, 10_000, 10_000, np.nan]
    rows[:, column(DURATION.baseline)] = [100, 100, np.nan, 100]
    answers = np.expm1(fit(DURATION, duration_data, TRAIN, "baseline").raw(rows))
    median = np.median(duration_data.target[TRAIN])
    np.testing.assert_allclose(answers, [10, 100, median, 100])


def test_what_a_run_may_take_says_nothing_of_what_it_costs(duration_data):
    cost = replace(DURATION, question=Quantity(of="outcome.cost", unit="USD"))
    rows = duration_data.rows[:1].copy()
    rows[:, column("inputs.requested_time_s")] = 10
    rows[:, column(DURATION.baseline)] = 100
    answers = np.expm1(fit(cost, duration_data, TRAIN, "baseline").raw(rows))
    np.testing.assert_allclose(answers, [100])


def test_the_modal_model_answers_with_the_likeliest_value():
    data = make(DURATION, 1200)
    rng = np.random.default_rng(0)
    target = np.expm1(np.where(rng.random(1200) < 0.55, 2.0, rng.uniform(4, 9, 1200)))
    data = replace(data, target=target)
    modal = fit(DURATION, data, TRAIN, "xgboost-modal").raw(data.rows)
    median = fit(DURATION, data, TRAIN, "xgboost").raw(data.rows)
    assert np.abs(modal - 2).mean() < 0.75 * np.abs(median - 2).mean()


def test_the_modal_model_reuses_a_first_fit_and_answers_the_same(duration_data):
    train = np.arange(400)
    first = {"xgboost": fit(DURATION, duration_data, train, "xgboost")}
    reused = fit(DURATION, duration_data, train, "xgboost-modal", first)
    alone = fit(DURATION, duration_data, train, "xgboost-modal")
    rows = duration_data.rows[:300]
    assert (reused.raw(rows) == alone.raw(rows)).all()


@pytest.mark.parametrize(
    ("spec", "kind"),
    [(DURATION, "naive-bayes"), (RISK, "xgboost-modal"), (RISK, "distribution-modal")],
    ids=["number", "risk", "mean"],
)
def test_a_kind_that_cannot_answer_the_question_is_refused(spec, kind):
    with pytest.raises(BadInput, match=f"'{kind}'.* leave it out"):
        fit(spec, make(spec, 300), np.arange(300), kind)


def test_no_more_than_two_threads_are_used():
    assert candidates.THREADS <= 2
