"""Many answers onto the ledger at once, by column."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from runlore.kernel.instants import to_us
from runlore.store.copying import copy_in, instants, payload
from runlore.store.engine import Store
from runlore.store.partitions import ensure_months

Floats = NDArray[np.float64]
ARM = "batch"
COLUMNS = (
    "at",
    "id",
    "spec",
    "version",
    "arm",
    "status",
    "as_of",
    "source",
    "source_id",
    "request",
    "features",
    "prediction",
    "low",
    "high",
)
ANSWERED = """
SELECT source, source_id, as_of FROM runlore.ledger
WHERE spec = %s AND version = %s AND arm = %s AND at >= %s
"""


@dataclass(frozen=True, eq=False)
class LedgerBatch:
    """Answers of one version for n executions.

    ids: UUIDs as text. as_of_us: (n,). features: (n, F). low, high: (n,) or None.
    """

    spec: str
    version: str
    ids: Sequence[str]
    executions: pd.DataFrame
    as_of_us: NDArray[np.int64]
    features: NDArray[np.float32]
    prediction: Floats
    low: Floats | None = None
    high: Floats | None = None

    def take(self, chosen: NDArray[np.bool_]) -> "LedgerBatch":
        """Those of the n executions. chosen: (n,)."""
        return replace(
            self,
            ids=[each for each, is_chosen in zip(self.ids, chosen, strict=True) if is_chosen],
            executions=self.executions[chosen],
            as_of_us=self.as_of_us[chosen],
            features=self.features[chosen],
            prediction=self.prediction[chosen],
            low=None if self.low is None else self.low[chosen],
            high=None if self.high is None else self.high[chosen],
        )


def answered(store: Store, spec: str, version: str, since: datetime) -> pd.MultiIndex:
    """`(source, source_id, as_of in µs)` of what a version has scored in batches since then."""
    with store.connect() as connection:
        rows = connection.execute(ANSWERED, (spec, version, ARM, since)).fetchall()
    names = ["source", "source_id", "as_of"]
    return pd.MultiIndex.from_tuples([(s, i, to_us(at)) for s, i, at in rows], names=names)


def add(store: Store, batch: LedgerBatch, at: datetime) -> None:
    """Write all of it in one transaction."""
    with store.connect() as connection:
        ensure_months(connection, "ledger", at, at)
    with store.connect() as connection:
        copy_in(connection, "ledger", COLUMNS, _rows(batch, at))


def _rows(batch: LedgerBatch, at: datetime) -> memoryview:
    n = len(batch.ids)
    told = pa.Table.from_pandas(
        batch.executions[["source", "source_id", "actor", "kind", "scope", "inputs"]],
        preserve_index=False,
    )
    return payload(
        [
            instants(pa.array(np.full(n, to_us(at)))),
            pa.array(batch.ids, pa.string()),
            _same(batch.spec, n),
            _same(batch.version, n),
            _same(ARM, n),
            pa.array(np.full(n, 200)),
            instants(pa.array(batch.as_of_us)),
            _strings(told["source"]),
            _strings(told["source_id"]),
            _requests(told),
            _vectors(batch.features),
            pa.array(batch.prediction),
            _bounds(batch.low, n),
            _bounds(batch.high, n),
        ]
    )


def _requests(told: pa.Table) -> pa.Array:
    """The executions as JSON objects, as the service writes them."""
    parts: list[pa.Array | pa.Scalar] = []
    for name in ("actor", "kind", "scope"):
        words = told[name].combine_chunks().dictionary_encode()
        quoted = pa.array([json.dumps(each) for each in words.dictionary.to_pylist()], pa.string())
        quoted = quoted.take(words.indices)
        parts += [pa.scalar(f'"{name}": '), quoted, pa.scalar(", ")]
    parts += [pa.scalar('"inputs": '), _strings(told["inputs"])]
    body = pc.binary_join_element_wise(*parts, "")
    return pc.binary_join_element_wise(pa.scalar("{"), body, pa.scalar("}"), "")


def _vectors(features: NDArray[np.float32]) -> pa.Array:
    """Rows as `{1,2.5,NaN}`: the shortest text that reads back as the same float4."""
    rows, width = features.shape
    numbers = pc.fill_null(pa.array(features.ravel()).cast(pa.string()), "NaN")
    offsets = np.arange(0, rows * width + 1, width, dtype=np.int32)
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), numbers), ",")
    return pc.binary_join_element_wise(pa.scalar("{"), joined, pa.scalar("}"), "")


def _same(word: str, n: int) -> pa.Array:
    return pa.array(np.full(n, word, dtype=object), pa.string())


def _strings(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks().cast(pa.string())


def _bounds(bounds: Floats | None, n: int) -> pa.Array:
    return pa.nulls(n, pa.float64()) if bounds is None else pa.array(bounds)
