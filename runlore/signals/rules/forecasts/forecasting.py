"""Forecast one series: combine what was right about its past, and say how sure that is."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from runlore.kernel.errors import Refused
from runlore.signals.rules.forecasts import bands, rolling_origin
from runlore.signals.rules.forecasts.forecasters import BASELINE, forecasters, seasonal_naive
from runlore.signals.rules.forecasts.past import prepare
from runlore.signals.rules.forecasts.rare_events import (
    EVENT_RATE,
    UsualValue,
    are_surprises,
    beyond,
    event_rate,
    find_usual_value,
    on_its_side,
    reach,
)
from runlore.signals.rules.forecasts.rolling_origin import Trials
from runlore.signals.rules.series.grid import Floats, SeriesGrid
from runlore.signals.rules.series.seasons import Seasons, find_seasons

LEAST_POINTS = 12
MOST_GAPS = 0.5  # of the steps
SQUARED = 2.0


@dataclass(frozen=True)
class Bounds:
    """What no value of a series can be below or above, such as 0 and 100 of per cent."""

    lower: float = -np.inf
    upper: float = np.inf


UNBOUNDED = Bounds()


@dataclass(frozen=True)
class Skill:
    """How the forecast did on the past, beside the last season again.

    error, baseline_error: mean absolute errors in the series' unit, over `origins` forecasts that
    had not seen what came. gain: the share of the baseline's error that is gone; below 0 it is
    worse. coverage: the share of values that bands held, which had not seen them either.
    """

    origins: int
    error: float
    baseline_error: float
    gain: float
    coverage: float


@dataclass(frozen=True)
class Forecast:
    """value, low, high: one each a step, from `start_us` on, every `step_s` seconds.

    baseline: the last season again, of the same length. level: the share of values to come that
    should lie between low and high. weights: of the ways that were combined. note: what a
    reader should know; empty: nothing. changed_us: when the newest level began; None: the level
    never shifted.
    """

    start_us: int
    step_s: int
    value: Floats
    low: Floats
    high: Floats
    baseline: Floats
    level: float
    seasons: Seasons
    weights: Mapping[str, float]
    skill: Skill
    note: str = ""
    changed_us: int | None = None


@dataclass(frozen=True)
class LearnedForecaster:
    """What the past of a series taught about how to forecast it.

    seasons: that it was learned with. weights: of the ways that are combined. half: half the width
    of the band at each step ahead. note: what a reader should know; empty: nothing.
    """

    seasons: Seasons
    weights: Mapping[str, float]
    half: Floats
    level: float
    skill: Skill
    note: str = ""


def forecast(
    grid: SeriesGrid, horizon: int, level: float = 0.9, bounds: Bounds = UNBOUNDED
) -> Forecast:
    """The next `horizon` steps of a series.

    The past before a lasting shift of the level is moved to the newest level. Where the
    combination was no better on the past than the last season again, that is the forecast, and the
    note says so. Raises Refused with the reason where nothing can be checked.
    """
    return apply(learn(grid, horizon, level, bounds), grid, bounds)


def learn(
    grid: SeriesGrid, horizon: int, level: float = 0.9, bounds: Bounds = UNBOUNDED
) -> LearnedForecaster:
    """Choose how to forecast a series by rolling origin, and how wide its band has to be.

    Raises Refused with the reason where nothing can be checked.
    """
    _check_points(grid.values)
    seasons = find_seasons(grid.step_s, len(grid.values))
    past = prepare(grid, seasons, horizon)
    ways = forecasters(past.values, seasons)
    usual = None if past.changed_us else find_usual_value(past.observed)
    if usual:
        ways[EVENT_RATE] = event_rate(usual)
    trials = rolling_origin.try_all(past.values, past.observed, ways, seasons, horizon)
    if trials is None:
        raise Refused(_too_short(grid, horizon, seasons))
    limits = _limits(past.values, bounds)
    if usual:
        found = _learn_events(trials, usual, level, seasons)
        if found:
            return found
        trials = trials.without(EVENT_RATE)
    combined = _within(rolling_origin.combine_without_self(trials), limits) - trials.actual
    baseline = trials.forecasts[BASELINE] - trials.actual
    is_better = np.nanmean(np.abs(combined)) < np.nanmean(np.abs(baseline))
    chosen = combined if is_better else baseline
    return LearnedForecaster(
        seasons,
        rolling_origin.weigh(trials.errors()) if is_better else {BASELINE: 1.0},
        bands.half_widths(chosen, level, seasons.short),
        level,
        _skill(chosen, baseline, bands.coverage(chosen, level, seasons.short)),
        "" if is_better else _no_better(seasons),
    )


def _learn_events(
    trials: Trials, usual: UsualValue, level: float, seasons: Seasons
) -> LearnedForecaster | None:
    """Where events come as surprises, forecast their mean; the band reaches to the usual value.

    Ways are weighed by squared errors, as absolute ones are least for the usual value.
    """
    made = on_its_side(rolling_origin.combine_without_self(trials, SQUARED), usual)
    if not are_surprises(made, trials.actual, usual):
        return None
    combined, baseline = made - trials.actual, trials.forecasts[BASELINE] - trials.actual
    is_better = np.nanmean(combined**2) < np.nanmean(baseline**2)
    chosen = combined if is_better else baseline
    over = beyond(chosen, usual)
    weights = rolling_origin.weigh(trials.errors(SQUARED))
    return LearnedForecaster(
        seasons,
        weights if is_better else {BASELINE: 1.0, EVENT_RATE: 0.0},
        bands.half_widths(over, level, seasons.short),
        level,
        _skill(chosen, baseline, bands.coverage(over, level, seasons.short)),
        "" if is_better else _no_better(seasons),
    )


def apply(learned: LearnedForecaster, grid: SeriesGrid, bounds: Bounds = UNBOUNDED) -> Forecast:
    """Continue a series as was learned before, as far as was learned: without a search.

    Raises Refused where the series has lost what it was learned with, such as a season.
    """
    seasons, half, ahead = learned.seasons, learned.half, grid.places_ahead(len(learned.half))
    horizon = int(ahead.max()) + 1
    _check_points(grid.values)
    past = prepare(grid, seasons, horizon)
    ways = forecasters(past.values, seasons)
    usual = find_usual_value(past.observed) if EVENT_RATE in learned.weights else None
    if usual:
        ways[EVENT_RATE] = event_rate(usual)
    if missing := sorted(learned.weights.keys() - ways.keys()):
        raise Refused(f"the series cannot be forecast by {missing[0]!r} any more")
    made = {name: ways[name](past.values, seasons, horizon) for name in learned.weights}
    middle = rolling_origin.combine(_finite(made, past.values, seasons), learned.weights)
    if past.holidays:
        middle = past.holidays.apply(middle)
        half = past.holidays.widen(half, ahead, learned.level)
    limits = _limits(past.raw, bounds)
    middle = _within(middle[ahead], limits)
    low, high = middle - half, middle + half
    if usual:
        middle = on_its_side(middle, usual)
        low, high = reach(middle - half, middle + half, usual)
    return Forecast(
        grid.end_us,
        grid.step_s,
        middle,
        _within(low, limits),
        _within(high, limits),
        seasonal_naive(past.raw, seasons, horizon)[ahead],
        learned.level,
        seasons,
        learned.weights,
        learned.skill,
        learned.note,
        past.changed_us,
    )


def _skill(errors: Floats, baseline: Floats, coverage: float) -> Skill:
    error, usual = (float(np.nanmean(np.abs(each))) for each in (errors, baseline))
    gain = 1 - error / usual if usual > 0 else 0.0
    return Skill(len(errors), error, usual, gain, coverage)


def _check_points(observed: Floats) -> None:
    points = int(np.isfinite(observed).sum())
    if points < LEAST_POINTS:
        raise Refused(f"{points} steps have a value; a forecast needs at least {LEAST_POINTS}")
    if points < (1 - MOST_GAPS) * len(observed):
        share = 1 - points / len(observed)
        raise Refused(f"{share:.0%} of the steps have no value; choose a longer step")


def _too_short(grid: SeriesGrid, horizon: int, seasons: Seasons) -> str:
    least = rolling_origin.least_steps(seasons, horizon)
    return (
        f"the series has {len(grid.values)} steps, too few to check a forecast of {horizon}"
        f" steps on the past; it needs about {least}, or a shorter horizon"
    )


def _no_better(seasons: Seasons) -> str:
    again = "the last season again" if seasons.short > 1 else "the last value again"
    return f"nothing was better on the past than {again}, so that is the forecast"


def _limits(past: Floats, bounds: Bounds) -> Bounds:
    """A series that was never below 0 does not go there; one that was outside is not held."""
    lower = max(bounds.lower, 0.0) if past.min() >= 0 else bounds.lower
    return Bounds(min(lower, past.min()), max(bounds.upper, past.max()))


def _within(values: Floats, limits: Bounds) -> Floats:
    return np.clip(values, limits.lower, limits.upper)


def _finite(made: Mapping[str, Floats], values: Floats, seasons: Seasons) -> dict[str, Floats]:
    return {
        name: one if np.isfinite(one).all() else seasonal_naive(values, seasons, len(one))
        for name, one in made.items()
    }
