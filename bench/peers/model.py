"""The ensemble that all servers answer with, and the requests that they are all asked.

A synthetic log: 30 numeric inputs, actors with habits. The model is the product's `ensemble`
(random forest 0.5, XGBoost 0.3, naive Bayes 0.2), with 100 trees of XGBoost instead of 300.
"""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.ingest.actions.files import ingest_file
from runlore.ingest.actions.opening import FileSource
from runlore.kernel.durations import DAY_S
from runlore.kernel.instants import now
from runlore.models.bundle import Bundle
from runlore.records.mapping import declare
from runlore.registry import ModelRelease, connect
from runlore.serving.actions import states
from runlore.settings import Settings
from runlore.specs.model_spec import ModelSpec, Probability, Split
from runlore.store.engine import Store, open_store
from runlore.training.actions import bundle_files
from runlore.training.actions.extraction import extract
from runlore.training.rules import fitting
from runlore.training.rules.candidates import Fitted
from runlore.training.rules.split import Division, divide
from runlore.training.rules.trained import Candidate
from runlore.training.rules.training_set import TrainingSet

NAME = "serving-bench"
INPUTS = tuple(f"x{i:02}" for i in range(30))
EXECUTIONS = 12_000
ACTORS, KINDS, SCOPES = 300, 8, 20
BOOSTED_TREES = 100
ASKED = 256
"""Different requests, asked one after the other and again from the start."""

SPEC = ModelSpec(
    name=NAME,
    question=Probability(of="failed"),
    features=FeatureSet(
        histories=tuple(
            HistoryFeatures(keys, ("failed",), (10 * DAY_S,))
            for keys in (("actor",), ("actor", "kind"))
        ),
        inputs=INPUTS,
        categories=(),
        has_calendar=False,
    ),
    candidates=("baseline", "random-forest", "xgboost", "naive-bayes", "ensemble"),
    select_by="log_loss",
    split=Split(folds=2),
    gates=(),
    baseline="actor.failed_mean_10d",
)
SPECS = json.dumps(["peers.model:SPEC"])
"""RUNLORE_SPECS for a process that has this folder's parent on its PYTHONPATH."""


@dataclass(frozen=True)
class Prepared:
    """A home with a log and a champion, the same model as files, and what is asked.

    vote: scikit-learn's VotingClassifier, by joblib. graph: the same as ONNX.
    ours, rows: bodies for the product, and the rows of floats that they stand for.
    expected: what scikit-learn answers to the rows.
    """

    home: Path
    vote: Path
    graph: Path
    ours: list[dict[str, Any]]
    rows: np.ndarray
    expected: np.ndarray


def prepare(folder: Path) -> Prepared:
    settings = Settings(home=folder / "h", database_url=None, mlflow_tracking_uri=None)
    log = simulated()
    file = folder / "log.csv"
    log.to_csv(file, index=False)
    told = {"inputs": list(INPUTS), "columns": {"known_at": "finished"}}
    with open_store(settings) as store:
        ingest_file(store, FileSource(file, "csv", "bench", declare(told)), now())
        found = extract(store, SPEC)
        division = divide(SPEC, found.data)
        fitted = fit(found.data, division)
        trained = fitting.finish(SPEC, found.data, found.plan, division, fitted, "ensemble")
        bundle_files.write(folder / "version", trained)
        put_in_place(settings, store, folder / "version")
    vote: Any = fitted["ensemble"].fitted.estimator
    chosen = np.flatnonzero(np.isfinite(found.data.rows).all(axis=1))[-ASKED:]
    rows = found.data.rows[chosen]
    told_rows = log.sort_values("submitted").iloc[chosen].to_dict("records")
    return Prepared(
        home=settings.home,
        vote=dumped(vote, folder / "vote.joblib"),
        graph=folder / "version" / "model.onnx",
        ours=[asked(each) for each in told_rows],
        rows=rows,
        expected=vote.predict_proba(rows)[:, 1],
    )


