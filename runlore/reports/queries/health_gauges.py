"""The newest measured health, for `/metrics`: a bounded number of scopes."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text

from runlore.store.engine import Store

MOST_SCOPES = 71  # everything, and as many as are measured at once
TIMEOUT = text("SET LOCAL statement_timeout = '2s'")
NEWEST = text("""
SELECT scope, health, low, high, extract(epoch FROM at)::float8 AS at_s
FROM runlore.health_readings WHERE at = (SELECT max(at) FROM runlore.health_readings)
ORDER BY scope LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class HealthGauges:
    """By scope; empty: everything. An unknown health is left out. at_s: of the measurement."""

    health: Mapping[tuple[str], float]
    low: Mapping[tuple[str], float]
    high: Mapping[tuple[str], float]
    at_s: float | None


def read_health_gauges(store: Store) -> HealthGauges:
    """Raises Unavailable."""
    with store.begin() as connection:
        connection.execute(TIMEOUT)
        rows = connection.execute(NEWEST, {"most": MOST_SCOPES}).all()
    known = [row for row in rows if row.health is not None]
    return HealthGauges(
        {(row.scope,): row.health for row in known},
        {(row.scope,): row.low for row in known},
        {(row.scope,): row.high for row in known},
        rows[0].at_s if rows else None,
    )
