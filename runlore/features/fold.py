"""The one fold: `read(state, as_of) -> values` and `update(state, event) -> state`, compiled once.

Training runs both over the whole log, serving runs them one event at a time on a state that
rests in PostgreSQL as float8. There is no second implementation but the slow one in the tests.

A state is one float64 vector per key. With H half-lives and V values::

    0                 instant of the last submission, µs since 1970 (NaN: none)
    1                 work in flight: submitted, outcome not yet known
    2                 instant of the last outcome, µs (NaN: none)
    3 .. 3+H          decayed count of submissions, one per half-life
    then, per value:  last, its execution, the one before, its execution,
                      and per half-life: decayed count, sum, sum of squares

Counts fade by ``2 ** -(age / half_life)`` (an exponentially decayed window: Cohen & Strauss,
"Maintaining time-decaying stream aggregates", 2003); all of it is O(1) per event.
"""

import math

import numba
import numpy as np
from numpy.typing import NDArray

SUBMISSION, OUTCOME, CORRECTION = 0, 1, 2

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LAST_SUBMISSION, IN_FLIGHT, LAST_OUTCOME, COUNTS = 0, 1, 2, 3
LAST, LAST_ID, BEFORE, BEFORE_ID, MOMENTS = 0, 1, 2, 3, 4
FIXED_FEATURES = 3
ROUNDING = 1e-9
"""A count below this part of what was just taken away is what rounding left of nothing."""

_compiled = numba.njit(cache=True, error_model="numpy")


def state_size(half_lives: int, values: int) -> int:
    return COUNTS + half_lives + values * (MOMENTS + 3 * half_lives)


def feature_count(half_lives: int, values: int) -> int:
    return FIXED_FEATURES + half_lives + values * (2 + 3 * half_lives)


def empty_state(half_lives: int, values: int) -> Floats:
    """The state of a key that nothing is known of."""
    state = np.zeros(state_size(half_lives, values))
    state[[LAST_SUBMISSION, LAST_OUTCOME]] = np.nan
    for value in range(values):
        at = COUNTS + half_lives + value * (MOMENTS + 3 * half_lives)
        state[at : at + MOMENTS] = np.nan
    return state


@_compiled
def fading(age_us: float, half_life_us: float) -> float:
    return math.exp2(-age_us / half_life_us)


@_compiled
def read(state: Floats, as_of_us: int, half_lives_us: Floats, values: int, out: Floats) -> None:
    """Write the features of one key at one instant into `out`; the state stays as it is.

    NaN stands for "nothing known".
    """
    size = half_lives_us.size
    since_submission = as_of_us - state[LAST_SUBMISSION]
    since_outcome = as_of_us - state[LAST_OUTCOME]
    out[0] = state[IN_FLIGHT]
    out[1] = since_submission / 1e6
    out[2] = since_outcome / 1e6
    for h in range(size):
        known = state[COUNTS + h]
        out[FIXED_FEATURES + h] = (
            known * fading(since_submission, half_lives_us[h]) if known > 0 else 0.0
        )
    for v in range(values):
        at = COUNTS + size + v * (MOMENTS + 3 * size)
        to = FIXED_FEATURES + size + v * (2 + 3 * size)
        last, before = state[at + LAST], state[at + BEFORE]
        out[to] = last
        out[to + 1] = last if math.isnan(before) else (last + before) / 2
        for h in range(size):
            count = state[at + MOMENTS + 3 * h]
            if count > 0:
                mean = state[at + MOMENTS + 3 * h + 1] / count
                square = state[at + MOMENTS + 3 * h + 2] / count
                out[to + 2 + 3 * h] = count * fading(since_outcome, half_lives_us[h])
                out[to + 3 + 3 * h] = mean
                out[to + 4 + 3 * h] = math.sqrt(max(square - mean * mean, 0.0))
            else:
                out[to + 2 + 3 * h] = 0.0
                out[to + 3 + 3 * h] = math.nan
                out[to + 4 + 3 * h] = math.nan


@_compiled
def submit(state: Floats, at_us: int, half_lives_us: Floats) -> None:
    """Work of this key was submitted."""
    age = at_us - state[LAST_SUBMISSION]
    for h in range(half_lives_us.size):
        known = state[COUNTS + h]
        state[COUNTS + h] = (known * fading(age, half_lives_us[h]) if known > 0 else 0.0) + 1.0
    state[LAST_SUBMISSION] = at_us
    state[IN_FLIGHT] += 1.0


