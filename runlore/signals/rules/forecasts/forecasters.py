"""Ways to continue a series. Each takes values without gaps and gives the next ones.

All cost at most some milliseconds per series, so that a rolling origin can try each of them.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from runlore.signals.rules.series.grid import Floats
from runlore.signals.rules.series.seasons import Seasons

MOST_LAGS = 168
MOST_WINDOWS = 4_000
PENALTY = 0.01  # of the ridge, as a share of what the lags vary by
LEAST_VARIANCE = 1e-200  # of lags; below it nothing can be divided by it
SEASON_DECAY = 0.6  # weight of a season beside the one after it
DAY_DECAY = 0.7
DAYS_OF_PROFILE = 7
LEAST_SEASONS = 2
LINE_STEPS = 2.0  # seasons that the line is fitted to
DAMPING = 0.98  # of its slope, per step


Forecaster = Callable[[Floats, Seasons, int], Floats]


def seasonal_naive(values: Floats, seasons: Seasons, horizon: int) -> Floats:
    """The last season again: the baseline of every forecast."""
    return np.resize(values[-seasons.short :], horizon)


def last_value(values: Floats, _seasons: Seasons, horizon: int) -> Floats:
    return np.full(horizon, values[-1])


def recent_mean(values: Floats, seasons: Seasons, horizon: int) -> Floats:
    """The mean of the last two seasons: for series that have little rhythm."""
    return np.full(horizon, values[-2 * seasons.short :].mean())


def damped_line(values: Floats, seasons: Seasons, horizon: int) -> Floats:
    """The last season again, moved along the line of the last ones, which flattens.

    Source of the damping: Gardner & McKenzie, "Forecasting trends in time series", 1985.
    """
    length = int(max(LINE_STEPS * seasons.short, 8))
    recent = values[-length:]
    steps = np.arange(len(recent))
    slope = np.polyfit(steps, recent, 1)[0] if len(recent) > 1 else 0.0
    ahead = np.cumsum(DAMPING ** np.arange(1, horizon + 1)) * slope
    moved: Floats = seasonal_naive(values, seasons, horizon) + ahead
    return moved


def day_profile(values: Floats, seasons: Seasons, horizon: int) -> Floats:
    """The usual shape of the short season at the level of its last one."""
    return _profile(values, seasons.short, DAYS_OF_PROFILE, DAY_DECAY, seasons.short, horizon)


def week_profile(values: Floats, seasons: Seasons, horizon: int) -> Floats:
    """The usual shape of the long season at the level of the last short one."""
    return _profile(values, seasons.long, len(values), SEASON_DECAY, seasons.short, horizon)


def week_profile_at_once(values: Floats, seasons: Seasons, horizon: int) -> Floats:
    """The same at the level of the last quarter of a short season."""
    level = max(seasons.short // 4, 1)
    return _profile(values, seasons.long, len(values), SEASON_DECAY, level, horizon)


def last_week(values: Floats, seasons: Seasons, horizon: int) -> Floats:
    """The long season before, moved to the level of the last short one."""
    short, long = seasons.short, seasons.long
    before = values[-long - short : -long].mean() if len(values) >= long + short else np.nan
    moved = values[-long:] - (before if np.isfinite(before) else values[-long:].mean())
    made: Floats = np.resize(moved, horizon) + values[-short:].mean()
    return made


def lags_of_day(values: Floats, seasons: Seasons, horizon: int) -> Floats:
    """Linear in the last two short seasons."""
    return _linear(values, 2 * seasons.short, seasons, horizon)


def lags_of_week(values: Floats, seasons: Seasons, horizon: int) -> Floats:
    """Linear in the last long season."""
    return _linear(values, seasons.long, seasons, horizon)


ANY: Mapping[str, Forecaster] = {
    "last value": last_value,
    "recent mean": recent_mean,
    "damped line": damped_line,
}
OF_DAY: Mapping[str, Forecaster] = {"day profile": day_profile, "lags of a day": lags_of_day}
OF_WEEK: Mapping[str, Forecaster] = {
    "week profile": week_profile,
    "week profile, newest level": week_profile_at_once,
    "last week": last_week,
    "lags of a week": lags_of_week,
}
BASELINE = "seasonal naive"


def forecasters(values: Floats, seasons: Seasons) -> dict[str, Forecaster]:
    """Those that a series is long enough for, the baseline first.

    A series of positive values has those with a season on the logarithms, too: there a rhythm is a
    share of the level.
    """
    found: dict[str, Forecaster] = {BASELINE: seasonal_naive, **ANY}
    seasonal: dict[str, Forecaster] = {}
    if seasons.short > 1 and len(values) > 4 * seasons.short:
        seasonal |= OF_DAY
    if seasons.long and len(values) > (LEAST_SEASONS + 0.5) * seasons.long:
        seasonal |= OF_WEEK
    found |= seasonal
    if values.min() > 0:
        found |= {f"{name}, of logarithms": _of_logarithms(way) for name, way in seasonal.items()}
    return found


def _of_logarithms(way: Forecaster) -> Forecaster:
    def forecast(values: Floats, seasons: Seasons, horizon: int) -> Floats:
        logs = np.log(values)
        ahead = way(logs, seasons, horizon)
        spread = logs.max() - logs.min()  # a line through logarithms may leave every measure
        made: Floats = np.exp(np.clip(ahead, logs.min() - spread, logs.max() + spread))
        return made

    return forecast


def _profile(
    values: Floats, length: int, most: int, decay: float, level: int, horizon: int
) -> Floats:
    """A season's shape, newer ones weighing more, at the level of the last `level` steps."""
    count = min(len(values) // length, most)
    recent = values[-count * length :].reshape(count, length)
    weights = decay ** np.arange(count)[::-1]
    shapes = recent - recent.mean(axis=1, keepdims=True)
    shape = weights @ shapes / weights.sum()
    rest = values[-level:] - np.resize(shape, count * length)[-level:]
    made: Floats = np.resize(shape, horizon) + rest.mean()
    return made


def _linear(values: Floats, lags: int, seasons: Seasons, horizon: int) -> Floats:
    """Ridge regression from the last `lags` steps to the next ones, around the seasonal naive.

    Windows are moved to the level of their last short season. What lies more than two seasons ahead
    is forecast from forecasts.

    Source: Zeng et al., "Are transformers effective for time series forecasting?", 2023, whose
    linear map this is, fitted in closed form and shrunk to the last season.
    """
    ahead = min(horizon, 2 * seasons.short)
    if len(values) < lags + ahead:
        return seasonal_naive(values, seasons, horizon)
    level, width = seasons.short, -(-lags // MOST_LAGS)
    windows = sliding_window_view(values, lags + ahead)
    windows = windows[:: -(-len(windows) // MOST_WINDOWS)]
    middle = windows[:, lags - level : lags].mean(axis=1, keepdims=True)
    inputs = _blocks(windows[:, :lags] - middle, width)
    naive = np.arange(ahead) % level + lags - level
    targets = windows[:, lags:] - windows[:, naive]
    spread = inputs.var()
    if spread < LEAST_VARIANCE:
        return seasonal_naive(values, seasons, horizon)
    gram = inputs.T @ inputs
    ridge = PENALTY * len(inputs) * spread
    slopes = np.linalg.solve(gram + ridge * np.eye(len(gram)), inputs.T @ targets)
    return _ahead(values, slopes, lags, width, seasons, horizon)


def _ahead(
    values: Floats, slopes: Floats, lags: int, width: int, seasons: Seasons, horizon: int
) -> Floats:
    """Apply the slopes again and again until the horizon is reached."""
    known = values[-lags:]
    made = np.empty(0)
    while len(made) < horizon:
        window = np.concatenate([known, made])[-lags:]
        inputs = _blocks((window - window[-seasons.short :].mean())[None], width)[0]
        naive = np.resize(window[-seasons.short :], slopes.shape[1])
        made = np.concatenate([made, naive + inputs @ slopes])
    return made[:horizon]


def _blocks(windows: Floats, width: int) -> Floats:
    """Means of `width` steps each, counted from the newest, so that long seasons stay few lags."""
    if width == 1:
        return windows
    count = windows.shape[1] // width
    means: Floats = windows[:, -count * width :].reshape(len(windows), count, width).mean(axis=2)
    return means
