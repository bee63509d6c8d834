"""Points of a stored series with what was expected of them, and how unusual each is."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from runlore.signals import queries
from runlore.signals.queries import Connection, Points, StoredSeries
from runlore.signals.rules.anomalies import detector
from runlore.signals.rules.anomalies.anomaly_scores import OURS, excesses
from runlore.signals.rules.series.grid import Floats, Instants, find_step

MOST_POINTS = 10_000
LEAST_POINTS = 2


@dataclass(frozen=True)
class ScoredSeries:
    """All arrays have the same length. excess: on the scale of `PointScores.score`."""

    series: StoredSeries
    step_s: int
    at: Instants
    values: Floats
    expected: Floats
    low: Floats
    high: Floats
    excess: Floats
    probability: Floats


def score_series(
    connection: Connection, series: StoredSeries, as_of: datetime, method: str = OURS
) -> ScoredSeries | None:
    """None: fewer than two points were known."""
    points = read_numbers(connection, series, as_of)
    return score_points(series, points, method) if len(points.at) >= LEAST_POINTS else None


def read_numbers(connection: Connection, series: StoredSeries, as_of: datetime) -> Points:
    """The newest MOST_POINTS points whose value is a number."""
    points = queries.read_points(connection, series, as_of, MOST_POINTS)
    is_number = np.isfinite(points.value)
    return Points(points.at[is_number], points.value[is_number])


def score_points(series: StoredSeries, points: Points, method: str) -> ScoredSeries:
    """points: LEAST_POINTS at least."""
    at, values = points.at, points.value
    step_s = find_step(at)
    made = detector.scan(step_s, at, values)
    excess, probability = made.score, made.probability
    if method != OURS:
        excess = excesses(method, step_s, at, values)
        probability = detector.probability_of(excess)
    bands = (made.expected, made.low, made.high)
    return ScoredSeries(series, step_s, at, values, *bands, excess, probability)
