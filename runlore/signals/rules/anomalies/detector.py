"""Score the points of a series by what came before each of them."""

from dataclasses import dataclass
from math import inf

import numpy as np

from runlore.kernel.errors import BadInput
from runlore.signals.rules.anomalies.shapes import DECAYS, MEMORY, Shapes, find_same_time
from runlore.signals.rules.anomalies.tails import QUANTILE, Tail
from runlore.signals.rules.series.grid import SECOND_US, Floats, Instants
from runlore.signals.rules.series.seasons import DAY_S

WARM_UP = 100  # scores before any probability is given
LEVEL_RATE = 0.02
SEASON_RATE = 0.3
TESTS = 1 + 2 * len(DECAYS)  # of one point, of which the least probable is told
SAME_TIME_SHARE = 0.25  # of the score: how unusual the point is for its time of the day
LEAST_TERM, MOST_EXCESS = -3.0, 60.0  # of one term; a probability stays above 0


@dataclass(frozen=True)
class PointScores:
    """Of each point, all of one length.

    expected: by level and time of the day. low, high: what 98 % of past residuals stay within;
    infinite while the series is learned. score: mean excess of the point's distances over what
    98 % of the past stayed below, in units of the mean excess; 0 while the series is learned.
    probability: of a residual or distance so high or higher (Bonferroni); 1 while it is learned.
    """

    expected: Floats
    low: Floats
    high: Floats
    score: Floats
    probability: Floats


@dataclass(slots=True)
class _Expectation:
    """The level of a series and its times of the day, followed point by point."""

    step_s: int
    season: Floats
    level: float

    def learn(self, at_us: int, value: float) -> float:
        """What was expected."""
        slot = at_us // SECOND_US // self.step_s % len(self.season)
        expected = self.level + float(self.season[slot])
        residual = value - expected
        self.level += LEVEL_RATE * residual
        self.season[slot] += SEASON_RATE * residual
        return expected


def scan(step_s: int, at: Instants, values: Floats) -> PointScores:
    """Score each point by those before it.

    step_s: the usual distance of points. at: ascending, in microseconds. values: finite. Raises
    BadInput for a step that is not positive.

    Source: k nearest neighbours of delay vectors as in Burnaev & Ishimtsev, "Conformalized density-
    and distance-based anomaly detection in time-series data", 2016; the exceedances as exponential
    by Balkema & de Haan, "Residual life time at great age", 1974.
    """
    if step_s < 1:
        raise BadInput(f"step_s: {step_s} is not at least 1", "step_s")
    if not len(at):
        return PointScores(*(np.empty(0) for _ in range(5)))
    expected, reach, unlikely = _follow_level(step_s, at, values)
    score, far = _follow_shapes(step_s, at, values)
    probability = np.minimum(TESTS * probability_of(np.maximum(unlikely, far)), 1)
    return PointScores(expected, expected - reach, expected + reach, score, probability)


def probability_of(excess: Floats) -> Floats:
    """Of an excess or a higher one, if exceedances are exponential; 1 below the quantile's body.

    >>> [float(f"{p:.3g}") for p in probability_of(np.array([-1.0, 0.5, 5.0]))]
    [1.0, 0.0121, 0.000135]
    """
    tail = (1 - QUANTILE) * np.exp(-np.minimum(excess, MOST_EXCESS))
    return np.where(excess > 0, tail, 1.0)


def _follow_level(step_s: int, at: Instants, values: Floats) -> tuple[Floats, Floats, Floats]:
    """What was expected, what 98 % of residuals stayed within, and the excess over that."""
    follow = _Expectation(step_s, np.zeros(max(DAY_S // step_s, 1)), float(values[0]))
    tail = Tail(MEMORY)
    expected, reach, excess = np.empty(len(at)), np.full(len(at), inf), np.zeros(len(at))
    for place, (at_us, value) in enumerate(zip(at.tolist(), values.tolist(), strict=True)):
        expected[place] = follow.learn(at_us, value)
        residual = abs(value - expected[place])
        if tail.count >= WARM_UP:
            reach[place], excess[place] = tail.quantile(), tail.excess(residual)
        tail.add(residual)
    return expected, reach, excess


def _follow_shapes(step_s: int, at: Instants, values: Floats) -> tuple[Floats, Floats]:
    """The score of each point, and the highest of its terms."""
    shapes, same_time = Shapes(), find_same_time(at, step_s)
    tails = [(Tail(MEMORY), Tail(MEMORY)) for _ in DECAYS]
    score, highest = np.zeros(len(at)), np.zeros(len(at))
    for place in range(len(at)):
        shapes.add(values, place)
        near = same_time.before(place)
        for number, (any_time, this_time) in enumerate(tails):
            all_excess = _excess(any_time, shapes.nearest(number))
            of_time = _excess(this_time, shapes.nearest_of(number, near))
            score[place] += (1 - SAME_TIME_SHARE) * all_excess + SAME_TIME_SHARE * of_time
            highest[place] = max(highest[place], all_excess, of_time)
    return score / len(DECAYS), highest


def _excess(tail: Tail, distance: float | None) -> float:
    """Of a distance, which is learned; 0 where there is none, or too few to compare with."""
    if distance is None:
        return 0.0
    excess = tail.excess(distance) if tail.count >= WARM_UP else 0.0
    tail.add(distance)
    return min(max(excess, LEAST_TERM), MOST_EXCESS)
