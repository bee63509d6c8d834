"""What a visit costs at each time: failures that it comes too late for, and life that it wastes.

An age-replacement problem (Barlow & Hunter 1960) as a semi-Markov decision: after a failure or a
visit a scope is as new. With `rate`, the least long-run cost a day, the cost of a visit after t
days is  failure · F(t) + visit · S(t) - rate · ∫ S;  F, S: of a scope of its age.
"""

from dataclasses import dataclass

import numpy as np

from runlore.advice.rules.maintenance.lifetimes import Floats
from runlore.advice.rules.maintenance.remaining import Remaining
from runlore.kernel.errors import BadInput

MOST_COST = 1e12


@dataclass(frozen=True)
class MaintenanceCosts:
    """Of one visit, and of one failure with its repair; in the same money."""

    visit: float = 1.0
    failure: float = 10.0

    def __post_init__(self) -> None:
        for name, value in (("visit_cost", self.visit), ("failure_cost", self.failure)):
            if not 0 < value <= MOST_COST:
                raise BadInput(f"{name}: {value} is not a number above 0", name)


@dataclass(frozen=True, eq=False)
class VisitCosts:
    """days: (m,). costs: (n, m) of a visit then, beside being as new now. later: (n,) of none
    within the horizon and the best after it. rates: (n,) a day in the long run."""

    days: Floats
    costs: Floats
    later: Floats
    rates: Floats

    def gains(self, at: Floats) -> Floats:
        """(n, k): what a visit after `at` days saves beside none within the horizon."""
        costs = np.array([np.interp(at, self.days, row) for row in self.costs])
        return np.asarray(self.later[:, None] - costs)


def price_visits(
    remaining: Remaining, as_new: Floats, costs: MaintenanceCosts, horizon: float
) -> VisitCosts:
    """as_new: (n, m) the share alive of scopes that are new, on the same days."""
    days = remaining.days
    rates = cost_rates(days, as_new, costs).min(axis=1)
    lived = integrate(days, remaining.alive)
    alive = remaining.alive
    priced = costs.failure * (1 - alive) + costs.visit * alive - rates[:, None] * lived
    never = costs.failure - rates * lived[:, -1]
    beyond = priced[:, days >= horizon].min(axis=1)
    return VisitCosts(days, priced, np.minimum(beyond, never), rates)


def cost_rates(days: Floats, as_new: Floats, costs: MaintenanceCosts) -> Floats:
    """(n, m): long-run cost a day of visits at each age; the last one: of none, run to failure."""
    lived = integrate(days, as_new)
    spent = costs.failure * (1 - as_new) + costs.visit * as_new
    spent[:, -1] = costs.failure
    rates = np.full(as_new.shape, np.inf)
    np.divide(spent, lived, out=rates, where=lived > 0)
    return rates


def integrate(days: Floats, values: Floats) -> Floats:
    """(n, m): the integral from 0 to each day."""
    steps = np.diff(days) * (values[:, 1:] + values[:, :-1]) / 2
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(steps, axis=1)], axis=1)