@_compiled
def _fade_outcomes(state: Floats, at_us: int, half_lives_us: Floats, values: int) -> None:
    size = half_lives_us.size
    age = at_us - state[LAST_OUTCOME]
    state[LAST_OUTCOME] = at_us
    if math.isnan(age):
        return
    for h in range(size):
        factor = fading(age, half_lives_us[h])
        for v in range(values):
            at = COUNTS + size + v * (MOMENTS + 3 * size) + MOMENTS + 3 * h
            state[at] *= factor
            state[at + 1] *= factor
            state[at + 2] *= factor


@_compiled
def finish(
    state: Floats, at_us: int, execution: float, measured: Floats, half_lives_us: Floats
) -> None:
    """An outcome became known. measured: (V,), NaN where it does not say."""
    size = half_lives_us.size
    _fade_outcomes(state, at_us, half_lives_us, measured.size)
    state[IN_FLIGHT] -= 1.0
    for v in range(measured.size):
        x = measured[v]
        if math.isnan(x):
            continue
        at = COUNTS + size + v * (MOMENTS + 3 * size)
        state[at + BEFORE] = state[at + LAST]
        state[at + BEFORE_ID] = state[at + LAST_ID]
        state[at + LAST] = x
        state[at + LAST_ID] = execution
        for h in range(size):
            moments = at + MOMENTS + 3 * h
            state[moments] += 1.0
            state[moments + 1] += x
            state[moments + 2] += x * x


@_compiled
def correct(
    state: Floats,
    at_us: int,
    execution: float,
    first_known_us: int,
    measured: Floats,
    replaced: Floats,
    half_lives_us: Floats,
) -> None:
    """An outcome known since `first_known_us` turned out otherwise: `replaced` -> `measured`.

    The corrected value weighs as much as the first one would by now. Among the last two, a value
    is exchanged in place; one that was unknown at first does not become the last one.
    """
    size = half_lives_us.size
    known_for = at_us - first_known_us
    _fade_outcomes(state, at_us, half_lives_us, measured.size)
    for v in range(measured.size):
        at = COUNTS + size + v * (MOMENTS + 3 * size)
        x, old = measured[v], replaced[v]
        if state[at + LAST_ID] == execution:
            state[at + LAST] = x
        elif state[at + BEFORE_ID] == execution:
            state[at + BEFORE] = x
        for h in range(size):
            moments = at + MOMENTS + 3 * h
            weight = fading(known_for, half_lives_us[h])
            if not math.isnan(old):
                state[moments] -= weight
                state[moments + 1] -= weight * old
                state[moments + 2] -= weight * old * old
            if not math.isnan(x):
                state[moments] += weight
                state[moments + 1] += weight * x
                state[moments + 2] += weight * x * x
            if state[moments] < weight * ROUNDING:
                state[moments : moments + 3] = 0.0


@_compiled
def fold(
    states: Floats,
    key: Ints,
    what: NDArray[np.int8],
    at_us: Ints,
    execution: Ints,
    first_known_us: Ints,
    measured: Floats,
    replaced: Floats,
    read_row: Ints,
    half_lives_us: Floats,
    out: Floats,
) -> None:
    """Run E events, in their order, over the states of K keys; reads land in `out`.

    states: (K, S), changed in place. key, what, at_us, execution, first_known_us: (E,).
    measured, replaced: (E, V). read_row: (E,), the row of `out` that a submission's read fills
    before the submission counts itself, -1 for none. out: (R, F).
    """
    values = measured.shape[1]
    for event in range(key.size):
        state = states[key[event]]
        if what[event] == SUBMISSION:
            if read_row[event] >= 0:
                read(state, at_us[event], half_lives_us, values, out[read_row[event]])
            submit(state, at_us[event], half_lives_us)
        elif what[event] == OUTCOME:
            finish(state, at_us[event], execution[event], measured[event], half_lives_us)
        else:
            correct(
                state,
                at_us[event],
                execution[event],
                first_known_us[event],
                measured[event],
                replaced[event],
                half_lives_us,
            )
