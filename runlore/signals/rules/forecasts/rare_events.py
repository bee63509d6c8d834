"""Series that mostly have one value, such as 0 errors or 100 per cent, and rarely another."""

from dataclasses import dataclass

import numpy as np

from runlore.signals.rules.forecasts.forecasters import Forecaster
from runlore.signals.rules.series.grid import Floats
from runlore.signals.rules.series.seasons import Seasons

EVENT_RATE = "event rate"
LEAST_SHARE = 0.5  # of the steps that have the usual value
MOST_TOLD = 0.25  # of the distance that is expected of events; below it, rhythm says when they come
EVENTS_SMOOTHED = 20
SIZE_SMOOTHING = 0.1
LEAST_SMOOTHING, MOST_SMOOTHING = 0.001, 0.1


@dataclass(frozen=True)
class UsualValue:
    """The lowest or the highest value of a series, where most steps have it."""

    value: float
    is_lowest: bool


def find_usual_value(values: Floats) -> UsualValue | None:
    """None where values differ, and where all are the same. values: at least one is no NaN."""
    known = values[np.isfinite(values)]
    low, high = float(known.min()), float(known.max())
    if low == high:
        return None
    if np.mean(known == low) >= LEAST_SHARE:
        return UsualValue(low, is_lowest=True)
    if np.mean(known == high) >= LEAST_SHARE:
        return UsualValue(high, is_lowest=False)
    return None


def are_surprises(made: Floats, actual: Floats, usual: UsualValue) -> bool:
    """Whether forecasts could not tell steps with an event from those with the usual value."""
    seen, expected = np.isfinite(actual), np.abs(made - usual.value)
    is_usual = seen & (actual == usual.value)
    if not is_usual.any() or not (seen & ~is_usual).any():
        return True
    told = expected[is_usual].mean() / max(expected[seen & ~is_usual].mean(), np.finfo(float).tiny)
    return bool(told >= MOST_TOLD)


def beyond(errors: Floats, usual: UsualValue) -> Floats:
    """How far what came lies beyond a forecast, away from the usual value; 0 on this side of it.

    errors: of forecasts, less what came.
    """
    return np.maximum(-errors if usual.is_lowest else errors, 0.0)


def reach(low: Floats, high: Floats, usual: UsualValue) -> tuple[Floats, Floats]:
    """A band that reaches to the usual value."""
    edge = np.full(len(low), usual.value)
    return (edge, np.maximum(high, edge)) if usual.is_lowest else (np.minimum(low, edge), edge)


def on_its_side(made: Floats, usual: UsualValue) -> Floats:
    """Forecasts that do not go where nothing was seen: beyond the usual value."""
    return np.maximum(made, usual.value) if usual.is_lowest else np.minimum(made, usual.value)


def event_rate(usual: UsualValue) -> Forecaster:
    """A way: the smoothed chance of an event, times the smoothed size of events.

    Source: Teunter, Syntetos & Babai, "Intermittent demand: linking forecasting to inventory
    obsolescence", 2011.
    """

    def forecast(values: Floats, _seasons: Seasons, horizon: int) -> Floats:
        sizes = values - usual.value
        is_event = sizes != 0
        if not is_event.any():
            return np.full(horizon, usual.value)
        smoothing = float(
            np.clip(is_event.mean() / EVENTS_SMOOTHED, LEAST_SMOOTHING, MOST_SMOOTHING)
        )
        chance = _smoothed(is_event.astype(float), smoothing)
        return np.full(horizon, usual.value + chance * _smoothed(sizes[is_event], SIZE_SMOOTHING))

    return forecast


def _smoothed(values: Floats, smoothing: float) -> float:
    """Exponentially, from the mean of all on."""
    weights = smoothing * (1 - smoothing) ** np.arange(len(values))[::-1]
    return float(weights @ values + (1 - weights.sum()) * values.mean())
