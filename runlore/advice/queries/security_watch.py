"""How far the log was checked for security events."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from runlore.store import schema


@dataclass(frozen=True, slots=True)
class SecurityWatchState:
    """seq: facts up to here were checked. threshold: of surprise, as it stood at threshold_at."""

    seq: int
    threshold: float | None
    threshold_at: datetime | None
    checked_at: datetime


def read_state(connection: Connection) -> SecurityWatchState | None:
    """Locked until the transaction ends, so that one process checks at a time."""
    table = schema.security_watch
    columns = (table.c.seq, table.c.threshold, table.c.threshold_at, table.c.checked_at)
    row = connection.execute(select(*columns).with_for_update()).first()
    return None if row is None else SecurityWatchState(*row)


def write_state(connection: Connection, state: SecurityWatchState) -> None:
    values = {
        "seq": state.seq,
        "threshold": state.threshold,
        "threshold_at": state.threshold_at,
        "checked_at": state.checked_at,
    }
    statement = insert(schema.security_watch).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["single"], set_=values))
