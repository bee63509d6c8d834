"""Answer for many executions at once, with the champion, onto the ledger."""

import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features import matrix
from runlore.models.bundle import Bundle
from runlore.models.spec import ModelSpec
from runlore.records.errors import NoChampion
from runlore.records.instant import to_us
from runlore.registry import Registry
from runlore.store import ledger, ledger_batch
from runlore.store.engine import Store
from runlore.store.executions import read_facts

Ints = NDArray[np.int64]
DEFAULT_SPAN = timedelta(days=1)


@dataclass(frozen=True)
class ScoreOutcome:
    """executions: submitted since then. scored: those that this version had not answered for."""

    spec: str
    version: str
    since: datetime
    executions: int
    scored: int


def score(
    store: Store, registry: Registry, spec: ModelSpec, at: datetime, since: datetime | None = None
) -> ScoreOutcome:
    """Predict for the executions submitted since then, each as of its submission.

    since: None for a day before `at`. What the champion has scored before is left alone.
    Raises NoChampion when nothing serves the spec.
    """
    ref = registry.champion(spec.name)
    if ref is None:
        raise NoChampion(spec.name)
    since = since or at - DEFAULT_SPAN
    log = matrix.prepare(read_facts(store))
    wanted = _submitted(log, spec, since, at)
    new = wanted[
        ~_names(log, wanted).isin(ledger_batch.answered(store, spec.name, ref.version, since))
    ]
    if new.size:
        with tempfile.TemporaryDirectory(prefix="runlore-score-") as folder:
            bundle = Bundle.load(registry.download(ref, Path(folder)), ref.version)
            ledger_batch.add(store, _answer(log, new, bundle, at), at)
    return ScoreOutcome(spec.name, ref.version, since, wanted.size, new.size)


def _submitted(log: matrix.Log, spec: ModelSpec, since: datetime, at: datetime) -> Ints:
    chosen = (log.as_of_us >= to_us(since)) & (log.as_of_us <= to_us(at))
    if spec.population.kinds:
        chosen &= log.executions["kind"].isin(spec.population.kinds).to_numpy()
    return np.flatnonzero(chosen)


def _names(log: matrix.Log, chosen: Ints) -> pd.MultiIndex:
    rows = log.executions.iloc[chosen]
    return pd.MultiIndex.from_arrays([rows["source"], rows["source_id"], log.as_of_us[chosen]])


def _answer(log: matrix.Log, chosen: Ints, bundle: Bundle, at: datetime) -> ledger_batch.Batch:
    rows, _ = matrix.extract(log, bundle.plan)
    answers = bundle.predict(rows[chosen])
    return ledger_batch.Batch(
        spec=bundle.spec,
        version=bundle.version or "",
        ids=[str(ledger.new_id(at)) for _ in range(chosen.size)],
        executions=log.executions.iloc[chosen],
        as_of_us=log.as_of_us[chosen],
        features=rows[chosen],
        prediction=answers.prediction,
        low=answers.low,
        high=answers.high,
    )
