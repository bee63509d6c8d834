"""Points of a metric, written for tests."""

from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as upsert

from runlore.store import partitions, schema
from runlore.store.engine import Store

START = datetime(2026, 3, 2, tzinfo=UTC)
STEPS = 24 * 15
END = START + timedelta(hours=STEPS)


def write_points(
    store: Store,
    values: np.ndarray,
    *,
    name: str = "cpu",
    scope: str = "web-1",
    first: datetime = START,
    known_at: datetime | None = None,
    revision: int = 0,
    step: timedelta = timedelta(hours=1),
    source: str = "collectd",
    kind: str = "gauge",
    unit: str = "",
) -> None:
    """One point a step, each known when it was, or all at one instant."""
    instants = [first + step * number for number in range(len(values))]
    rows = [
        {
            "source": source,
            "name": name,
            "scope": scope,
            "at": at,
            "revision": revision,
            "value": float(value),
            "known_at": known_at or at,
        }
        for at, value in zip(instants, values, strict=True)
    ]
    with store.connect() as connection:
        partitions.ensure_months(connection, "metrics", instants[0], instants[-1])
    with store.begin() as connection:
        connection.execute(insert(schema.metrics), rows)
        entry = upsert(schema.series).values(
            source=source, name=name, scope=scope, kind=kind, unit=unit
        )
        connection.execute(entry.on_conflict_do_nothing())


def day_and_night(noise: float = 0.5) -> np.ndarray:
    hours = np.arange(STEPS)
    return (
        20 + 5 * np.sin(hours * 2 * np.pi / 24) + np.random.default_rng(1).normal(0, noise, STEPS)
    )
