"""Intervals of numbers."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    low: float
    high: float

    @property
    def is_known(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)

    def leaves_out(self, value: float) -> bool:
        return value < self.low or value > self.high
