"""The intervals of versions that have no distribution: conformalised quantile regression.

Romano, Patterson & Candès, Conformalized quantile regression, NeurIPS 2019. Everything is on the
scale that the models learn, log1p of the quantity; `bounds` answers in the quantity's own unit.
Nothing trains them any more; see `models/distribution.py`.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runlore.models.scale import quantity

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Conformal:
    """How far to move the predicted bounds outwards, by how wide apart they are predicted.

    edges: (g - 1,) ascending widths that divide the groups. corrections: (g,), log1p scale.
    """

    coverage: float
    edges: tuple[float, ...]
    corrections: tuple[float, ...]

    def bounds(self, raw: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
        """The interval, always around the prediction itself and never below 0."""
        moved = np.array(self.corrections)[np.searchsorted(self.edges, high - low, side="right")]
        lowest = np.maximum(np.minimum(low - moved, raw), 0.0)
        return quantity(lowest), quantity(np.maximum(high + moved, raw))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Conformal":
        return cls(data["coverage"], tuple(data["edges"]), tuple(data["corrections"]))
