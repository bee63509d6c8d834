"""What was answered, and what is known by now of what came."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class MatchedPredictions:
    """n answers, in the order of their instants.

    prediction: (n,). actual: (n,), NaN while the outcome is not known. low, high: (n,), NaN without
    an interval. age_s: (n,), from the answer until now. delay_s: (n,), from the answer until its
    outcome was known; NaN while it is not.
    """

    as_of_us: Ints
    prediction: Floats
    actual: Floats
    low: Floats
    high: Floats
    age_s: Floats
    delay_s: Floats

    def __len__(self) -> int:
        return len(self.as_of_us)

    @property
    def is_known(self) -> Mask:
        return np.isfinite(self.actual)

    def take(self, chosen: Mask | Ints | slice) -> "MatchedPredictions":
        return MatchedPredictions(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def between(self, first_us: int, last_us: int) -> "MatchedPredictions":
        """Answers after `first_us`, until `last_us`."""
        return self.take((self.as_of_us > first_us) & (self.as_of_us <= last_us))
