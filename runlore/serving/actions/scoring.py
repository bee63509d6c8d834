"""Score many executions with the champion, and write the answers to the ledger."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features import matrix
from runlore.kernel.errors import NoChampion
from runlore.kernel.instants import to_us
from runlore.log import time_slices
from runlore.log.reader import read_log
from runlore.models.bundle import Bundle
from runlore.registry import Registry, VersionRef
from runlore.serving.queries import ledger, ledger_batch, ledger_writer
from runlore.specs.model_spec import ModelSpec
from runlore.store.advisory import exclusive
from runlore.store.engine import Store

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

    since: None for a day before `at`. What the champion has scored before is left alone, also by
    several who do this at once.
    Raises NoChampion when nothing serves the spec.
    """
    ref = registry.champion(spec.name)
    if ref is None:
        raise NoChampion(spec.name)
    since = since or at - DEFAULT_SPAN
    log = read_log(store)
    submitted = _submitted(log, spec, since, at)
    new = submitted[_is_new(store, ref, since, log, submitted)]
    scored = 0
    if new.size:
        batch = _answer(log, new, registry.load(ref), at)
        with exclusive(store.url, f"scores of {spec.name} version {ref.version}"):
            still = _is_new(store, ref, since, log, new)
            ledger_writer.add_batch(store, batch.take(still), at)
            scored = int(still.sum())
    return ScoreOutcome(spec.name, ref.version, since, submitted.size, scored)


def _is_new(
    store: Store, ref: VersionRef, since: datetime, log: matrix.Log, chosen: Ints
) -> NDArray[np.bool_]:
    """Which of them this version has not scored yet; another process may be about to."""
    known = ledger_batch.answered(store, ref.spec, ref.version, since)
    return ~np.asarray(_names(log, chosen).isin(known))


def _submitted(log: matrix.Log, spec: ModelSpec, since: datetime, at: datetime) -> Ints:
    chosen = (log.as_of_us >= to_us(since)) & (log.as_of_us <= to_us(at))
    return np.flatnonzero(chosen & time_slices.population(log, spec))


def _names(log: matrix.Log, chosen: Ints) -> pd.MultiIndex:
    rows = log.executions.take(chosen)
    return pd.MultiIndex.from_arrays([rows["source"], rows["source_id"], log.as_of_us[chosen]])


def _answer(
    log: matrix.Log, chosen: Ints, bundle: Bundle, at: datetime
) -> ledger_batch.LedgerBatch:
    rows, _ = matrix.extract(log, bundle.plan, chosen)
    answers = bundle.predict(rows)
    return ledger_batch.LedgerBatch(
        spec=bundle.spec,
        version=bundle.version or "",
        ids=[str(ledger.new_id(at)) for _ in range(chosen.size)],
        executions=log.executions.take(chosen),
        as_of_us=log.as_of_us[chosen],
        features=rows,
        prediction=answers.prediction,
        low=answers.low,
        high=answers.high,
    )
