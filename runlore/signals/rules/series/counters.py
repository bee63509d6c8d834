"""Counters as rates: what only grows is read as growth per second."""

import numpy as np
from numpy.typing import NDArray

SECOND_US = 1_000_000


def to_rates(
    at_us: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Growth per second between neighbouring points; a value below the last one is a restart at 0.

    at_us: (N,), ascending, without repeats. Returns (N - 1,) instants, those of the later points,
    and rates; nothing for fewer than two points. Source: Prometheus, `rate` and `resets`.

    >>> at = np.array([0, 10, 20]) * 1_000_000
    >>> to_rates(at, np.array([5.0, 25.0, 4.0]))[1].tolist()
    [2.0, 0.4]
    """
    growth = np.diff(values)
    growth = np.where(growth < 0, values[1:], growth)
    return at_us[1:], growth / (np.diff(at_us) / SECOND_US)
