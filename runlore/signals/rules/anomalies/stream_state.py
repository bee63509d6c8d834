"""Judge new points of many series at once, with a small state per series.

A state is one record of STATE, 176 bytes, whatever the length of the series: it is read, stepped
and written for all series of a batch by numpy.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.signals.rules.series.grid import SECOND_US, Floats, Instants

HOURS = 24
LEARNING = 30  # points before a series is judged
SEASON_DAYS = 2.0  # before the hour of the day counts
LEVEL_RATE, SCALE_RATE, HOUR_RATE, STEP_RATE = 0.05, 0.02, 0.1, 0.1
LARGEST_RESIDUAL = 3.0  # standard deviations; what is learned is cut to that
FREEDOM = 8.0  # degrees, of the distribution of residuals
SIGMA = np.sqrt(np.pi / 2)  # standard deviation of normal residuals by their mean absolute one
USUAL = 1e-3  # a point that is more probable is calm
CALM = 3  # calm points in a row that end a deviation
FLAT, FLAT_TIMES = 30, 10  # equal values in a row, also by the longest run before
LIVE = 20  # points in a row that came soon after their time, before a series can be missing
LIVE_LAG_S, LIVE_STEPS = 60.0, 3.0
MISSING_S, MISSING_STEPS = 60.0, 5.0

NONE, VALUE, IS_FLAT, IS_MISSING = 0, 1, 2, 3
SORTS = ("", "value", "flat", "missing")

STATE = np.dtype(
    [
        ("last_us", "<i8"),
        ("level", "<f8"),
        ("scale", "<f8"),
        ("value", "<f8"),
        ("first_us", "<i8"),
        ("step_s", "<f4"),
        ("seen", "<u4"),
        ("live", "<u4"),
        ("run", "<u4"),
        ("longest_run", "<u4"),
        ("calm", "<u2"),
        ("sort", "<u2"),
        ("raw", "<f8"),  # of a counter, whose rate is judged
        ("is_counter", "<u8"),
        ("hours", "<f4", (HOURS,)),
    ]
)
States = NDArray[np.void]
Bools = NDArray[np.bool_]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Deviations:
    """Series that have just left what is usual. series: index into the states; sort: of SORTS.

    low, high: four standard deviations around the expected value. probability: of a point so far
    off or further; NaN where it is not known, of flat and missing series.
    """

    series: Indices
    sort: Indices
    since_us: Instants
    seen: Floats
    expected: Floats
    low: Floats
    high: Floats
    probability: Floats


@dataclass(frozen=True)
class Judged:
    """started, ended: in the order in which it happened to each series.

    late: points that were not newer than the newest of their series; they change nothing.
    """

    started: tuple[Deviations, ...]
    ended: tuple[Indices, ...]
    late: int


def start(count: int) -> States:
    """States that have seen nothing."""
    states = np.zeros(count, STATE)
    states["last_us"] = np.iinfo(np.int64).min
    return states


def observe(
    states: States, series: Indices, at: Instants, value: Floats, now_us: int, threshold: float
) -> Judged:
    """Judge points, then learn them; `states` is changed.

    series: index into the states of each point; points must be in order of time within a series.
    now_us: when they came. threshold: what is less probable is a deviation.
    """
    is_number = np.isfinite(value)
    turn = _turns(series[is_number])
    started: list[Deviations] = []
    ended: list[Indices] = []
    late = int((~is_number).sum())
    order = np.argsort(turn, kind="stable")
    bounds = np.flatnonzero(np.diff(turn[order])) + 1
    for part in np.split(np.flatnonzero(is_number)[order], bounds):
        new = part[at[part] > states["last_us"][series[part]]]
        late -= len(new)
        new, judged = _as_rates(states, series, at, value, new)
        begun, over = _step(states, series[new], at[new], judged, now_us, threshold)
        started += [begun] if len(begun.series) else []
        ended += [over] if len(over) else []
    return Judged(tuple(started), tuple(ended), late + int(is_number.sum()))


def learn(states: States, series: Indices, at: Instants, value: Floats) -> None:
    """Learn past points, whatever they are; `states` is changed. Arguments as of `observe`."""
    observe(states, series, at, value, np.iinfo(np.int64).max // 2, -1.0)
    chosen = np.unique(series)
    states["sort"][chosen] = NONE


def miss(states: States, series: Indices) -> Deviations:
    """Mark series as missing, since their last point; those that deviate already stay as they are.

    `states` is changed.
    """
    series = series[states["sort"][series] == NONE]
    chosen = states[series]
    expected, sigma = _expected(chosen, chosen["last_us"]), _sigma(chosen)
    chosen["sort"], chosen["calm"] = IS_MISSING, 0
    states[series] = chosen
    return Deviations(
        series,
        chosen["sort"].astype(np.int64),
        chosen["last_us"].copy(),
        chosen["value"].copy(),
        expected,
        expected - 4 * sigma,
        expected + 4 * sigma,
        np.full(len(series), np.nan),
    )


def due_us(states: States, now_us: int) -> Instants:
    """When a series without a further point is missing; 0: never, its points do not come live."""
    patience_s = np.maximum(MISSING_STEPS * states["step_s"], MISSING_S)
    is_live = (states["live"] >= LIVE) & (states["sort"] != IS_MISSING)
    return np.where(is_live, now_us + (patience_s * SECOND_US).astype(np.int64), 0)


def tail(z: Floats) -> Floats:
    """Two-sided tail of Student's distribution with eight degrees of freedom.

    >>> [float(f"{p:.3g}") for p in tail(np.array([0.0, 2.306, 5.041]))]
    [1.0, 0.05, 0.001]
    """
    cos2 = FREEDOM / (FREEDOM + z * z)
    sine = np.abs(z) / np.sqrt(FREEDOM + z * z)
    inner = sine * (1 + cos2 / 2 + 3 / 8 * cos2**2 + 5 / 16 * cos2**3)
    far = 35 / 128 * cos2**4  # the first term of what is left, without cancellation
    return np.where(cos2 < 0.05, far, np.maximum(1 - inner, far))


def _turns(series: Indices) -> Indices:
    """The how-manieth point of its series each is."""
    order = np.argsort(series, kind="stable")
    ranked = series[order]
    is_first = np.r_[True, ranked[1:] != ranked[:-1]][: len(ranked)]
    begins = np.maximum.accumulate(np.where(is_first, np.arange(len(ranked)), 0))
    turn = np.empty(len(series), np.int64)
    turn[order] = np.arange(len(ranked)) - begins
    return turn


def _as_rates(
    states: States, series: Indices, at: Instants, value: Floats, places: Indices
) -> tuple[Indices, Floats]:
    """The points at places that can be judged, and their values: rates a second of counters.

    The first point of a counter has no rate. A counter that fell began anew at 0.
    """
    rows, given = series[places], value[places].astype(float)
    old = states[rows]
    is_counter = old["is_counter"] > 0
    if not is_counter.any():
        return places, given
    is_first = is_counter & (old["last_us"] == np.iinfo(np.int64).min)
    last_us = np.where(is_first, at[places] - SECOND_US, old["last_us"])
    grown = np.where(given >= old["raw"], given - old["raw"], given)
    judged = np.where(is_counter, grown / ((at[places] - last_us) / SECOND_US), given)
    states["raw"][rows] = given
    states["last_us"][rows[is_first]] = at[places][is_first]
    return places[~is_first], judged[~is_first]


def _hour(at: Instants) -> Indices:
    return at // (3600 * SECOND_US) % HOURS


def _expected(states: States, at: Instants) -> Floats:
    days = (states["last_us"] - states["first_us"]) / (86_400 * SECOND_US)
    hours = states["hours"][np.arange(len(states)), _hour(at)]
    return np.asarray(states["level"] + np.where(days >= SEASON_DAYS, hours, 0.0))


def _sigma(states: States) -> Floats:
    return np.asarray(np.maximum(SIGMA * states["scale"], 1e-6 * np.abs(states["level"])))


def _step(
    states: States, series: Indices, at: Instants, value: Floats, now_us: int, threshold: float
) -> tuple[Deviations, Indices]:
    """One newer point of each of some series."""
    old = states[series]
    expected, sigma = _expected(old, at), _sigma(old)
    residual = value - expected
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(sigma > 0, residual / sigma, 0.0)
    probability = np.where(old["seen"] >= LEARNING, tail(z), 1.0)
    new = _learn(old, at, value, residual, sigma)
    _note_arrival(old, new, at, now_us)
    is_flat = _run(old, new, value)
    sort = np.where(probability < threshold, VALUE, np.where(is_flat, IS_FLAT, NONE))
    was_out = old["sort"] != NONE
    calm = np.where(probability > USUAL, new["calm"] + 1, 0)
    new["calm"] = np.where(was_out, np.minimum(calm, CALM), 0)
    is_back = (old["sort"] == IS_FLAT) & ~is_flat | (old["sort"] == IS_MISSING)
    is_over = was_out & (is_back | ((old["sort"] == VALUE) & (new["calm"] >= CALM)))
    new["sort"] = np.where(was_out & ~is_over, old["sort"], np.where(is_over, NONE, sort))
    begins = ~was_out & (sort != NONE)
    states[series] = new
    return _deviations(series, new, (at, value, expected, sigma, probability), begins), series[
        is_over
    ]


def _deviations(
    series: Indices,
    new: States,
    found: tuple[Instants, Floats, Floats, Floats, Floats],
    begins: Bools,
) -> Deviations:
    at = found[0][begins]
    value, expected, sigma, probability = (column[begins] for column in found[1:])
    sort = new["sort"][begins].astype(np.int64)
    low, high = expected - 4 * sigma, expected + 4 * sigma
    known = np.where(sort == VALUE, probability, np.nan)
    return Deviations(series[begins], sort, at, value, expected, low, high, known)


def _learn(old: States, at: Instants, value: Floats, residual: Floats, sigma: Floats) -> States:
    new = old.copy()
    seen = old["seen"].astype(float)
    cut = LARGEST_RESIDUAL * sigma
    learned = np.where(seen >= LEARNING, np.clip(residual, -cut, cut), residual)
    learned = np.where(sigma > 0, learned, residual)
    rate = np.maximum(1 / (seen + 1), LEVEL_RATE)
    new["level"] = old["level"] + rate * learned
    scale_rate = np.maximum(1 / np.maximum(seen, 1), SCALE_RATE)
    grown = old["scale"] + scale_rate * (np.abs(learned) - old["scale"])
    new["scale"] = np.where(seen >= 1, grown, 0.0)
    rows, hour = np.arange(len(old)), _hour(at)
    new["hours"][rows, hour] += (HOUR_RATE * rate * learned).astype(np.float32)
    new["first_us"] = np.where(seen == 0, at, old["first_us"])
    gap_s = np.where(seen == 0, 0, at - old["last_us"]) / SECOND_US
    usual = np.where(seen <= 1, gap_s, np.minimum(gap_s, 3 * old["step_s"]))
    step_rate = np.maximum(1 / np.maximum(seen, 1), STEP_RATE)
    new["step_s"] = np.where(seen == 0, 0, old["step_s"] + step_rate * (usual - old["step_s"]))
    new["seen"], new["last_us"], new["value"] = old["seen"] + 1, at, value
    return new


def _note_arrival(old: States, new: States, at: Instants, now_us: int) -> None:
    lag_s = (now_us - at) / SECOND_US
    is_live = np.abs(lag_s) <= LIVE_LAG_S + LIVE_STEPS * new["step_s"]
    new["live"] = np.where(is_live, old["live"] + 1, 0)


def _run(old: States, new: States, value: Floats) -> Bools:
    """Whether a series that used to change has stopped to."""
    is_same = (value == old["value"]) & (old["seen"] > 0)
    new["run"] = np.where(is_same, old["run"] + 1, 1)
    ended = np.where(is_same | (old["sort"] == IS_FLAT), 0, old["run"])
    new["longest_run"] = np.maximum(old["longest_run"], ended)
    longest = np.maximum(FLAT, FLAT_TIMES * new["longest_run"])
    has_changed = (old["longest_run"] > 0) & (old["seen"] >= 2 * FLAT)
    return np.asarray(has_changed & (new["run"] >= longest))
