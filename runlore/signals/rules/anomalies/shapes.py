"""How near the newest points of a series come to shapes of its past."""

from dataclasses import dataclass, field
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from runlore.signals.rules.series.grid import SECOND_US, Floats, Instants
from runlore.signals.rules.series.seasons import DAY_S, WEEK_S

DECAYS = (0.5, 0.9)  # of the weight of a point, by each point that it is further back
MEMORY = 2_000  # points that are compared with
APART = 6  # points between a shape and its neighbours, so that none is its own
NEIGHBOURS = 3
WARM_UP = 20  # shapes of the past before any distance
MOST_CYCLES = 60
LEAST_STEPS = 4  # of a cycle
AROUND_S = 3_600  # what counts as the same time of the day

Places = NDArray[np.int64]


@dataclass
class Shapes:
    """Distances of a shape to all shapes of the past, kept up point by point.

    squares: for each decay, to the shapes that end at the newest MEMORY points before.
    """

    squares: list[Floats] = field(default_factory=lambda: [np.empty(0) for _ in DECAYS])

    def add(self, values: Floats, place: int) -> None:
        """Move on to the shape that ends at a place; places must come in order."""
        low = max(0, place - MEMORY)
        gaps = values[low:place] - values[place]
        gaps *= gaps
        for number, decay in enumerate(DECAYS):
            old = self.squares[number]
            new = old if len(old) == len(gaps) else np.concatenate([[0.0], old])[: len(gaps)]
            new *= decay
            new += gaps
            self.squares[number] = new

    def nearest(self, number: int) -> float | None:
        """To the NEIGHBOURS-th nearest shape; None where the past is too short."""
        far = self.squares[number][: 1 - APART]
        if len(far) <= NEIGHBOURS + WARM_UP:
            return None
        taken = []
        for _ in range(NEIGHBOURS - 1):
            place = int(far.argmin())
            taken.append((place, far[place]))
            far[place] = inf
        third = sqrt(far.min())
        for place, square in taken:
            far[place] = square
        return third

    def nearest_of(self, number: int, places: Places) -> float | None:
        """To the nearest of the shapes that end at some places, counted from the oldest kept."""
        return sqrt(self.squares[number][places].min()) if len(places) else None


@dataclass(frozen=True)
class SameTime:
    """Points at about the same time of earlier days; of earlier weeks, where steps are long.

    centres: shape (cycles, points), the first point that is not before that time.
    """

    centres: Places
    offsets: Places

    def before(self, place: int) -> Places:
        """As `Shapes.nearest_of` takes them."""
        low = max(0, place - MEMORY)
        near = (self.centres[:, place, None] + self.offsets - low).ravel()
        return near[(near >= 0) & (near <= place - low - APART)]


def find_same_time(at: Instants, step_s: int) -> SameTime:
    """at: ascending, in microseconds. Without any, where a step is about a week or longer."""
    cycle_s = DAY_S if step_s <= DAY_S // 4 else WEEK_S
    steps = cycle_s // step_s
    cycles = min(MEMORY // max(steps, 1), MOST_CYCLES) if steps >= LEAST_STEPS else 0
    centres = np.empty((cycles, len(at)), np.int64)
    for number in range(cycles):
        times = at - (number + 1) * cycle_s * SECOND_US
        centres[number] = np.where(times < at[0], -MEMORY, np.searchsorted(at, times))
    around = AROUND_S // step_s
    return SameTime(centres, np.arange(-around, around + 1))
