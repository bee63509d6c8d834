"""A simulated fleet of hosts with wear: jobs, failures and visits, as executions."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import insert

from runlore.store import partitions, schema
from runlore.store.engine import Store

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
YEARS_DAYS = 700.0


@dataclass(frozen=True)
class FleetRecord:
    """day: before now, negative."""

    scope: str
    day: float
    kind: str


def simulate_fleet(
    hosts: int = 40, shape: float = 3.0, mean_days: float = 120.0, seed: int = 7
) -> list[FleetRecord]:
    random = np.random.default_rng(seed)
    records: list[FleetRecord] = []
    for host in range(hosts):
        day = -YEARS_DAYS + random.uniform(0, 60)
        records.append(FleetRecord(f"web-{host}", day, "boot"))
        while True:
            life = random.weibull(shape) * mean_days
            visit = random.exponential(250)
            day += min(life, visit)
            if day >= 0:
                break
            records.append(
                FleetRecord(f"web-{host}", day, "failure" if life <= visit else "maintenance")
            )
    return records


def write_fleet(
    store: Store, records: list[FleetRecord], now: datetime = NOW, first_id: int = 0
) -> None:
    rows = [_row(at, one, now) for at, one in enumerate(records, first_id)]
    instants = [row["submitted"] for row in rows]
    with store.connect() as connection:
        partitions.ensure_months(connection, "executions", min(instants), max(instants))
    with store.begin() as connection:
        connection.execute(insert(schema.executions), rows)


def _row(at: int, one: FleetRecord, now: datetime) -> dict:
    start = now + timedelta(days=one.day)
    return {
        "source": "fleet",
        "source_id": str(at),
        "submitted": start,
        "actor": "",
        "kind": one.kind,
        "scope": one.scope,
        "inputs": {"host": int(one.scope.split("-")[1])},
        "started": start,
        "finished": start,
        "status": "failed" if one.kind in {"failure", "job"} else "succeeded",
        "submission_known_at": start,
        "known_at": start,
        "digest": at,
    }
