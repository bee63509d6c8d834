"""How a forecaster does on the newest values of a series, which it has not learned from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from runlore.kernel.errors import Refused
from runlore.signals.rules.forecasts.forecasting import (
    UNBOUNDED,
    Bounds,
    Forecast,
    LearnedForecaster,
    apply,
    learn,
)
from runlore.signals.rules.forecasts.scoring import Accuracy, compare
from runlore.signals.rules.forecasts.series_model import StoredForecaster
from runlore.signals.rules.series.grid import SeriesGrid

ORIGINS = 3


@dataclass(frozen=True)
class HoldoutScore:
    """Mean absolute errors over the points that were held out, and how many bands held.

    against: the error as a share of the champion's, from the origins that neither has learned from;
    None: there are none.
    """

    points: int
    inside: int
    error: float
    baseline_error: float
    against: float | None


def hold_out(
    grid: SeriesGrid,
    horizon: int,
    level: float,
    bounds: Bounds = UNBOUNDED,
    champion: StoredForecaster | None = None,
) -> HoldoutScore | None:
    """Learn from all but the newest values, and forecast those from up to ORIGINS origins.

    The band and the weights stay as they were learned, as they do between two trainings. None: the
    series is too short, or no point came.
    """
    cuts = _cuts(grid, horizon)
    try:
        learned = learn(grid.until(cuts[0]), horizon, level, bounds)
    except Refused:
        return None
    ours = _total(_score(learned, grid, cut, bounds) for cut in cuts)
    if ours is None or ours.error is None or ours.baseline_error is None:
        return None
    against = None if champion is None else _against(learned, champion, grid, cuts, bounds)
    return HoldoutScore(ours.points, ours.inside, ours.error, ours.baseline_error, against)


def newest_held_out(
    grid: SeriesGrid, horizon: int, level: float, bounds: Bounds = UNBOUNDED
) -> Forecast:
    """The forecast from the newest origin of `hold_out`. Raises Refused where it measures nothing.

    Its times are by UTC as of its first step.
    """
    cuts = _cuts(grid, horizon)
    learned = learn(grid.until(cuts[0]), horizon, level, bounds)
    made = apply(learned, grid.until(cuts[-1]), bounds)
    return replace(made, start_us=grid.instant(cuts[-1]))


def _against(
    learned: LearnedForecaster,
    champion: StoredForecaster,
    grid: SeriesGrid,
    cuts: Sequence[int],
    bounds: Bounds,
) -> float | None:
    """By the origins that lie after what the champion has learned from."""
    known = [cut for cut in cuts if grid.instant(cut) >= champion.until_us]
    try:
        theirs = _total(_score(champion.learned, grid, cut, bounds) for cut in known)
    except Refused:
        return None
    ours = _total(_score(learned, grid, cut, bounds) for cut in known)
    if ours is None or theirs is None or ours.error is None or not theirs.error:
        return None
    return ours.error / theirs.error


def _cuts(grid: SeriesGrid, horizon: int) -> list[int]:
    """Where the past of each origin ends, the oldest first: a third of a horizon apart."""
    apart = max(horizon // ORIGINS, 1)
    return [len(grid.values) - horizon - apart * back for back in reversed(range(ORIGINS))]


def _score(learned: LearnedForecaster, grid: SeriesGrid, cut: int, bounds: Bounds) -> Accuracy:
    ahead: Forecast = apply(learned, grid.until(cut), bounds)
    actual = grid.values[cut : cut + len(ahead.value)]
    return compare(actual, ahead.value, ahead.low, ahead.high, ahead.baseline)


def _total(scores: Iterator[Accuracy]) -> Accuracy | None:
    """Of all origins, by points; None without any."""
    seen = [one for one in scores if one.points]
    if not seen:
        return None
    points = np.array([one.points for one in seen])
    errors = np.array([[one.error, one.baseline_error] for one in seen], dtype=np.float64)
    error, baseline = np.average(errors, axis=0, weights=points)
    inside = sum(one.inside for one in seen)
    return Accuracy(int(points.sum()), inside, float(error), float(baseline))
