"""Jobs of a busy pool, written for tests."""

from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import insert

from runlore.store import partitions, schema
from runlore.store.engine import Store

START = datetime(2026, 3, 2, tzinfo=UTC)
NOW = START + timedelta(days=60)
SLOTS = 8
WAITED = timedelta(seconds=5)


def write_jobs(store: Store, number: int) -> None:
    """Each has waited 5 s in the log, which a pool of eight slots could not have done."""
    random = np.random.default_rng(7)
    submitted = [
        START + timedelta(seconds=float(at))
        for at in np.sort(random.integers(0, 250 * number, number))
    ]
    ran = random.lognormal(6, 1, number).round(1)
    requested = 60 * np.ceil(ran * random.uniform(1, 5, number) / 60)
    rows = [
        {
            "source": "cluster",
            "source_id": f"job-{at}",
            "submitted": submitted[at],
            "revision": 0,
            "actor": f"user-{at % 4}",
            "kind": "job",
            "scope": "lab",
            "inputs": {
                "processors": int(random.integers(1, SLOTS + 1)),
                "requested_s": float(requested[at]),
            },
            "started": submitted[at] + WAITED,
            "finished": submitted[at] + WAITED + timedelta(seconds=float(ran[at])),
            "status": "succeeded",
            "outcome": {},
            "submission_known_at": submitted[at],
            "known_at": submitted[at] + WAITED + timedelta(seconds=float(ran[at])),
            "digest": at,
        }
        for at in range(number)
    ]
    with store.connect() as connection:
        partitions.ensure_months(connection, "executions", submitted[0], submitted[-1])
    with store.begin() as connection:
        connection.execute(insert(schema.executions), rows)
