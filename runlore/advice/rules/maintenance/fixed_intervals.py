"""The plain alternative: a visit whenever a scope has a certain age, the same for all."""

from dataclasses import dataclass

import numpy as np

from runlore.advice.rules.maintenance.lifetimes import Floats, Ints
from runlore.advice.rules.maintenance.visit_costs import MaintenanceCosts, cost_rates


@dataclass(frozen=True)
class FixedInterval:
    """days: infinite: run to failure. rate, failure_rate: long-run cost a day of a scope, with
    such visits and without any."""

    days: float
    rate: float
    failure_rate: float

    def place(self, ages: Floats, slot_days: Floats, room: Ints) -> Ints:
        """(n,): the first slot with room after each is due, the oldest first; -1: none."""
        left, slots = room.copy(), np.full(len(ages), -1, dtype=np.int64)
        for at in np.argsort(-ages, kind="stable").tolist():
            fitting = np.flatnonzero((slot_days >= self.days - ages[at]) & (left > 0))
            if len(fitting):
                slots[at] = fitting[0]
                left[fitting[0]] -= 1
        return slots


def find_interval(days: Floats, as_new: Floats, costs: MaintenanceCosts) -> FixedInterval:
    """The best one for the mean scope. as_new: (m,) its share alive by age."""
    rates = cost_rates(days, as_new[None], costs)[0]
    best = int(rates.argmin())
    is_last = best == len(days) - 1
    return FixedInterval(
        np.inf if is_last else float(days[best]), float(rates[best]), float(rates[-1])
    )
