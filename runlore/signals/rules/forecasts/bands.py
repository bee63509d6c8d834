"""Bands around a forecast: as wide as it was wrong on the past, by distance."""

from math import ceil

import numpy as np

from runlore.signals.rules.series.grid import Floats

LEAST_STEPS = 5  # of a block, so that a quantile has errors to stand on


def half_widths(errors: Floats, level: float, season: int) -> Floats:
    """Half the width of the band at each step ahead; wider further ahead.

    errors: of the forecasts of the past, shape (origins, horizon), NaN where nothing came. They are
    pooled by blocks of half a season. level: the share of values to come that the band should hold.

    Source: split conformal prediction, Vovk et al., "Algorithmic learning in a random world", 2005,
    with the errors of a rolling origin as in Stankeviciute et al., "Conformal time-series
    forecasting", 2021.
    """
    horizon = errors.shape[1]
    length = max(season // 2, LEAST_STEPS)
    widths = np.empty(horizon)
    for first in range(0, horizon, length):
        block = np.abs(errors[:, first : first + length])
        widths[first : first + length] = _quantile(block[np.isfinite(block)], level)
    return np.maximum.accumulate(np.where(np.isnan(widths), -np.inf, widths))


def coverage(errors: Floats, level: float, season: int) -> float:
    """The share of past values inside bands that were made without their own origin."""
    inside = [
        np.abs(errors[origin]) <= half_widths(np.delete(errors, origin, axis=0), level, season)
        for origin in range(len(errors))
    ]
    return float(np.mean(np.array(inside)[np.isfinite(errors)]))


def _quantile(sizes: Floats, level: float) -> float:
    """The smallest size that holds the level and one more value to come."""
    if not len(sizes):
        return np.nan
    rank = min(ceil((len(sizes) + 1) * level), len(sizes))
    return float(np.partition(sizes, rank - 1)[rank - 1])
