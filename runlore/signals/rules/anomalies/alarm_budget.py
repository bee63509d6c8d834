"""Which unusual points raise an alarm, so that a weekly budget is kept over all series."""

from dataclasses import dataclass, field
from math import log

import numpy as np
from numpy.typing import NDArray

from runlore.signals.rules.anomalies.tails import QUANTILE
from runlore.signals.rules.series.grid import SECOND_US, Floats, Instants
from runlore.signals.rules.series.seasons import DAY_S, WEEK_S

SILENCE_S = 43_200  # after an alarm of a series; what follows is the same cause
LEAST_EXCESS = 0.2
MEMORY_WEEKS = 8.0
LEAST_PEAKS = 30
MOST_PEAKS = 200  # the highest, which the tail is fitted to
MOST_SHAPE = 0.8
CATCH_UP_WEEKS = 0.25  # in which an under- or overspent budget is evened out
MOST_WEEKS = 2.0  # of a budget that are evened out
LEAST_RATE, MOST_RATE = 0.02, 6.0  # times the budget
DAY_US, WEEK_US = DAY_S * SECOND_US, WEEK_S * SECOND_US

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Unusual:
    """Points above the body of their series, by time. excess: as `PointScores.score`.

    points: that were scored over all series from first_us until end_us, unusual or not.
    """

    series: Indices
    at: Instants
    excess: Floats
    points: int
    first_us: int
    end_us: int


@dataclass(frozen=True)
class Alarm:
    """place: of the point in Unusual. threshold: of the excess, when it was raised."""

    place: int
    threshold: float


@dataclass
class Spending:
    """What is left of a budget. balance: alarms; within MOST_WEEKS of the budget, over or under."""

    per_week: float
    balance: float = 0.0
    last_us: dict[int, int] = field(default_factory=dict)

    def rate(self) -> float:
        """Alarms a week from now on: the budget, and what is left of the past."""
        rate = self.per_week + self.balance / CATCH_UP_WEEKS
        return float(np.clip(rate, LEAST_RATE * self.per_week, MOST_RATE * self.per_week))

    def close(self, weeks: float, alarms: int) -> None:
        """Book some time and the alarms in it."""
        most = MOST_WEEKS * self.per_week
        balance = self.balance + self.per_week * weeks - alarms
        self.balance = float(np.clip(balance, -most, most))


def spend(unusual: Unusual, per_week: float, silence_s: int = SILENCE_S) -> list[Alarm]:
    """The alarms of a budget, in order of time; each is decided by what came before its day.

    per_week: alarms a week over all series. A series is silent for silence_s after its alarm.

    Source: tails of pooled peaks as generalised Pareto, by Pickands, "Statistical inference using
    extreme order statistics", 1975; evening out as in Gibbs & Candès, "Adaptive conformal inference
    under distribution shift", 2021.
    """
    spending, alarms = Spending(per_week), []
    peaks_at, peaks = _peaks(unusual, silence_s * SECOND_US)
    for day_us in range(unusual.first_us, unusual.end_us, DAY_US):
        known = (peaks_at < day_us) & (peaks_at >= day_us - MEMORY_WEEKS * WEEK_US)
        weeks = min((day_us - unusual.first_us) / WEEK_US, MEMORY_WEEKS)
        threshold = find_threshold(peaks[known], weeks, spending.rate(), _points_a_week(unusual))
        first, last = np.searchsorted(unusual.at, [day_us, day_us + DAY_US])
        places = first + np.flatnonzero(unusual.excess[first:last] > threshold)
        raised = 0
        for place in places.tolist():
            series, at = int(unusual.series[place]), int(unusual.at[place])
            if at - spending.last_us.get(series, -(2**62)) > silence_s * SECOND_US:
                spending.last_us[series] = at
                alarms.append(Alarm(place, threshold))
                raised += 1
        spending.close(min(DAY_US, unusual.end_us - day_us) / WEEK_US, raised)
    return alarms


def find_threshold(peaks: Floats, weeks: float, rate: float, points_a_week: float) -> float:
    """The excess that `rate` peaks a week are above, by the peaks of the past weeks.

    With fewer than LEAST_PEAKS of them: by points_a_week, as if the excess were exponential.
    """
    if len(peaks) < LEAST_PEAKS or weeks <= 0:
        return max(log(max((1 - QUANTILE) * points_a_week / rate, 1.0)), LEAST_EXCESS)
    top = np.sort(peaks)[-min(MOST_PEAKS, len(peaks)) :]
    due = rate * weeks
    if due >= len(top):
        return max(float(np.quantile(peaks, max(1 - due / len(peaks), 0.0))), LEAST_EXCESS)
    base, above = float(top[0]), top[1:] - top[0]
    shape, scale = _fit_pareto(above)
    ratio = len(above) / due
    far = scale * log(ratio) if abs(shape) < 1e-6 else scale * (ratio**shape - 1) / shape
    return max(base + far, LEAST_EXCESS)


def _fit_pareto(above: Floats) -> tuple[float, float]:
    """Shape and scale by probability-weighted moments (Hosking & Wallis, 1987).

    above: ascending.
    """
    count = len(above)
    mean = float(above.mean())
    weighted = float(np.mean(above * (1 - (np.arange(1, count + 1) - 0.35) / count)))
    if mean <= 0 or mean <= 2 * weighted:
        return 0.0, max(mean, 1e-12)
    shape = float(np.clip(2 - mean / (mean - 2 * weighted), -0.5, MOST_SHAPE))
    return shape, mean * (1 - shape)


def _peaks(unusual: Unusual, silence_us: int) -> tuple[Instants, Floats]:
    """The highest excess of each series in each stretch of a silence: when, and how high."""
    if not len(unusual.at):
        return unusual.at, unusual.excess
    stretch = (unusual.at - unusual.first_us) // silence_us
    key = unusual.series * (int(stretch.max()) + 1) + stretch
    order = np.lexsort((unusual.excess, key))
    is_last = np.append(key[order][1:] != key[order][:-1], True)
    chosen = np.sort(order[is_last])
    return unusual.at[chosen], unusual.excess[chosen]


def _points_a_week(unusual: Unusual) -> float:
    return unusual.points / max((unusual.end_us - unusual.first_us) / WEEK_US, 1 / 7)
