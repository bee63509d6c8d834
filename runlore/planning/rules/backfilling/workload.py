"""Jobs as a scheduler sees them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Workload:
    """(n,) jobs in the order of submission.

    submitted_s: seconds from any origin, ascending. ran_s: run time, above 0. slots: slots held at
    a time, above 0. limit_s: requested time, above 0. user: numbers from 0.
    """

    submitted_s: Floats
    ran_s: Floats
    slots: Floats
    limit_s: Floats
    user: Ints

    def __len__(self) -> int:
        return len(self.submitted_s)

    def select(self, is_chosen: NDArray[np.bool_]) -> "Workload":
        return Workload(
            self.submitted_s[is_chosen],
            self.ran_s[is_chosen],
            self.slots[is_chosen],
            self.limit_s[is_chosen],
            self.user[is_chosen],
        )
