"""What is put on the ledger comes back as it was, however many rows are written together."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from runlore.kernel import instants
from runlore.serving.queries import answering, ledger
from runlore.serving.queries.ledger import Row
from runlore.store.engine import Store
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


async def write(store: Store, rows: Sequence[Row]) -> None:
    connection = await answering.connect(store)
    try:
        await answering.add(connection, rows)
    finally:
        await answering.close(connection)


@pytest.mark.parametrize("many", [1, 2, 3])
def test_rows_come_back_as_they_were_written(store: Store, many: int) -> None:
    rows = [answer(), refusal(), answer()][:many]
    with store.connect() as connection:
        ensure_months(connection, "ledger", rows[0].at, rows[-1].at)
    asyncio.run(write(store, rows))
    for row in rows:
        assert told(ledger.read(store, row.id)) == told(
            {n: getattr(row, n) for n in ledger.COLUMNS}
        )


def told(row: dict[str, Any] | None) -> dict[str, Any]:
    assert row is not None
    features = row["features"]
    bits = None if features is None else np.array(features, dtype=np.float32).tobytes()
    return {**row, "features": bits}
