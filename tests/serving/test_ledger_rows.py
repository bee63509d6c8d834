"""What is put on the ledger comes back as it was, however many rows are written together."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from runlore.kernel import instants
from runlore.serving.queries import answering, ledger, ledger_writer
from runlore.serving.queries.ledger import Row
from runlore.serving.queries.ledger_batch import LedgerBatch
from runlore.store.engine import Store
from runlore.store.months import transaction
from runlore.store.partitions import ensure_months

FEATURES = np.array([0.1, -0.0, np.nan, 3.4e38, 1e-45], dtype=np.float32)


def answer() -> Row:
    at = instants.now()
    return Row(
        at=at,
        id=ledger.new_id(at),
        spec="runtime",
        version="7",
        arm="champion",
        status=200,
        as_of=at,
        request={"actor": "ann", "inputs": {"ä": 1.5, "n": 10**20, "no": None}},
        source="http",
        source_id="run 1",
        features=FEATURES,
        prediction=0.1 + 0.2,
        low=-1e-300,
        high=1e300,
        reasons=[{"feature": "inputs.n", "effect": 0.25}],
        latency_ms=2.5,
        key_id="4f1c2a9e",
    )


def refusal() -> Row:
    at = instants.now()
    told = {"body": "{"}
    return Row(
        at, ledger.new_id(at), "runtime", None, "champion", 422, at, told, error="actor: \\N"
    )


async def write_async(store: Store, rows: Sequence[Row]) -> None:
    connection = await answering.connect(store)
    try:
        await ledger_writer.add_async(connection, rows)
    finally:
        await answering.close(connection)


def write(store: Store, rows: Sequence[Row]) -> None:
    with store.connect() as connection:
        ledger_writer.add(connection, rows)


def write_soon(store: Store, rows: Sequence[Row]) -> None:
    with store.connect() as connection:
        ledger_writer.add_soon(connection, rows)


def write_again(store: Store, rows: Sequence[Row]) -> None:
    with store.connect() as connection:
        ledger_writer.add_again(connection, rows)


def write_from_an_event_loop(store: Store, rows: Sequence[Row]) -> None:
    asyncio.run(write_async(store, rows))


@pytest.mark.parametrize("many", [1, 2, 3])
@pytest.mark.parametrize("way", [write, write_soon, write_again, write_from_an_event_loop])
def test_rows_come_back_as_they_were_written(
    store: Store, many: int, way: Callable[[Store, Sequence[Row]], None]
) -> None:
    rows = [answer(), refusal(), answer()][:many]
    with store.connect() as connection:
        ensure_months(connection, "ledger", rows[0].at, rows[-1].at)
    way(store, rows)
    for row in rows:
        assert told(ledger.read(store, row.id)) == told(
            {n: getattr(row, n) for n in ledger.COLUMNS}
        )


def test_rows_on_both_sides_of_a_months_end_are_written_at_once(store: Store) -> None:
    ends = (datetime(2031, 4, 30, 23, 59, 59, tzinfo=UTC), datetime(2031, 5, 1, tzinfo=UTC))
    with store.connect() as connection:
        ensure_months(connection, "ledger", ends[0], ends[0])
    rows = [replace(answer(), at=at, id=ledger.new_id(at)) for at in ends]
    transaction(store, lambda connection: ledger_writer.add(connection, rows))
    assert all(ledger.read(store, row.id) for row in rows)


def told(row: dict[str, Any] | None) -> dict[str, Any]:
    assert row is not None
    features = row["features"]
    bits = None if features is None else np.array(features, dtype=np.float32).tobytes()
    return {**row, "features": bits}


def test_a_scored_row_is_as_one_that_was_served(store: Store) -> None:
    """In the columns that scoring writes."""
    row = answer()
    executions = pd.DataFrame(
        {
            "source": ["http"],
            "source_id": ["run 1"],
            "actor": ["ann"],
            "kind": ['b"\\'],
            "scope": ["ä"],
            "inputs": ['{"n": 1.5}'],
        }
    )
    batch = LedgerBatch(
        "runtime",
        "7",
        [str(row.id)],
        executions,
        np.array([instants.to_us(row.as_of)]),
        FEATURES[None, :],
        np.array([0.1 + 0.2]),
        np.array([-1e-300]),
        np.array([1e300]),
    )
    ledger_writer.add_batch(store, batch, row.at)
    request = {"actor": "ann", "kind": 'b"\\', "scope": "ä", "inputs": {"n": 1.5}}
    served = replace(row, arm="batch", request=request, reasons=None, latency_ms=None, key_id=None)
    assert told(ledger.read(store, row.id)) == told(
        {name: getattr(served, name) for name in ledger.COLUMNS}
    )
