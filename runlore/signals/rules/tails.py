"""The upper tail of the newest scores: a high quantile, and the mean excess above it."""

import struct
from bisect import bisect_left, insort
from dataclasses import dataclass, field

import numpy as np

from runlore.signals.rules.grid import Floats

QUANTILE = 0.98
LEAST_EXCEEDANCES = 5
SPARE = 16  # scores below the quantile that are kept sorted, too
HEADER = struct.Struct("<qq")


@dataclass(slots=True)
class Tail:
    """Of the newest `memory` scores. ring: all of them; top: the highest ones, ascending."""

    memory: int
    ring: Floats = field(default_factory=lambda: np.empty(64))
    added: int = 0
    top: list[float] = field(default_factory=list)
    mean: float = 0.0
    is_stale: bool = True

    @property
    def count(self) -> int:
        return min(self.added, self.memory)

    def quantile(self) -> float:
        """What QUANTILE of the scores stay below."""
        return self.top[-self._rank()]

    def excess(self, score: float) -> float:
        """How far a score is above the quantile, in units of the mean excess of the past.

        Where all of the top is one value, what is above it is infinitely unusual.
        """
        quantile = self.quantile()
        if self.is_stale:
            self.mean = sum(self.top[-self._rank() :]) / self._rank() - quantile
            self.is_stale = False
        if self.mean > 0:
            return (score - quantile) / self.mean
        return float("inf") if score > quantile else 0.0

    def add(self, score: float) -> None:
        place = self.added % self.memory
        is_full = self.added >= self.memory
        if not is_full and place == len(self.ring):
            self.ring = np.resize(self.ring, min(2 * len(self.ring), self.memory))
        if is_full:
            self._remove(float(self.ring[place]))
        self.ring[place] = score
        self.added += 1
        if not self.top or score >= self.top[0] or self.added <= SPARE:
            insort(self.top, score)
            self.is_stale = True
        rank = self._rank()
        if len(self.top) < min(rank, self.count) or len(self.top) > 2 * (rank + SPARE):
            self._rebuild()
        elif self.added < self.memory:
            self.is_stale = True

    def dump(self) -> bytes:
        """The scores, in the order of the ring."""
        return HEADER.pack(self.added, self.count) + self.ring[: self.count].astype("<f8").tobytes()

    @classmethod
    def load(cls, data: bytes, place: int, memory: int) -> tuple["Tail", int]:
        """A tail from bytes at a place, and the place after it. Raises ValueError."""
        added, count = HEADER.unpack_from(data, place)
        if count != min(added, memory) or count < 0:
            raise ValueError("no scores")
        place += HEADER.size
        ring = np.empty(min(max(64, count), memory))
        ring[:count] = np.frombuffer(data, "<f8", count, place)
        tail = cls(memory, ring, added)
        tail._rebuild()
        return tail, place + 8 * count

    def _rank(self) -> int:
        return max(LEAST_EXCEEDANCES, round((1 - QUANTILE) * self.count))

    def _remove(self, score: float) -> None:
        if self.top and score >= self.top[0]:
            del self.top[bisect_left(self.top, score)]
            self.is_stale = True

    def _rebuild(self) -> None:
        ordered = np.sort(self.ring[: self.count])
        self.top = ordered[-(self._rank() + SPARE) :].tolist()
        self.is_stale = True
