from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeRegressor

from runlore.kernel.errors import Refused
from runlore.models.onnx_session import run, session
from runlore.training.rules.candidates import MEMBERS, Fitted, fit
from runlore.training.rules.export import check_parity, read_skops, to_onnx, write_skops
from tests.training.small import DURATION, RISK

TRAIN = np.arange(300)
PROBABILITIES = ("linear", "naive-bayes", "random-forest", "gradient-boosting", "xgboost")
QUANTITIES = ("linear", "random-forest", "gradient-boosting", "xgboost", "xgboost-modal")


@pytest.fixture(scope="module")
def fitted(risk_data, duration_data):
    risks = {kind: fit(RISK, risk_data, TRAIN, kind) for kind in PROBABILITIES}
    risks["ensemble"] = fit(RISK, risk_data, TRAIN, "ensemble", risks)
    quantities = {kind: fit(DURATION, duration_data, TRAIN, kind) for kind in QUANTITIES}
    quantities["ensemble"] = fit(DURATION, duration_data, TRAIN, "ensemble", quantities)
    risks["blend"] = fit(RISK, risk_data, TRAIN, "blend", risks)
    quantities["blend"] = fit(DURATION, duration_data, TRAIN, "blend", quantities)
    return {True: risks, False: quantities}


EVERY = [
    *((True, kind) for kind in (*PROBABILITIES, "blend", "ensemble")),
    *((False, kind) for kind in (*QUANTITIES, "blend", "ensemble")),
]


@pytest.mark.parametrize(("is_probability", "kind"), EVERY)
def test_onnx_answers_as_python_does_with_and_without_unknown_values(
    fitted, risk_data, is_probability, kind
):
    model = fitted[is_probability][kind]
    before = model.raw(risk_data.rows)
    graph = to_onnx(model, len(risk_data.names))
    assert (model.raw(risk_data.rows) == before).all()
    worst = check_parity(graph, model.raw, risk_data.rows, is_probability=is_probability)
    assert worst < 2e-5
    assert to_onnx(model, len(risk_data.names)) == graph


@pytest.mark.parametrize(("is_probability", "kind"), EVERY)
def test_columns_of_next_to_nothing_and_of_nothing_at_all_can_be_taught(
    risk_data, duration_data, is_probability, kind
):
    """A count that has decayed since last night, and an input that nobody had before."""
    data = risk_data if is_probability else duration_data
    rows = data.rows.copy()
    rows[:, -1] = np.random.default_rng(1).uniform(0, 1e-43, len(rows)).astype(np.float32)
    rows[:, -2] = np.nan
    taught = replace(data, rows=rows)
    model = fit(RISK if is_probability else DURATION, taught, TRAIN, kind)
    graph = to_onnx(model, len(data.names))
    assert check_parity(graph, model.raw, rows, is_probability=is_probability) < 2e-5


@pytest.mark.parametrize(("is_probability", "kind"), EVERY[:-1])
def test_skops_gives_the_very_same_model_back(fitted, risk_data, tmp_path, is_probability, kind):
    model = fitted[is_probability][kind]
    write_skops(model, tmp_path / "m.skops", risk_data.rows[:50])
    again = Fitted(kind, read_skops(tmp_path / "m.skops"), is_probability)
    assert (again.raw(risk_data.rows) == model.raw(risk_data.rows)).all()


@pytest.mark.parametrize("start", [1000.0, np.nextafter(np.float32(1000), np.float32(2000))])
@pytest.mark.parametrize(
    "tree",
    [
        DecisionTreeRegressor(),
        HistGradientBoostingRegressor(max_iter=1, learning_rate=1.0, min_samples_leaf=1),
    ],
)
def test_a_row_at_a_threshold_goes_the_same_way_in_onnx(tree, start):
    """Thresholds are float64 midpoints: rounded to the nearest float32, such rows would flip."""
    low = np.float32(start)
    at = np.array([low, np.nextafter(low, np.float32(2000))] * 50, dtype=np.float32)
    tree.fit(at[:, None], at > low)
    model = Fitted("gradient-boosting", tree, is_probability=False)
    answers = run(session(to_onnx(model, 1)), at[:, None])
    assert answers.tolist() == (at > low).astype(float).tolist()


def test_a_graph_that_answers_otherwise_is_refused_with_an_example(fitted, risk_data):
    graph = to_onnx(fitted[True]["linear"], len(risk_data.names))
    other = fitted[True]["xgboost"].raw
    with pytest.raises(Refused, match=r"ONNX model answers .* where the Python model answers"):
        check_parity(graph, other, risk_data.rows, is_probability=True)


def test_a_graph_that_cannot_answer_is_refused(fitted, risk_data):
    model = fitted[True]["linear"]
    graph = to_onnx(model, len(risk_data.names))
    with pytest.raises(Refused):
        check_parity(graph, lambda rows: rows[:, 0] * np.nan, risk_data.rows, is_probability=True)


def test_a_stored_type_that_is_not_trusted_is_never_loaded(risk_data, tmp_path: Path):
    import skops.io

    skops.io.dump(FunctionTransformer(Path), tmp_path / "m.skops")
    with pytest.raises(Refused, match=r"not trusted: .*pathlib\.Path"):
        read_skops(tmp_path / "m.skops")


def test_a_stored_model_that_answers_otherwise_is_refused(fitted, risk_data, tmp_path, monkeypatch):
    other = fitted[True]["xgboost"].estimator
    monkeypatch.setattr("runlore.training.rules.export.read_skops", lambda path: other)
    with pytest.raises(Refused, match="answers otherwise"):
        write_skops(fitted[True]["linear"], tmp_path / "m.skops", risk_data.rows[:50])


def test_the_members_of_an_ensemble_are_those_of_the_spec():
    assert list(MEMBERS[True].values()) == [0.5, 0.3, 0.2]
    assert replace(RISK, candidates=("baseline", "ensemble")).candidates[1] == "ensemble"
