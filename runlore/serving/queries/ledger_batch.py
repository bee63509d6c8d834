"""The predictions of a scoring run, by column, and which of them the ledger has already."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.kernel.instants import to_us
from runlore.store.engine import Store

Floats = NDArray[np.float64]
ARM = "batch"
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
        """Select some of the n executions. chosen: (n,)."""
        return replace(
            self,
            ids=[
                entry_id for entry_id, is_chosen in zip(self.ids, chosen, strict=True) if is_chosen
            ],
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
