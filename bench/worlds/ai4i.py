"""AI4I 2020: machine failures from what is known beforehand; by bagged trees, and by a spec."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import average_precision_score, f1_score, precision_recall_curve
from sklearn.model_selection import StratifiedKFold

from runlore.kernel.instants import now
from runlore.look.actions.reading import LogChoice, read_log_file
from runlore.specs.model_spec import CandidateKind, ModelSpec
from runlore.training.actions.extraction import extract_log
from runlore.training.rules import candidates
from runlore.training.rules.training_set import TrainingSet

MODES = ("TWF", "HDF", "PWF", "OSF", "RNF")
TARGET = "Machine failure"
FOLDS, TREES = 5, 100
KIND: CandidateKind = "random-forest"


def measure_ai4i(file: Path, seed: int) -> Iterator[dict[str, object]]:
    frame = pd.read_csv(file).drop(columns=list(MODES))
    for with_physics in (False, True):
        used = add_physics(frame) if with_physics else frame
        yield {"inputs": _named(with_physics), "by": "trees", **_by_trees(used, seed)}
    for with_physics in (True, False):
        used = add_physics(frame) if with_physics else frame
        yield {"inputs": _named(with_physics), "by": "spec", **_by_spec(used, seed)}


def add_physics(frame: pd.DataFrame) -> pd.DataFrame:
    torque, speed = frame["Torque [Nm]"], frame["Rotational speed [rpm]"]
    return frame.assign(
        power_w=torque * speed * 2 * np.pi / 60,
        temperature_difference=frame["Process temperature [K]"] - frame["Air temperature [K]"],
        wear_torque=frame["Tool wear [min]"] * torque,
    )


def best_threshold(actual: np.ndarray, risk: np.ndarray) -> float:
    """With the largest F1."""
    precision, recall, thresholds = precision_recall_curve(actual, risk)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[min(int(f1.argmax()), len(thresholds) - 1)])


def _named(with_physics: bool) -> str:
    return "recorded and physics" if with_physics else "recorded"


def _by_trees(frame: pd.DataFrame, seed: int) -> dict[str, float]:
    kinds = frame["Type"].map({"L": 0, "M": 1, "H": 2})
    x = frame.drop(columns=["UDI", "Product ID", TARGET]).assign(Type=kinds).to_numpy(float)
    y = frame[TARGET].to_numpy()
    risk, is_alarm = np.zeros(len(y)), np.zeros(len(y), dtype=bool)
    for train, test in _folds(y, seed):
        trees = RandomForestClassifier(
            TREES, max_features=None, oob_score=True, random_state=seed
        ).fit(x[train], y[train])
        risk[test] = trees.predict_proba(x[test])[:, 1]
        held = trees.oob_decision_function_[:, 1]
        is_alarm[test] = risk[test] >= best_threshold(y[train], held)
    return _scores(y, risk, is_alarm, seed)


def _by_spec(frame: pd.DataFrame, seed: int) -> dict[str, float]:
    """The engine's candidate; the threshold from five folds inside the training rows."""
    data, spec = _extracted(frame)
    y = data.target.astype(int)
    risk, is_alarm = np.zeros(len(y)), np.zeros(len(y), dtype=bool)
    for train, test in _folds(y, seed):
        held = np.zeros(len(train))
        for inner, valid in _folds(y[train], seed):
            held[valid] = _risk(spec, data, train[inner], train[valid])
        risk[test] = _risk(spec, data, train, test)
        is_alarm[test] = risk[test] >= best_threshold(y[train], held)
    return _scores(y, risk, is_alarm, seed)


def _risk(spec: ModelSpec, data: TrainingSet, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    fitted = candidates.fit(spec, data, np.sort(train), KIND, {})
    return np.asarray(fitted.raw(data.rows[test]))


def _extracted(frame: pd.DataFrame) -> tuple[TrainingSet, ModelSpec]:
    inputs = [name for name in frame.columns if name not in ("UDI", "Product ID", TARGET)]
    document = {
        "no_times": True,
        "columns": {"source_id": "UDI"},
        "inputs": inputs,
        "outcome": {"breakdown": TARGET},
    }
    from public.cases import BREAKDOWN

    spec = replace(BREAKDOWN, candidates=("baseline", KIND))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "machines.csv"
        frame.to_csv(path, index=False)
        log = read_log_file(LogChoice(path, "csv", document), now()).log
    extracted = extract_log(log, spec)
    return extracted.data, spec


def _folds(y: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    split = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    return list(split.split(np.zeros(len(y)), y))


def _scores(y: np.ndarray, risk: np.ndarray, is_alarm: np.ndarray, seed: int) -> dict[str, float]:
    """Means over the folds."""
    folds = [test for _, test in _folds(y, seed)]
    f1 = [f1_score(y[one], is_alarm[one]) for one in folds]
    ap = [average_precision_score(y[one], risk[one]) for one in folds]
    return {
        "f1": round(float(np.mean(f1)), 3),
        "f1_sd": round(float(np.std(f1)), 3),
        "average_precision": round(float(np.mean(ap)), 3),
        "average_precision_sd": round(float(np.std(ap)), 3),
    }
