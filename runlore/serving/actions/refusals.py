"""Refusals of prediction requests, which are on the ledger like answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any
from uuid import UUID

from runlore.serving.queries import ledger, ledger_writer
from runlore.serving.queries.ledger import Row
from runlore.store.engine import Store
from runlore.store.months import transaction


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that got no answer, with the reason and the HTTP status.

    source, source_id: the execution that it was about, where that is known. key_id: of the API
    key with which it came.
    """

    spec: str
    version: str | None
    status: int
    error: str
    request: Mapping[str, Any]
    source: str | None = None
    source_id: str | None = None
    key_id: str | None = None


def refuse(store: Store, refusal: Refusal, at: datetime) -> UUID:
    """Put a refusal on the ledger."""
    row = refusal_row(refusal, at)
    transaction(store, lambda connection: ledger_writer.add(connection, [row]))
    return row.id


def refusal_row(
    refusal: Refusal, at: datetime, arm: str = "champion", began: float | None = None
) -> Row:
    """began: when it was asked, on `perf_counter`."""
    latency_ms = None if began is None else (perf_counter() - began) * 1e3
    return Row(
        at=at,
        id=ledger.new_id(at),
        spec=refusal.spec,
        version=refusal.version,
        arm=arm,
        status=refusal.status,
        as_of=at,
        request=refusal.request,
        source=refusal.source,
        source_id=refusal.source_id,
        error=refusal.error.replace("\x00", "\ufffd"),
        latency_ms=latency_ms,
        key_id=refusal.key_id,
    )
