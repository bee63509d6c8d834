"""Clean-ups and bursts of a growing series: single steps far beyond its usual ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.signals.rules.series.grid import Floats

Places = NDArray[np.int64]

FAR = 5.0  # robust standard deviations of a step
MOST_SHARE = 0.2  # of the steps
SPIKE_STEPS = 3


@dataclass(frozen=True)
class GrowthJumps:
    """at: the first index after each jump, ascending. size: what the level gained, of that length.

    A jump that takes several steps is one for each of them; `merged` makes it one.
    """

    at: Places
    size: Floats

    def merged(self) -> "GrowthJumps":
        """Jumps of neighbouring steps in one direction as one, at the last of them."""
        if not len(self.at):
            return self
        is_next = (np.diff(self.at) == 1) & (np.sign(self.size[1:]) == np.sign(self.size[:-1]))
        starts = np.concatenate([[0], np.flatnonzero(~is_next) + 1])
        ends = np.concatenate([starts[1:], [len(self.at)]]) - 1
        return GrowthJumps(self.at[ends], np.add.reduceat(self.size, starts))

    def only(self, is_up: bool) -> "GrowthJumps":
        taken = (self.size > 0) == is_up
        return GrowthJumps(self.at[taken], self.size[taken])


def find_jumps(values: Floats) -> GrowthJumps:
    """Steps that are far beyond the median step, at most a fifth of all.

    The scale is the median absolute deviation, and at least the smallest step there is: of a series
    that is counted in whole numbers, one more is no jump.
    """
    steps = np.diff(values)
    centre = float(np.median(steps))
    sizes = np.abs(steps)
    real = sizes[sizes > 1e-9 * (np.ptp(values) or 1.0)]
    least = float(real.min()) if len(real) else 0.0
    scale = max(1.4826 * float(np.median(np.abs(steps - centre))), least)
    far = np.flatnonzero(np.abs(steps - centre) > FAR * scale)
    most = max(int(MOST_SHARE * len(steps)), 1)
    if len(far) > most:
        far = np.sort(far[np.argsort(-sizes[far])[:most]])
    return GrowthJumps(far + 1, steps[far] - centre)


def without_spikes(values: Floats) -> Floats:
    """Draw a line over values that jump away and are back within SPIKE_STEPS."""
    jumps = find_jumps(values).merged()
    kept = values.copy()
    for first, back in zip(range(len(jumps.at) - 1), range(1, len(jumps.at)), strict=True):
        start, end = int(jumps.at[first]), int(jumps.at[back])
        gone, returned = jumps.size[first], jumps.size[back]
        is_back = abs(gone + returned) < 0.3 * min(abs(gone), abs(returned))
        if end - start <= SPIKE_STEPS and is_back:
            kept[start:end] = np.interp(
                np.arange(start, end), [start - 1, end], [values[start - 1], values[end]]
            )
    return kept
