"""The largest and the smallest numbers among inputs end no training."""

from dataclasses import replace

import numpy as np
import pytest

from runlore.features.columns import singles
from runlore.training.rules import card_sections, fitting
from runlore.training.rules.candidates import MEMBERS, fit
from tests.training.small import DURATION, PLAN, RISK, column, make

LARGEST_DOUBLE, SMALLEST_DOUBLE = 1.7976931348623157e308, 5e-324


def extreme(spec):
    data = make(spec, 2500)
    values = data.rows[:, column("inputs.size")].astype(np.float64)
    values[:6] = [LARGEST_DOUBLE, -LARGEST_DOUBLE, SMALLEST_DOUBLE, np.inf, -np.inf, np.nan]
    values[-3:] = [LARGEST_DOUBLE, -LARGEST_DOUBLE, SMALLEST_DOUBLE]
    data.rows[:, column("inputs.size")] = singles(values)
    return data


@pytest.mark.parametrize("spec", [RISK, DURATION], ids=["probability", "quantity"])
def test_every_learner_bears_the_largest_and_the_smallest_double(spec):
    data, train = extreme(spec), np.arange(1200)
    for kind in {"linear", "gradient-boosting", *MEMBERS[spec.is_probability]}:
        assert np.isfinite(fit(spec, data, train, kind).raw(data.rows)).all(), kind


def test_a_training_with_such_an_input_reaches_its_end():
    spec = replace(RISK, candidates=("baseline", "linear"))
    assert fitting.fit(spec, extreme(spec), PLAN).kind == "linear"


def test_a_candidate_that_cannot_be_fitted_is_left_out_and_named(monkeypatch):
    fitted = fitting.fit_candidate

    def fail_linear(spec, data, division, kind, done):
        if kind == "linear":
            raise ValueError("Input X contains\ninfinity")
        return fitted(spec, data, division, kind, done)

    monkeypatch.setattr(fitting, "fit_candidate", fail_linear)
    said: list[str] = []
    trained = fitting.fit(RISK, make(RISK, 2500), PLAN, said.append)
    assert "linear could not be fitted and is left out: Input X contains infinity" in said
    assert set(trained.test_scores) == {"baseline", "xgboost"}
    facts = type("Facts", (), {"spec": RISK, "test": trained.test_scores, "candidate": "xgboost"})
    facts.validation, facts.pictures = trained.validation, ()
    assert "Left out, because they could not be fitted: linear." in card_sections.candidates(facts)


def test_without_a_baseline_there_is_no_model(monkeypatch):
    def fail(*_):
        raise ValueError("no numbers")

    monkeypatch.setattr(fitting, "fit_candidate", fail)
    with pytest.raises(ValueError, match="no numbers"):
        fitting.fit(RISK, make(RISK, 2500), PLAN)
