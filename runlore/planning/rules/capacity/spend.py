"""What the work of a pool costs in each calendar month, and when its budget is used up."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.capacity.full_date import LEVEL, find_passage

Floats = NDArray[np.float64]
BudgetState = Literal["exceeded", "expected", "unlikely", "unknown", "unbudgeted"]
DIGITS = 4  # of money


@dataclass(frozen=True)
class MonthSpend:
    """first: the first day of the month. spent: so far. low, middle, high: the whole month's.

    probability: that the month costs more than the budget; None: there is no budget.
    """

    first: date
    spent: float
    low: float
    middle: float
    high: float
    probability: float | None


@dataclass(frozen=True)
class SpendOutlook:
    """When the budget of a month is exceeded, in days after the last one of the past.

    "exceeded": that of this month is. "expected": at least half of the paths exceed the budget of
    some month within the horizon. "unlikely": fewer. "unknown": reason says why. "unbudgeted":
    there is no budget. early, late: ends of the interval of `level`; None: beyond the horizon.
    months: those that end within the horizon. chances: of a budget exceeded within so many days.
    """

    state: BudgetState
    budget: float | None = None
    level: float = LEVEL
    reason: str = ""
    spent: float = 0.0
    early: int | None = None
    median: int | None = None
    late: int | None = None
    probability: float | None = None
    months: tuple[MonthSpend, ...] = ()
    chances: Floats | None = None

    def chance_within(self, days: int) -> float:
        """Of a budget exceeded within so many days; 0: nothing is known."""
        if self.state == "exceeded":
            return 1.0
        if self.chances is None or not len(self.chances):
            return 0.0
        return float(self.chances[min(days, len(self.chances)) - 1])


@dataclass(frozen=True, eq=False)
class DailySpend:
    """today: the first day to come. past: (days,) until the day before it; ahead: (horizon, paths).

    why: why nothing is known of days to come; then `ahead` is None.
    """

    today: date
    past: Floats
    ahead: Floats | None
    why: str = ""


def done_by_day(demand: Floats, capacity: Floats) -> Floats:
    """(horizon, paths) slot-hours done each day: what does not fit into a day waits for the next.

    demand: (horizon, paths). capacity: (horizon,). At first, nothing waits.
    """
    left, done = np.zeros(demand.shape[1]), np.empty_like(demand)
    for day, room in enumerate(capacity):
        left = left + demand[day]
        done[day] = np.minimum(left, room)
        left = left - done[day]
    return done


def forecast_spend(days: DailySpend, budget: float | None, level: float = LEVEL) -> SpendOutlook:
    """By calendar month: what was spent so far in this one, and what paths of demand add."""
    begun = min(days.today.day - 1, len(days.past))
    spent = float(days.past[len(days.past) - begun :].sum())
    shown = round(spent, DIGITS)
    if budget is not None and spent > budget:
        months = tuple(_months(days, spent, budget, level))
        chances = None if days.ahead is None else np.ones(len(days.ahead))
        return SpendOutlook("exceeded", budget, level, "", shown, 0, 0, 0, 1.0, months, chances)
    if days.ahead is None:
        state: BudgetState = "unbudgeted" if budget is None else "unknown"
        return SpendOutlook(state, budget, level, days.why, shown)
    months = tuple(_months(days, spent, budget, level))
    if budget is None:
        return SpendOutlook("unbudgeted", None, level, "", shown, months=months)
    is_over = np.concatenate([part > budget for _, part in _running(days, spent)])
    passage = find_passage(is_over, level)
    return SpendOutlook(
        "expected" if passage.median is not None else "unlikely",
        budget,
        level,
        "",
        shown,
        passage.early,
        passage.median,
        passage.late,
        passage.probability,
        months,
        passage.chances,
    )


def _running(days: DailySpend, spent: float) -> Iterator[tuple[date, Floats]]:
    """Of each month, its first day to come and its spend until the end of each day: (d, paths)."""
    if days.ahead is None:
        return
    at, before = 0, spent
    while at < len(days.ahead):
        first = days.today + timedelta(days=at)
        until = min(at + (_next_month(first) - first).days, len(days.ahead))
        yield first, before + np.cumsum(days.ahead[at:until], axis=0)
        at, before = until, 0.0


def _months(
    days: DailySpend, spent: float, budget: float | None, level: float
) -> Iterator[MonthSpend]:
    tails, so_far = [(1 - level) / 2, 0.5, (1 + level) / 2], spent
    for first, running in _running(days, spent):
        if first + timedelta(days=len(running)) == _next_month(first):
            low, middle, high = np.quantile(running[-1], tails).round(DIGITS).tolist()
            over = None if budget is None else float((running[-1] > budget).mean())
            yield MonthSpend(first.replace(day=1), round(so_far, DIGITS), low, middle, high, over)
        so_far = 0.0


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