def simulated(seed: int = 5) -> pd.DataFrame:
    """A log that ended a minute ago; who asks and six of the inputs decide what fails."""
    rng = np.random.default_rng(seed)
    start_s = now().timestamp() - 30 * DAY_S - 7_200
    submitted = np.sort(rng.uniform(0, 30 * DAY_S, EXECUTIONS)) + start_s
    actor = np.minimum(rng.zipf(1.5, EXECUTIONS), ACTORS) - 1
    values = rng.normal(size=(EXECUTIONS, len(INPUTS))).round(4)
    habit = rng.normal(-1.2, 1.0, ACTORS)
    score = habit[actor] + values[:, :6] @ np.array([1.2, -0.9, 0.7, 0.5, -0.4, 0.3])
    failed = rng.random(EXECUTIONS) < 1 / (1 + np.exp(-score))
    log = pd.DataFrame(
        {
            "id": [f"e{i}" for i in range(EXECUTIONS)],
            "actor": [f"actor-{i}" for i in actor],
            "kind": [f"kind-{i}" for i in rng.integers(0, KINDS, EXECUTIONS)],
            "scope": [f"host-{i}" for i in rng.integers(0, SCOPES, EXECUTIONS)],
            "submitted": iso(submitted),
            "finished": iso(submitted + rng.uniform(10, 3_600, EXECUTIONS)),
            "status": np.where(failed, "failed", "succeeded"),
        }
    )
    return pd.concat([log, pd.DataFrame(values, columns=list(INPUTS))], axis=1)


def iso(seconds: np.ndarray) -> pd.Series:
    return pd.Series(pd.to_datetime(seconds, unit="s", utc=True)).dt.strftime(
        "%Y-%m-%dT%H:%M:%S.%fZ"
    )


def fit(data: TrainingSet, division: Division) -> dict[str, Candidate]:
    done: dict[Any, Candidate] = {}
    for kind in fitting.in_order(SPEC):
        made = fitting.fit_candidate(SPEC, data, division, kind, done)
        done[kind] = shortened(made, data, division) if kind == "xgboost" else made
    return done


def shortened(made: Candidate, data: TrainingSet, division: Division) -> Candidate:
    """The product's XGBoost candidate with fewer trees."""
    folds = [
        refit(each, data, part.train) for each, part in zip(made.folds, division.folds, strict=True)
    ]
    return replace(made, fitted=refit(made.fitted, data, division.train), folds=tuple(folds))


def refit(fitted: Fitted, data: TrainingSet, train_rows: np.ndarray) -> Fitted:
    from sklearn.base import clone

    estimator: Any = clone(fitted.estimator).set_params(n_estimators=BOOSTED_TREES, n_jobs=1)
    return replace(fitted, estimator=estimator.fit(data.rows[train_rows], data.target[train_rows]))


def put_in_place(settings: Settings, store: Store, folder: Path) -> None:
    loaded = Bundle.load(folder)
    states.activate(store, loaded.plan)
    release = ModelRelease(
        spec=NAME,
        folder=folder,
        digest=loaded.digest,
        data_digest=loaded.data_digest,
        candidate="ensemble",
        features=loaded.plan.names,
        example=(0.0,) * len(loaded.plan.names),
        has_interval=False,
        card="For the measurement of serving.",
    )
    registry = connect(settings, store)
    with registry.training_run(NAME) as one:
        version = registry.register(one, release)
    registry.set_alias(NAME, "champion", version.version)


def dumped(vote: Any, path: Path) -> Path:
    import joblib

    joblib.dump(vote, path)
    return path


def asked(told: dict[str, Any]) -> dict[str, Any]:
    inputs = {name: told[name] for name in INPUTS}
    return {**{name: told[name] for name in ("actor", "kind", "scope")}, "inputs": inputs}


def environment(home: Path) -> dict[str, str]:
    """What a process of the product needs to find the home and this spec."""
    inherited = {key: value for key, value in os.environ.items() if key[:8] != "RUNLORE_"}
    above = filter(None, (str(Path(__file__).parents[1]), inherited.get("PYTHONPATH")))
    found = {"RUNLORE_HOME": str(home), "RUNLORE_SPECS": SPECS}
    return inherited | found | {"PYTHONPATH": os.pathsep.join(above)}
