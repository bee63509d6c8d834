"""Rates of predictions, from the heartbeats of the workers."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

ALIVE = text("""
SELECT rates FROM runlore.workers WHERE seen_at > clock_timestamp() - interval '5 seconds'
""")
DUE = text("""
UPDATE runlore.live_stream SET rates_at = clock_timestamp()
WHERE id = 1 AND rates_at < clock_timestamp() - make_interval(secs => :pause_s)
RETURNING rates
""")
REMEMBER = text("UPDATE runlore.live_stream SET rates = :rates WHERE id = 1").bindparams(
    bindparam("rates", type_=JSONB)
)


def read_worker_rates(connection: Connection) -> list[Mapping[str, Any]]:
    """Of each worker with a recent heartbeat: spec -> `answered` and `refused` a second."""
    return list(connection.scalars(ALIVE))


def due(connection: Connection, pause_s: float) -> Mapping[str, Any] | None:
    """The rates that were published last; None when somebody has just looked."""
    row = connection.execute(DUE, {"pause_s": pause_s}).one_or_none()
    return None if row is None else row.rates


def remember(connection: Connection, rates: Mapping[str, Any]) -> None:
    connection.execute(REMEMBER, {"rates": dict(rates)})
