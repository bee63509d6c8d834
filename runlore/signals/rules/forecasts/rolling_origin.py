"""Try each forecaster on the past: forecasts from several origins, against what came then."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from runlore.signals.rules.forecasts.forecasters import Forecaster, seasonal_naive
from runlore.signals.rules.series.grid import Floats
from runlore.signals.rules.series.seasons import Seasons

ORIGINS = 10
LEAST_ORIGINS = 3
LEAST_PAST_SEASONS = 2
WEIGHT_POWER = 2.0
LEAST_ERROR = 1e-9  # of the largest one, so that a perfect past divides by nothing
NO_ERROR = 1e-150  # its square can be divided by


@dataclass(frozen=True)
class Trials:
    """forecasts: name -> (origins, horizon), oldest origin first. actual: the same shape.

    NaN in `actual`: no point came then.
    """

    forecasts: Mapping[str, Floats]
    actual: Floats

    def errors(self, power: float = 1.0) -> dict[str, Floats]:
        """name -> the mean absolute error of each origin, or that of a power of the errors."""
        return {
            name: np.nanmean(np.abs(made - self.actual) ** power, axis=1)
            for name, made in self.forecasts.items()
        }

    def without(self, name: str) -> "Trials":
        return Trials({n: made for n, made in self.forecasts.items() if n != name}, self.actual)


def try_all(
    values: Floats, observed: Floats, ways: Mapping[str, Forecaster], seasons: Seasons, horizon: int
) -> Trials | None:
    """Forecast from up to ORIGINS origins; None where the series is too short for LEAST_ORIGINS.

    values: without gaps. observed: the same with NaN where no point came, which judges nothing.
    """
    least = _least_past(seasons)
    step = _origin_step(seasons, horizon, len(values) - horizon - least)
    ends = [len(values) - horizon - step * back for back in range(ORIGINS)]
    ends = [end for end in reversed(ends) if end >= least and _is_seen(observed, end, horizon)]
    if len(ends) < LEAST_ORIGINS:
        return None
    return Trials(
        {
            name: np.array([_safe(way, values[:end], seasons, horizon) for end in ends])
            for name, way in ways.items()
        },
        np.array([observed[end : end + horizon] for end in ends]),
    )


def least_steps(seasons: Seasons, horizon: int) -> int:
    """How many steps a series needs for LEAST_ORIGINS origins."""
    return _least_past(seasons) + (LEAST_ORIGINS - 1) * _shortest_step(seasons, horizon) + horizon


def weigh(errors: Mapping[str, Floats]) -> dict[str, float]:
    """Weights by the inverse of the error to the power of WEIGHT_POWER; they add up to 1.

    Source: Bates & Granger, "The combination of forecasts", 1969, without the correlations.
    """
    mean = {name: float(np.mean(of_origins)) for name, of_origins in errors.items()}
    least = max(max(mean.values()) * LEAST_ERROR, NO_ERROR)
    raw = {name: max(error, least) ** -WEIGHT_POWER for name, error in mean.items()}
    return {name: weight / sum(raw.values()) for name, weight in raw.items()}


def combine(forecasts: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    total: Floats = np.sum([weights[name] * made for name, made in forecasts.items()], axis=0)
    return total


def combine_without_self(trials: Trials, power: float = 1.0) -> Floats:
    """What the combination would have said at each origin, weighed by the other origins only.

    Shape (origins, horizon). Its errors are those of origins that the weights have not seen.
    """
    errors = trials.errors(power)
    count = len(trials.actual)
    made = []
    for origin in range(count):
        others = np.arange(count) != origin
        weights = weigh({name: error[others] for name, error in errors.items()})
        made.append(combine({name: f[origin] for name, f in trials.forecasts.items()}, weights))
    return np.array(made)


def _shortest_step(seasons: Seasons, horizon: int) -> int:
    return max(min(horizon, seasons.short), 1)


def _origin_step(seasons: Seasons, horizon: int, room: int) -> int:
    """Half a horizon, so that origins differ, or less where the room does not hold ORIGINS."""
    shortest = _shortest_step(seasons, horizon)
    fitting = min(horizon // 2, room // (ORIGINS - 1))
    return max(fitting // shortest, 1) * shortest


def _least_past(seasons: Seasons) -> int:
    return max(LEAST_PAST_SEASONS * seasons.short, 3)


def _safe(way: Forecaster, values: Floats, seasons: Seasons, horizon: int) -> Floats:
    """A past that is too short for a way is the baseline's."""
    if len(values) > seasons.long + seasons.short:
        made = way(values, seasons, horizon)
        if np.isfinite(made).all():
            return made
    return seasonal_naive(values, seasons, horizon)


def _is_seen(observed: Floats, end: int, horizon: int) -> bool:
    return bool(np.isfinite(observed[end : end + horizon]).any())
