"""Executions put straight into the store."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from runlore.ingest.queries import facts
from runlore.kernel.instants import to_us
from runlore.records.execution import EXECUTION_COLUMNS
from runlore.store.engine import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Work:
    """So many executions, evenly over some days from a day on, of four actors.

    Each takes `minutes` and fails at `failing`; half of them read `size` bytes.
    """

    executions: int
    first_day: float
    days: float
    size: float = 1.0
    minutes: float = 30.0
    failing: float = 0.1
    kinds: tuple[str, ...] = ("etl", "train")
    seed: int = 0
    source: str = "test"
    actors: tuple[str, ...] = field(default=("ann", "bob", "cem", "dee"))


def add(store: Store, *works: Work) -> None:
    """Corrections of what was added before become known long after."""
    for work in works:
        batch = facts.batch("executions", table(work))
        facts.ensure_partitions(store, batch)
        with store.connect() as connection:
            facts.add(connection, batch, day(1000))


def table(work: Work) -> pa.Table:
    rng = np.random.default_rng([work.seed, work.executions])
    n = work.executions
    steps = np.arange(1, n + 1) / n * work.days + work.first_day
    submitted = to_us(START) + (steps * DAY_US).astype(np.int64)
    took = (rng.exponential(work.minutes, n) * 60e6).astype(np.int64) + 1_000_000
    finished = submitted + took
    status = np.where(rng.random(n) < work.failing, "failed", "succeeded")
    sizes = rng.lognormal(np.log(work.size), 0.5, n)
    texts = [f'{{"size":{size:.4f}}}' if at % 2 else "{}" for at, size in enumerate(sizes)]
    columns = {
        "source": [work.source] * n,
        "source_id": [f"{work.first_day}-{at}" for at in range(n)],
        "actor": rng.choice(work.actors, n).tolist(),
        "kind": rng.choice(work.kinds, n).tolist(),
        "scope": ["here"] * n,
        "inputs": texts,
        "submitted": submitted,
        "started": submitted,
        "finished": finished,
        "status": status.tolist(),
        "outcome": ["{}"] * n,
        "submission_known_at": submitted,
        "known_at": finished,
    }
    return pa.table({name: pa.array(columns[name]) for name in EXECUTION_COLUMNS})


def day(number: float) -> datetime:
    return START + timedelta(days=number)
