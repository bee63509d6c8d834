"""What the next period may bring, as far as the periods before it tell. Pure.

Two simple forecasts are tried, as on each earlier period: the last value, and the mean of the last
four. The interval holds the errors that were made (split conformal: Lei et al., Distribution-free
predictive inference for regression, JASA 2018), and is checked where it was not learned. A trend, a
holiday or a new user is not in it, so a log that changes has a wide interval or none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_PERIODS = 8
COVERAGE = 0.8  # with so few periods, more than this cannot be promised
LEAST_HELD = 0.6  # of the checked periods; fewer: nothing is said
RECENT = 4
LEAST_ERRORS = 4  # ceil(0.8 · 5) = 4: the fewest that can give an interval


@dataclass(frozen=True)
class PeriodForecast:
    """held, checked: how many of the earlier periods lay inside their interval. unknown: why there
    is no forecast; then the numbers are NaN."""

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    held: int = 0
    checked: int = 0
    method: str = ""
    unknown: str = ""


def forecast_next(rates: Sequence[float], days: int) -> PeriodForecast:
    """rates: a mean a day of each period, the newest last. days: of the next period.

    >>> forecast_next([1.0] * 12, 7).value, forecast_next([1.0, 2.0], 7).unknown
    (7.0, 'the log has 2 whole periods, 8 are needed')
    """
    if len(rates) < LEAST_PERIODS:
        return PeriodForecast(
            unknown=f"the log has {len(rates)} whole periods, {LEAST_PERIODS} are needed"
        )
    name, window = min(
        (("as the last period", 1), (f"mean of the last {RECENT} periods", RECENT)),
        key=lambda way: sum(_errors(rates, way[1])),
    )
    errors = _errors(rates, window)
    held, checked = _check(errors)
    if held < LEAST_HELD * checked:
        return PeriodForecast(
            held=held,
            checked=checked,
            method=name,
            unknown=f"of {checked} earlier periods only {held} lay where they were expected",
        )
    value, half = _mean(rates, window), _quantile(errors)
    low, high = max(value - half, 0.0), value + half
    return PeriodForecast(value * days, low * days, high * days, held, checked, name)


def _mean(rates: Sequence[float], window: int) -> float:
    return sum(rates[-window:]) / len(rates[-window:])


def _errors(rates: Sequence[float], window: int) -> list[float]:
    """Of each period from the fifth on, what was missed; the same periods for each forecast."""
    return [abs(rates[at] - _mean(rates[:at], window)) for at in range(RECENT, len(rates))]


def _quantile(errors: Sequence[float]) -> float:
    """The error that the next one does not exceed, COVERAGE of the time."""
    rank = math.ceil(COVERAGE * (len(errors) + 1))
    return sorted(errors)[min(rank, len(errors)) - 1]


def _check(errors: Sequence[float]) -> tuple[int, int]:
    """How many errors lay within the interval that the errors before them gave.

    Four periods at most are held back where the log is short, so that something is checked.
    """
    first = min(LEAST_ERRORS, len(errors) - 1)
    inside = [errors[at] <= _quantile(errors[:at]) for at in range(first, len(errors))]
    return sum(inside), len(inside)
