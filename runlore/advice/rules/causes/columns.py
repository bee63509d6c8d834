"""What may be a cause: each column of values that executions have, as codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

What = Literal["kind", "actor", "scope", "input", "earlier failure", "metric"]
FEW_VALUES = 12  # of numbers: as many are read as names, more as sizes
QUANTILES = (0.5, 0.75, 0.9, 0.97)
LOW_QUANTILES = (0.5, 0.25, 0.1, 0.03)


@dataclass(frozen=True, eq=False)
class CauseColumn:
    """codes: (n,) of labels, -1 without a value. A column with `is_size` has one threshold."""

    what: What
    name: str
    codes: NDArray[np.int64]
    labels: tuple[str, ...]
    is_size: bool = False


def flag_column(what: What, name: str, label: str, flags: NDArray[np.bool_]) -> CauseColumn:
    return CauseColumn(what, name, np.where(flags, 0, -1).astype(np.int64), (label,))


def size_columns(
    name: str, values: NDArray[np.float64], in_window: NDArray[np.bool_]
) -> Sequence[CauseColumn]:
    """Thresholds on a number, at quantiles of the window. values: (n,), NaN without one."""
    here = values[in_window & np.isfinite(values)]
    if not len(here):
        return []
    above = {float(one) for one in np.quantile(here, QUANTILES, method="higher")}
    below = {float(one) for one in np.quantile(here, LOW_QUANTILES, method="lower")}
    sides = [("≥", at, values >= at) for at in sorted(above - {float(here.min())})]
    sides += [("≤", at, values <= at) for at in sorted(below - {float(here.max())})]
    return [
        CauseColumn(
            "input", name, np.where(flags, 0, -1).astype(np.int64), (f"{sign} {at:g}",), True
        )
        for sign, at, flags in sides
    ]
