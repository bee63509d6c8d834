"""The scale that quantities are learned on: log1p."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def quantity(raw: Floats) -> Floats:
    """In its own unit, never below 0; infinite beyond what a number can hold."""
    with np.errstate(over="ignore"):
        return np.expm1(np.maximum(raw, 0.0))
