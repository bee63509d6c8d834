"""Error budgets: what is spent, how fast it burns, and when it will be spent."""

from dataclasses import dataclass
from math import nan

import numpy as np

from runlore.plots.style import wilson
from runlore.signals.rules.series.grid import Floats


@dataclass(frozen=True)
class EventCounts:
    """total, bad: (N,) events a step, the oldest first; the last step ends at `end_us`.

    Steps are open at their beginning and closed at their end. Counts can be fractions: what a
    counter counted between two points is spread over the time between them.
    """

    end_us: int
    step_s: int
    total: Floats
    bad: Floats

    def last(self, window_s: float) -> tuple[float, float]:
        """Events of the newest `window_s`, and the bad ones of them."""
        count = min(round(window_s / self.step_s), len(self.total))
        start = len(self.total) - count
        return float(self.total[start:].sum()), float(self.bad[start:].sum())


@dataclass(frozen=True)
class WindowBurn:
    """burn: bad share over the share that may be bad; NaN without events. low, high: of 95 %."""

    window_s: int
    total: float
    bad: float
    burn: float
    low: float
    high: float


@dataclass(frozen=True)
class ErrorBudget:
    """A budget over its period. allowed, bad: events. left: share of the budget, below 0 when
    overspent, NaN without events. sli: share of good events, with its interval of 95 %."""

    total: float
    bad: float
    allowed: float
    left: float
    sli: float
    sli_low: float
    sli_high: float


@dataclass(frozen=True)
class BudgetEnd:
    """Seconds until the budget is spent, at the rate of a window; None: not within a period.

    earliest_s, latest_s: at the ends of the rate's interval of 95 %.
    """

    window_s: int
    after_s: float | None
    earliest_s: float | None
    latest_s: float | None


def wilson_interval(bad: float, total: float) -> tuple[float, float]:
    """The interval of 95 % of a share; NaN without events.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.

    >>> [round(end, 3) for end in wilson_interval(1, 2)]
    [0.095, 0.905]
    """
    if total <= 0:
        return nan, nan
    low, high = wilson(np.array([bad]), np.array([total]))
    return float(low[0]), float(high[0])


def error_budget(counts: EventCounts, allowed_share: float) -> ErrorBudget:
    """The budget over all steps. allowed_share: of the events, above 0."""
    total, bad = float(counts.total.sum()), float(counts.bad.sum())
    allowed = allowed_share * total
    low, high = wilson_interval(bad, total)
    left, sli = (1 - bad / allowed, 1 - bad / total) if total > 0 else (nan, nan)
    return ErrorBudget(total, bad, allowed, left, sli, 1 - high, 1 - low)


def window_burn(counts: EventCounts, window_s: int, allowed_share: float) -> WindowBurn:
    """How fast the newest window spends: 1 spends the budget in exactly one period."""
    total, bad = counts.last(window_s)
    low, high = (end / allowed_share for end in wilson_interval(bad, total))
    burn = bad / total / allowed_share if total > 0 else nan
    return WindowBurn(window_s, total, bad, burn, low, high)


def budget_end(counts: EventCounts, window_s: int, allowed_share: float) -> BudgetEnd:
    """When the budget is spent if the bad share stays what it was in the newest window.

    Old events leave the rolling period as new ones come, at the mean rate since the first event.
    A window without events says nothing: then all ends are None.
    """
    total, bad = counts.last(window_s)
    if total <= 0:
        return BudgetEnd(window_s, None, None, None)
    low, high = wilson_interval(bad, total)
    ends = (_seconds_left(counts, share, allowed_share) for share in (bad / total, high, low))
    return BudgetEnd(window_s, *ends)


def budget_left(counts: EventCounts, allowed_share: float) -> Floats:
    """Share of the period's budget that is left after each step, (N,); it only falls."""
    allowed = allowed_share * float(counts.total.sum())
    left: Floats = np.full(len(counts.bad), nan)
    if allowed > 0:
        left = 1 - np.cumsum(counts.bad) / allowed
    return left


def burn_history(counts: EventCounts, window_s: int, allowed_share: float) -> Floats:
    """The burn rate of the window that ends with each step, (N,); NaN where it is not whole."""
    width = round(window_s / counts.step_s)
    total, bad = (_sums(values, width) for values in (counts.total, counts.bad))
    rates = np.full(len(total), nan)
    np.divide(bad, total * allowed_share, out=rates, where=total > 0)
    rates[: width - 1] = nan
    return rates


def _sums(values: Floats, width: int) -> Floats:
    """Sums of the newest `width` values at each place."""
    summed = np.concatenate([np.zeros(width), np.cumsum(values)])
    sums: Floats = summed[width:] - summed[:-width]
    return sums


def _seconds_left(counts: EventCounts, bad_share: float, allowed_share: float) -> float | None:
    steps = len(counts.total)
    covered = steps - int(np.argmax(counts.total > 0))
    rate = counts.total.sum() / covered
    ahead = np.arange(steps + 1) * rate
    spent = _remaining(counts.bad) + bad_share * ahead
    allowed = allowed_share * (_remaining(counts.total) + ahead)
    is_spent = spent >= allowed
    return float(np.argmax(is_spent)) * counts.step_s if is_spent.any() else None


def _remaining(values: Floats) -> Floats:
    """What is still inside the period after 0 to N steps, (N + 1,)."""
    return np.concatenate([np.cumsum(values[::-1])[::-1], [0.0]])
