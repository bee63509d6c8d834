"""A detector of unusual points that learns one point at a time.

A state per series: `start` it, `observe` its points in the order of time; `scan` does so for points
that are there already. `dump` and `load` turn a state into bytes and back.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import exp, inf, isfinite, sqrt

import numpy as np

from runlore.kernel.errors import BadInput
from runlore.signals.rules.grid import Floats, Instants
from runlore.signals.rules.seasons import DAY_S
from runlore.signals.rules.tails import QUANTILE, Tail

DEPTH = 4  # points that are compared with the past as one shape
NEIGHBOURS = 3
APART = 6  # points between a shape and its neighbours, so that none is its own
MEMORY = 2_000  # points that are compared with
WARM_UP = 100  # scores before any probability is given
LEVEL_RATE = 0.02
SEASON_RATE = 0.3
MOST_EXCESS = 700.0  # so that its probability stays above 0
SECOND_US = 1_000_000
MAGIC = b"RLD1"
HEADER = struct.Struct("<4sqqqdqq")


@dataclass(frozen=True, slots=True)
class PointScore:
    """expected: by level and time of the day. low, high: what 98 % of residuals stay within.

    score: excess over what 98 % of the past stayed below, in units of the mean excess; 0 while the
    series is learned. tail_probability: of such a score or a higher one; 1 while it is learned.
    """

    at_us: int
    value: float
    expected: float
    low: float
    high: float
    score: float
    tail_probability: float


@dataclass(slots=True)
class DetectorState:
    """What is kept of one series. values: its newest points, the first `used` of the array."""

    step_s: int
    season: Floats
    values: Floats = field(default_factory=lambda: np.empty(64))
    used: int = 0
    seen: int = 0
    last_us: int = -(2**62)
    level: float = 0.0
    distances: Tail = field(default_factory=lambda: Tail(MEMORY))
    residuals: Tail = field(default_factory=lambda: Tail(MEMORY))


def start(step_s: int) -> DetectorState:
    """A state that has seen nothing. step_s: the usual distance of points, in whole seconds."""
    if step_s < 1:
        raise BadInput(f"step_s: {step_s} is not at least 1", "step_s")
    return DetectorState(step_s, np.zeros(max(DAY_S // step_s, 1)))


def observe(state: DetectorState, at_us: int, value: float) -> PointScore | None:
    """Score a point, then learn it. None: not newer than the last point, or not a finite number.

    Source: k nearest neighbours of delay vectors as in Burnaev & Ishimtsev, "Conformalized density-
    and distance-based anomaly detection in time-series data", 2016; the exceedances as exponential
    by Balkema & de Haan, "Residual life time at great age", 1974.
    """
    if at_us <= state.last_us or not isfinite(value):
        return None
    reach = state.residuals.quantile() if state.residuals.count >= WARM_UP else inf
    expected = _learn_season(state, at_us, value)
    _append(state, value)
    excess, probability = _judge(state)
    state.last_us = at_us
    state.seen += 1
    low, high = expected - reach, expected + reach
    return PointScore(at_us, value, expected, low, high, excess, probability)


def scan(state: DetectorState, at: Instants, values: Floats) -> Iterator[PointScore]:
    """The scores of many points, in their order; those that `observe` would skip are left out."""
    for at_us, value in zip(at.tolist(), values.tolist(), strict=True):
        score = observe(state, at_us, value)
        if score is not None:
            yield score


def probability_of(excess: float) -> float:
    """Of an excess or a higher one, if exceedances are exponential; 1 below the quantile's body.

    >>> round(probability_of(0.0), 4), round(probability_of(5.0), 6)
    (0.02, 0.000135)
    """
    return min((1 - QUANTILE) * exp(-min(excess, MOST_EXCESS)), 1.0) if excess > -10 else 1.0


def dump(state: DetectorState) -> bytes:
    """The state as bytes; `load` continues exactly where it stopped."""
    kept = state.values[: state.used]
    head = HEADER.pack(
        MAGIC, state.step_s, state.seen, state.last_us, state.level, len(state.season), state.used
    )
    return b"".join(
        [
            head,
            state.season.astype("<f8").tobytes(),
            kept.astype("<f8").tobytes(),
            state.distances.dump(),
            state.residuals.dump(),
        ]
    )


def load(data: bytes) -> DetectorState:
    """A state from what `dump` made.

    Raises BadInput for bytes that are no state.
    """
    try:
        magic, step_s, seen, last_us, level, slots, used = HEADER.unpack_from(data)
        if magic != MAGIC or not 0 <= used <= 2 * MEMORY or not 0 < slots <= DAY_S:
            raise ValueError("no state of a detector")
        season = np.frombuffer(data, "<f8", slots, HEADER.size).astype(np.float64)
        place = HEADER.size + 8 * slots
        kept = np.frombuffer(data, "<f8", used, place).astype(np.float64)
        place += 8 * used
        distances, place = Tail.load(data, place, MEMORY)
        residuals, place = Tail.load(data, place, MEMORY)
        if place != len(data):
            raise ValueError("bytes are left over")
    except (ValueError, struct.error) as error:
        raise BadInput(f"not the state of a detector: {error}") from error
    values = np.empty(_capacity(used))
    values[:used] = kept
    return DetectorState(step_s, season, values, used, seen, last_us, level, distances, residuals)


def _judge(state: DetectorState) -> tuple[float, float]:
    distance = _distance(state)
    if distance is None:
        return 0.0, 1.0
    tail = state.distances
    excess = tail.excess(distance) if tail.count >= WARM_UP else None
    tail.add(distance)
    return (0.0, 1.0) if excess is None else (excess, probability_of(excess))


def _distance(state: DetectorState) -> float | None:
    """To the NEIGHBOURS-th nearest shape of the past; None where the past is too short."""
    x, last = state.values, state.used - 1
    low, high = max(0, last - MEMORY) + DEPTH - 1, last - APART
    if high - low <= NEIGHBOURS:
        return None
    squares = np.subtract(x[low:high], x[last])
    np.multiply(squares, squares, out=squares)
    for back in range(1, DEPTH):
        gap = x[low - back : high - back] - x[last - back]
        gap *= gap
        squares += gap
    for _ in range(NEIGHBOURS - 1):
        squares[squares.argmin()] = inf
    return sqrt(squares[squares.argmin()])


def _learn_season(state: DetectorState, at_us: int, value: float) -> float:
    """What was expected; then the level and the time of the day move towards the residual."""
    if not state.seen:
        state.level = value
    slot = at_us // SECOND_US // state.step_s % len(state.season)
    expected = state.level + float(state.season[slot])
    residual = value - expected
    state.level += LEVEL_RATE * residual
    state.season[slot] += SEASON_RATE * residual
    state.residuals.add(abs(residual))
    return expected


def _append(state: DetectorState, value: float) -> None:
    if state.used == len(state.values):
        kept = min(state.used, MEMORY + DEPTH)
        values = np.empty(_capacity(kept))
        values[:kept] = state.values[state.used - kept : state.used]
        state.values, state.used = values, kept
    state.values[state.used] = value
    state.used += 1


def _capacity(used: int) -> int:
    return min(max(64, 2 * used), 2 * MEMORY)
