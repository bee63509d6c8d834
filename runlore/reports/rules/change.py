"""Has a number of a period changed, beyond chance? Pure.

The days of two periods are compared, because executions of one day share outages and releases and
are not independent. Where both periods have the same weekdays, day is compared with day (paired t);
otherwise Welch's t is used, that of fixed A/B tests. A ratio's days count by
``(numerator - ratio · denominator) / mean denominator`` (Deng, Knoblich & Lu, KDD 2018).
Days of one week may be alike as well, so a change must also be larger than those from period to
period before it, where enough of them are known. The numbers of a report share one error: Holm, A
simple sequentially rejective multiple test procedure, 1979.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runlore.experiments.rules.estimate import Arm
from runlore.experiments.rules.fixed_horizon import welch

Floats = NDArray[np.float64]
Change = Literal["up", "down", "no change shown", "unknown"]

ALPHA = 0.05  # for all numbers of a report together
LEAST_DAYS = 5  # with something on them, in each period
LEAST_PERIODS = 6  # before the last two, to know the usual change
WEEK = 7


@dataclass(frozen=True, eq=False)
class DailyValues:
    """numerator, denominator: (days,). Without a denominator the value is the sum over the days."""

    numerator: Floats
    denominator: Floats | None = None

    @property
    def value(self) -> float:
        """The sum, or the ratio of the sums; NaN of an empty ratio."""
        total = float(self.numerator.sum())
        if self.denominator is None:
            return total
        of = float(self.denominator.sum())
        return total / of if of > 0 else math.nan

    @property
    def rate(self) -> float:
        """What is compared: a mean a day, or the ratio."""
        return self.value / max(len(self.numerator), 1) if self.denominator is None else self.value

    @property
    def influence(self) -> Floats:
        """(days,): what each day adds to the rate's deviation, of mean 0."""
        if self.denominator is None:
            return self.numerator - self.rate
        mean = float(self.denominator.mean())
        if not mean > 0:
            return np.zeros_like(self.numerator)
        return (self.numerator - self.rate * self.denominator) / mean

    @property
    def active_days(self) -> int:
        rows = self.numerator if self.denominator is None else self.denominator
        return int(np.count_nonzero(rows))


@dataclass(frozen=True)
class ChangeTest:
    """p_value: 1 where nothing can be said. unknown: why."""

    p_value: float = 1.0
    unknown: str = ""


@dataclass(frozen=True, eq=False)
class Compared:
    """A number of this period and of the one before. earlier: rates of periods before those two,
    the oldest first."""

    now: DailyValues
    before: DailyValues
    earlier: Sequence[float] = field(default_factory=tuple)


def assess_change(pair: Compared) -> ChangeTest:
    """How often chance alone gives such a difference, by days and by periods; the larger counts."""
    days = min(pair.now.active_days, pair.before.active_days)
    if days < LEAST_DAYS:
        return ChangeTest(unknown=f"one period has {days} days with data, {LEAST_DAYS} are needed")
    if not (math.isfinite(pair.now.rate) and math.isfinite(pair.before.rate)):
        return ChangeTest(unknown="one period has no such value")
    return ChangeTest(max(_by_days(pair), _by_periods(pair)))


def verdicts(compared: Sequence[Compared | None]) -> list[tuple[Change, float, str]]:
    """(change, adjusted p-value, why unknown) of each number of a family; None: not compared."""
    tests = [ChangeTest(unknown="it is not compared") if c is None else assess_change(c)
             for c in compared]  # fmt: skip
    tested = [at for at, test in enumerate(tests) if not test.unknown]
    adjusted = dict(zip(tested, holm([tests[at].p_value for at in tested]), strict=True))
    result: list[tuple[Change, float, str]] = []
    for at, (pair, test) in enumerate(zip(compared, tests, strict=True)):
        if at not in adjusted or pair is None:
            result.append(("unknown", math.nan, test.unknown))
            continue
        p = adjusted[at]
        is_change = p <= ALPHA and pair.now.rate != pair.before.rate
        up: Change = "up" if pair.now.rate > pair.before.rate else "down"
        result.append((up if is_change else "no change shown", p, ""))
    return result


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    n, highest = len(p_values), 0.0
    adjusted = [1.0] * n
    for rank, at in enumerate(sorted(range(n), key=lambda i: p_values[i])):
        highest = max(highest, min((n - rank) * p_values[at], 1.0))
        adjusted[at] = highest
    return adjusted


def _by_days(pair: Compared) -> float:
    now, before = pair.now, pair.before
    n = len(now.numerator)
    error = _least_error(now) + _least_error(before)
    if n == len(before.numerator) and n % WEEK == 0:
        return _paired(now.influence - before.influence, now.rate - before.rate, error)
    arms = [Arm(one.rate, _spread(one), len(one.numerator)) for one in (before, now)]
    return welch(arms[0], arms[1], ALPHA).p_value


def _paired(apart: Floats, difference: float, least: float) -> float:
    from scipy.stats import t

    n = len(apart)
    variance = max(float(apart.var(ddof=1)) / n, least)
    if not variance > 0:
        return 1.0 if not difference else 0.0
    return float(2 * t.sf(abs(difference) / math.sqrt(variance), n - 1))


def _spread(values: DailyValues) -> float:
    n = len(values.numerator)
    return max(float(values.influence.var(ddof=1)), _least_error(values) * n)


def _least_error(values: DailyValues) -> float:
    """Of a share, at least the binomial variance; of a sum, what the days say alone."""
    if values.denominator is None:
        return 0.0
    rate, of = values.rate, float(values.denominator.sum())
    return rate * (1 - rate) / of if 0 < rate < 1 and of > 0 else 0.0


def _by_periods(pair: Compared) -> float:
    """Student's t of this difference among those between neighbouring earlier periods."""
    from scipy.stats import t

    earlier = [value for value in pair.earlier if math.isfinite(value)]
    if len(earlier) < LEAST_PERIODS:
        return 0.0
    steps = np.diff([*earlier, pair.before.rate])
    usual = float(np.sqrt(np.mean(np.square(steps))))
    difference = abs(pair.now.rate - pair.before.rate)
    if not usual > 0:
        return 0.0
    return float(2 * t.sf(difference / usual, len(steps)))
