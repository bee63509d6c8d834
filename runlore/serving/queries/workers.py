"""Which worker process serves which versions, by the workers' own heartbeats."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from runlore.store import schema
from runlore.store.engine import Store

Versions = Mapping[str, Mapping[str, str]]  # spec -> arm -> version
Rates = Mapping[str, Mapping[str, float]]  # spec -> answered, refused -> requests a second

SILENT = text("interval '5 seconds'")


@dataclass(frozen=True)
class WorkerHeartbeat:
    id: UUID
    host: str
    pid: int
    versions: Versions
    seen_at: datetime


def tell(
    store: Store,
    worker_id: UUID,
    host: str,
    pid: int,
    versions: Versions,
    rates: Rates | None = None,
) -> None:
    """Record which versions a worker serves now; a worker repeats this as its heartbeat.

    rates: of its predictions since the heartbeat before.
    """
    values: dict[str, Any] = {"host": host, "pid": pid, "versions": versions, "rates": rates or {}}
    values["seen_at"] = func.clock_timestamp()
    statement = insert(schema.workers).values(id=worker_id, **values)
    with store.begin() as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


def forget(store: Store, worker_id: UUID) -> None:
    """Remove a worker that ends, and those that were killed."""
    is_gone = (schema.workers.c.id == worker_id) | (
        schema.workers.c.seen_at < func.now() - text("interval '1 hour'")
    )
    with store.begin() as connection:
        connection.execute(delete(schema.workers).where(is_gone))


def alive(store: Store) -> list[WorkerHeartbeat]:
    """List the workers with a recent heartbeat."""
    columns = [schema.workers.c[field.name] for field in fields(WorkerHeartbeat)]
    statement = select(*columns).where(schema.workers.c.seen_at > func.clock_timestamp() - SILENT)
    with store.begin() as connection:
        rows = connection.execute(statement.order_by(schema.workers.c.host, schema.workers.c.pid))
        return [WorkerHeartbeat(**row._mapping) for row in rows]
