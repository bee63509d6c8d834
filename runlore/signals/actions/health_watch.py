"""Measure health regularly, so that its course can be drawn and scraped."""

from datetime import datetime

from runlore.signals.actions.health import read_health
from runlore.signals.queries import health_readings
from runlore.signals.queries.health_readings import HealthReading
from runlore.store.engine import Store

MOST_DRAWN = 400  # a hundred days of four


def measure_health(store: Store, at: datetime) -> int:
    """Write down the health of everything and of each scope; returns how many scopes."""
    found = read_health(store, at)
    readings = [
        HealthReading(
            one.scope,
            at,
            one.status,
            one.health,
            one.low,
            one.high,
            one.reason,
            {part.name: part.state for part in one.parts},
        )
        for one in (found.overall, *found.scopes)
    ]
    with store.connect() as connection:
        health_readings.add_readings(connection, readings)
    return len(found.scopes)


def read_course(store: Store, scope: str, until: datetime) -> list[HealthReading]:
    """The health of a scope as it was measured, the oldest first. scope: empty: everything."""
    with store.connect() as connection:
        return health_readings.read_readings(connection, scope, until, MOST_DRAWN)
