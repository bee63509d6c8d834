"""How long tasks wait for slots: a queue with many servers, simulated."""

from math import ceil

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def simulate_waits(arrivals: Floats, services: Floats, slots: Floats, size: float) -> Floats:
    """Waits of tasks that are served in the order in which they come: (runs, tasks).

    arrivals: (runs, tasks), ascending along a run; infinite where a run has fewer tasks. services:
    how long each takes, in the same unit. slots: that each needs at a time; more than there are
    count as all. size: slots; of a fraction, the next whole number serves slower. A task that needs
    several slots waits until so many are free, and those behind it wait, too (no backfilling).

    Source: Kiefer & Wolfowitz, "On the theory of queues with many servers", 1955.
    """
    servers = max(ceil(size - 1e-9), 1)
    needed = np.clip(np.ceil(slots - 1e-9), 1, servers).astype(np.int64)
    taken = services * (servers / size)
    runs, count = arrivals.shape
    free = np.zeros((runs, servers))
    last, rows, columns = np.full(runs, -np.inf), np.arange(runs), np.arange(servers)
    waits = np.zeros((runs, count))
    is_single = bool((needed == 1).all())
    for at in range(count):
        come, most = arrivals[:, at], needed[:, at]
        start = np.maximum(np.maximum(come, free[rows, most - 1]), last)
        is_there = np.isfinite(come)
        waits[:, at] = np.where(is_there, start - np.where(is_there, come, 0.0), np.nan)
        end = start + taken[:, at]
        if is_single:
            free[:, 0] = np.where(is_there, end, free[:, 0])
        else:
            is_taken = (columns < most[:, None]) & is_there[:, None]
            free = np.where(is_taken, end[:, None], free)
        last = np.where(is_there, start, last)
        free.sort(axis=1, kind="stable")  # of rows that are nearly in order
    return waits
