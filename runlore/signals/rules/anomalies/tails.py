"""The upper tail of the newest scores: a high quantile, and the mean excess above it."""

from bisect import bisect_left, insort
from dataclasses import dataclass, field

import numpy as np

from runlore.signals.rules.series.grid import Floats

QUANTILE = 0.98
LEAST_EXCEEDANCES = 5
SPARE = 16  # scores below the quantile that are kept sorted, too


@dataclass(slots=True)
class Tail:
    """Of the newest `memory` scores. ring: all of them; top: the highest ones, ascending.

    count: of the scores. rank: how many of them are above the quantile, or it.
    """

    memory: int
    ring: Floats = field(default_factory=lambda: np.empty(64))
    added: int = 0
    count: int = 0
    rank: int = LEAST_EXCEEDANCES
    top: list[float] = field(default_factory=list)
    mean: float = 0.0
    is_stale: bool = True

    def quantile(self) -> float:
        """What QUANTILE of the scores stay below."""
        return self.top[-self.rank]

    def excess(self, score: float) -> float:
        """How far a score is above the quantile, in units of the mean excess of the past.

        Where all of the top is one value, what is above it is infinitely unusual.
        """
        quantile = self.top[-self.rank]
        if self.is_stale:
            self.mean = sum(self.top[-self.rank :]) / self.rank - quantile
            self.is_stale = False
        if self.mean > 0:
            return (score - quantile) / self.mean
        return float("inf") if score > quantile else 0.0

    def add(self, score: float) -> None:
        place = self.added % self.memory
        if self.added >= self.memory:
            self._remove(float(self.ring[place]))
        else:
            self._grow(place)
        self.ring[place] = score
        self.added += 1
        if not self.top or score >= self.top[0] or self.added <= SPARE:
            insort(self.top, score)
            self.is_stale = True
        if len(self.top) < min(self.rank, self.count) or len(self.top) > 2 * (self.rank + SPARE):
            self._rebuild()

    def _grow(self, place: int) -> None:
        if place == len(self.ring):
            self.ring = np.resize(self.ring, min(2 * len(self.ring), self.memory))
        self.count = place + 1
        rank = max(LEAST_EXCEEDANCES, round((1 - QUANTILE) * self.count))
        if rank != self.rank:
            self.rank, self.is_stale = rank, True

    def _remove(self, score: float) -> None:
        if self.top and score >= self.top[0]:
            del self.top[bisect_left(self.top, score)]
            self.is_stale = True

    def _rebuild(self) -> None:
        ordered = np.sort(self.ring[: self.count])
        self.top = ordered[-(self.rank + SPARE) :].tolist()
        self.is_stale = True
