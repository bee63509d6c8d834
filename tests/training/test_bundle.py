import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.models.bundle import Bundle
from runlore.training.actions import bundle_files
from runlore.training.rules import fitting
from tests.training.small import PLAN, RISK, column, make


@pytest.fixture(scope="module")
def risk_folder(risk_trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("risk")
    bundle_files.write(folder, risk_trained)
    return folder


@pytest.fixture(scope="module")
def duration_folder(duration_trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("duration")
    bundle_files.write(folder, duration_trained)
    return folder


def test_a_loaded_bundle_answers_what_training_answered(risk_folder, risk_trained):
    answers = Bundle.load(risk_folder).predict(risk_trained.test.rows)
    np.testing.assert_allclose(answers.prediction, risk_trained.test.prediction, atol=1e-4)
    assert answers.low is None


def test_a_loaded_bundle_gives_the_intervals_that_were_tested(duration_folder, duration_trained):
    test = duration_trained.test
    answers = Bundle.load(duration_folder).predict(test.rows)
    for ours, theirs in (
        (answers.prediction, test.prediction),
        (answers.low, test.low),
        (answers.high, test.high),
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


def test_one_row_is_answered_as_it_is_among_many(duration_folder, duration_trained):
    loaded, rows = Bundle.load(duration_folder), duration_trained.test.rows[:20]
    alone = [loaded.predict(rows[at : at + 1]).high[0] for at in range(20)]
    np.testing.assert_allclose(alone, loaded.predict(rows).high, rtol=1e-5)


def test_loading_and_answering_needs_neither_scikit_learn_nor_xgboost(duration_folder):
    code = f"""
import sys, numpy as np
from pathlib import Path
from runlore.models.bundle import Bundle
loaded = Bundle.load(Path({str(duration_folder)!r}))
loaded.predict(np.zeros((2, len(loaded.plan.names)), np.float32))
loaded.reasons(np.zeros(len(loaded.plan.names), np.float32))
heavy = {{"sklearn", "scipy", "xgboost", "mlflow", "skops", "onnx", "skl2onnx"}}
sys.exit(", ".join(sorted(heavy & set(sys.modules))) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_same_data_give_the_same_digest(risk_data, risk_trained, risk_folder, tmp_path):
    again = fitting.fit(RISK, risk_data, PLAN)
    assert bundle_files.write(tmp_path, again) == Bundle.load(risk_folder).digest
    assert (tmp_path / "model.onnx").read_bytes() == (risk_folder / "model.onnx").read_bytes()


def test_other_data_give_another_digest(risk_folder, tmp_path):
    spec = replace(RISK, candidates=("baseline", "linear"))
    digests = {
        bundle_files.write(tmp_path / str(seed), fitting.fit(spec, make(RISK, 600, seed), PLAN))
        for seed in (0, 1)
    }
    assert len(digests) == 2


@pytest.mark.parametrize("name", ["model.onnx", "bundle.json"])
def test_a_bundle_that_was_changed_is_refused(risk_folder, tmp_path, name):
    shutil.copytree(risk_folder, tmp_path / "copy")
    path = tmp_path / "copy" / name
    if name == "bundle.json":
        path.write_text(path.read_text().replace('"code_version": "', '"code_version": "9'))
    else:
        path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(Refused, match="changed after training"):
        Bundle.load(tmp_path / "copy")


def test_a_folder_without_a_bundle_is_named(tmp_path):
    with pytest.raises(NotFound, match=str(tmp_path)):
        Bundle.load(tmp_path)


def test_rows_of_another_width_are_refused(risk_folder):
    with pytest.raises(BadInput, match="needs"):
        Bundle.load(risk_folder).predict(np.zeros((3, 2), np.float32))


def test_the_description_is_strict_json_and_tells_all(risk_folder, risk_trained):
    def refuse(word: str) -> float:
        raise AssertionError(word)

    told = json.loads((risk_folder / "bundle.json").read_text(), parse_constant=refuse)
    assert told["spec"] == "risk"
    assert told["candidate"] == risk_trained.kind
    assert told["data_digest"] == risk_trained.data_digest
    assert told["verdict"]["passed"] is True
    assert told["scores"]["gains"]["auc"]["low"] > 0
    assert set(told["libraries"]) >= {"xgboost-cpu", "onnxruntime"}


def test_a_loaded_bundle_knows_what_it_is(risk_folder, risk_trained):
    loaded = Bundle.load(risk_folder, version="7")
    assert (loaded.spec, loaded.question, loaded.plan) == ("risk", RISK.question, PLAN)
    assert (loaded.version, loaded.data_digest) == ("7", risk_trained.data_digest)


def test_reasons_name_the_feature_that_moves_the_answer_most(risk_folder, risk_trained):
    loaded = Bundle.load(risk_folder)
    row = risk_trained.reference.copy()
    row[column("inputs.size")] = 2.5
    first, *rest = loaded.reasons(row)
    assert (first.feature, first.value) == ("inputs.size", 2.5)
    assert first.reference == risk_trained.reference[column("inputs.size")]
    assert rest == []
    both = loaded.predict(np.stack([row, risk_trained.reference])).prediction
    assert first.effect == pytest.approx(both[0] - both[1])
    assert first.effect > 0.1


def test_at_most_k_reasons_are_given_strongest_first(duration_folder, duration_trained):
    found = Bundle.load(duration_folder).reasons(duration_trained.test.rows[0], k=2)
    assert len(found) == 2
    assert abs(found[0].effect) >= abs(found[1].effect)
