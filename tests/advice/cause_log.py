"""A log with a planted cause, written for tests."""

from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import insert

from runlore.store import partitions, schema
from runlore.store.engine import Store

START = datetime(2026, 3, 2, tzinfo=UTC)
INCIDENT = START + timedelta(days=20)
NOW = INCIDENT + timedelta(hours=12)
ROWS = 8_000


def write_incident(
    store: Store, seed: int = 1, shift: timedelta = timedelta(), hit: str = "h-3"
) -> None:
    """20 days with 5 % failures; then, on scope `hit` 70 % fail. shift: of all instants."""
    random = np.random.default_rng(seed)
    ages = np.sort(random.uniform(0, (NOW - START).total_seconds(), ROWS))
    rows = []
    for number, age in enumerate(ages):
        begin = START + timedelta(seconds=float(age))
        number_of_scope = random.integers(6)
        scope = hit if number_of_scope == 3 else f"h-{number_of_scope}"
        is_hit = scope == hit and begin >= INCIDENT
        begin += shift
        failed = random.random() < (0.7 if is_hit else 0.05)
        rows.append(
            {
                "source": "ops",
                "source_id": f"r{number}",
                "submitted": begin,
                "revision": 0,
                "actor": f"u-{random.integers(5)}",
                "kind": ("backup", "deploy")[random.integers(2)],
                "scope": scope,
                "inputs": {
                    "size": float(random.lognormal(2, 1)),
                    "version": f"2.{random.integers(3)}",
                    "exit_code": int(failed),
                },
                "started": begin,
                "finished": begin + timedelta(seconds=60),
                "status": "failed" if failed else "succeeded",
                "outcome": {},
                "submission_known_at": begin,
                "known_at": begin + timedelta(seconds=60),
                "digest": number,
            }
        )
    with store.connect() as connection:
        partitions.ensure_months(connection, "executions", START + shift, NOW + shift)
    with store.begin() as connection:
        connection.execute(insert(schema.executions), rows)
