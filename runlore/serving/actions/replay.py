"""Repeat a recorded prediction with the version that made it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from runlore.kernel.errors import Refused
from runlore.serving.actions.prediction import read_prediction
from runlore.store.engine import Store

if TYPE_CHECKING:
    from runlore.registry import Registry

TOLERANCE = 1e-6  # Relative and absolute: ONNX Runtime may sum a group's trees in another order


@dataclass(frozen=True)
class ReplayedRow:
    """row: of the ledger. again: what its version answers to its features now."""

    row: dict[str, Any]
    again: float
    low: float | None
    high: float | None

    @property
    def is_same(self) -> bool:
        pairs = ((self.row["prediction"], self.again), (self.row["low"], self.low))
        return all(_is_close(then, now) for then, now in (*pairs, (self.row["high"], self.high)))


def replay(store: Store, registry: "Registry", prediction: UUID) -> ReplayedRow:
    """Predict again from the features of a ledger row, with its own version.

    Raises NotFound for a row or a version that does not exist, Refused for a refusal.
    """
    row = read_prediction(store, prediction)
    if row["features"] is None:
        raise Refused(f"prediction {prediction} is a refusal ({row['status']}): {row['error']}")
    ref = registry.version(row["spec"], row["version"])
    bundle = registry.load(ref)
    output = bundle.predict(np.array([row["features"]], dtype=np.float32))
    low = None if output.low is None else float(output.low[0])
    high = None if output.high is None else float(output.high[0])
    return ReplayedRow(row, float(output.prediction[0]), low, high)


def _is_close(then: float | None, now: float | None) -> bool:
    if then is None or now is None:
        return then is now
    return bool(np.isclose(then, now, rtol=TOLERANCE, atol=TOLERANCE))
