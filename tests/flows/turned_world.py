"""Work whose failures turn round one day: what was safe fails, what failed is safe."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from runlore.features.declaration import FeatureSet, HistoryFeatures
from runlore.ingest.queries import facts
from runlore.kernel.durations import DAY_S
from runlore.kernel.instants import to_us
from runlore.records.execution import EXECUTION_COLUMNS
from runlore.specs.catalog import failure_risk
from runlore.specs.model_spec import Gate, RetrainingPolicy, Split
from runlore.store.engine import Store
from tests.rollout import traffic

SPEC = replace(
    failure_risk.SPEC,
    name="turned-risk",
    features=FeatureSet(
        histories=(HistoryFeatures(("actor",), ("failed",), (10 * DAY_S,)),),
        inputs=("size",),
        categories=("kind",),
        has_calendar=False,
    ),
    candidates=("baseline", "linear"),
    gates=(Gate("auc", "bound", 0.5),),
    split=Split(folds=2, max_rows=10 * 80),
    retraining=RetrainingPolicy(least_new_labels=200),
    rollout=replace(traffic.POLICY, starts="by itself"),
)
SAFE = {"before": (0.02, 0.35), "after": (0.7, 0.1)}
"""Shares of small and of large work that fail."""

A_DAY = 80


def tell(store: Store, begin: datetime, days: int, when: str, seed: int = 0) -> None:
    """Put `days` of work into the log, A_DAY executions each."""
    rng = np.random.default_rng([seed, days])
    n = days * A_DAY
    submitted = to_us(begin) + np.arange(n) * (86_400_000_000 // A_DAY)
    finished = submitted + rng.integers(60, 1800, n) * 1_000_000
    size = rng.lognormal(0.0, 0.7, n)
    small, large = SAFE[when]
    failed = rng.random(n) < np.where(size < 1, small, large)
    columns = {
        "source": ["world"] * n,
        "source_id": [f"{begin:%Y%m%d}-{at}" for at in range(n)],
        "actor": rng.choice(["ann", "bob", "cem", "dee"], n).tolist(),
        "kind": rng.choice(["etl", "train"], n).tolist(),
        "scope": ["here"] * n,
        "inputs": [f'{{"size":{each:.4f}}}' for each in size],
        "submitted": submitted,
        "started": submitted,
        "finished": finished,
        "status": np.where(failed, "failed", "succeeded").tolist(),
        "outcome": ["{}"] * n,
        "submission_known_at": submitted,
        "known_at": finished,
    }
    table = pa.table({name: pa.array(columns[name]) for name in EXECUTION_COLUMNS})
    batch = facts.batch("executions", table)
    facts.ensure_partitions(store, batch)
    with store.connect() as connection:
        facts.add(connection, batch, begin + timedelta(days=days))
