"""Other scores of unusual points that can be chosen by name, on the scale of the detector."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from runlore.signals.rules.anomalies import detector
from runlore.signals.rules.anomalies.shapes import MEMORY
from runlore.signals.rules.anomalies.tails import Tail
from runlore.signals.rules.series.grid import Floats, Instants

WINDOW = 500  # points of the past that a score looks at
LEAST = 50
REFIT = 250  # points between two fits
LAGS = 12
DEPTH = 4  # points of a shape


def z_scores(values: Floats) -> Floats:
    """Distance from the mean of the last WINDOW points, in their standard deviations."""
    past, scores = _past(values), np.zeros(len(values))
    with np.errstate(divide="ignore", invalid="ignore"):
        scores[LEAST:] = np.abs(values[LEAST:] - np.nanmean(past, 1)) / np.nanstd(past, 1)
    return np.nan_to_num(scores, posinf=0.0)


def quartile_scores(values: Floats) -> Floats:
    """Distance from the nearer quartile of the last WINDOW points, in interquartile ranges."""
    past, scores = _past(values), np.zeros(len(values))
    low, high = np.nanpercentile(past, [25, 75], axis=1)
    beyond = np.maximum(np.maximum(low - values[LEAST:], values[LEAST:] - high), 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores[LEAST:] = beyond / (high - low)
    return np.nan_to_num(scores, posinf=0.0)


def arima_scores(values: Floats) -> Floats:
    """Residuals of ARIMA(12, 1, 0), fitted by least squares on the past, every REFIT points."""
    steps, scores = np.diff(values), np.zeros(len(values))
    for first in range(LEAST, len(steps), REFIT):
        rows = sliding_window_view(steps[: first + REFIT], LAGS + 1)
        split = first - LAGS  # rows whose last step is before `first`
        weights = np.linalg.lstsq(rows[:split, :-1], rows[:split, -1], rcond=None)[0]
        residuals = rows[split:, -1] - rows[split:, :-1] @ weights
        scores[first + 1 : first + 1 + len(residuals)] = np.abs(residuals)
    return scores


def forest_scores(values: Floats) -> Floats:
    """Isolation forest on shapes of four points, fitted on the past, every REFIT points.

    values: of one series, or of several on one grid, shape (points, series).
    """
    from sklearn.ensemble import IsolationForest

    table = values.reshape(len(values), -1)
    shapes = sliding_window_view(table, DEPTH, axis=0).reshape(len(table) - DEPTH + 1, -1)
    scores, ahead = np.zeros(len(table)), DEPTH - 1
    for first in range(LEAST, len(shapes), REFIT):
        past = shapes[max(0, first - MEMORY) : first]
        forest = IsolationForest(n_estimators=50, random_state=0).fit(past)
        block = shapes[first : first + REFIT]
        scores[first + ahead : first + ahead + len(block)] = -forest.score_samples(block)
    return scores


FOREST = "isolation-forest"
TOGETHER = "isolation-forest-together"  # the series of each scope by one forest
METHODS: Mapping[str, Callable[[Floats], Floats]] = {
    "z-score": z_scores,
    "iqr": quartile_scores,
    "arima": arima_scores,
    FOREST: forest_scores,
}
OURS = "neighbours"


def excesses(method: str, step_s: int, at: Instants, values: Floats) -> Floats:
    """How unusual each point is, on the scale of `PointScores.score`. method: OURS or of METHODS.

    at: ascending; values: finite, of the same length.
    """
    if method == OURS:
        return detector.scan(step_s, at, values).score
    return calibrate(METHODS[method](values) if len(values) > 2 * LEAST else np.zeros(len(values)))


def calibrate(raw: Floats) -> Floats:
    """Scores of any scale as excesses over those before; the first LEAST teach nothing."""
    tail, made = Tail(MEMORY), np.zeros(len(raw))
    for place, score in enumerate(raw.tolist()):
        if tail.count >= detector.WARM_UP:
            made[place] = min(tail.excess(score), detector.MOST_EXCESS)
        if place >= LEAST:
            tail.add(score)
    return made


def _past(values: Floats) -> Floats:
    """The WINDOW points before each point from LEAST on; NaN before the first."""
    padded = np.concatenate([np.full(WINDOW - LEAST, np.nan), values[:-1]])
    return sliding_window_view(padded, WINDOW)
