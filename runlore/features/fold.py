"""The one fold: `read(state, as_of) -> values` and `update(state, event) -> state`, compiled once.

Training runs both over the whole log, serving runs them one event at a time on a state that
rests in PostgreSQL as float8. There is no second implementation but the slow one in the tests.

A state is one float64 vector per key. With H half-lives and V values::

    0                 instant of the last submission, µs since 1970 (NaN: none)
    1                 work in flight: submitted, outcome not yet known
    2                 instant of the last outcome, µs (NaN: none)
    3 .. 3+H          decayed count of submissions, one per half-life
    then, per value:  last, its execution, the one before, its execution,
                      and per half-life: decayed count, mean, sum of squared deviations

Counts fade by ``2 ** -(age / half_life)`` (an exponentially decayed window: Cohen & Strauss,
"Maintaining time-decaying stream aggregates", 2003); all of it is O(1) per event. A negative
half-life -n stands for the last n outcomes: its counts fade with each outcome that has the value,
not with time, by ``(n - 1) / (n + 1)``, so that outcomes are as old on average as in a list of n.
Mean and deviations are updated as in West, "Updating mean and variance estimates", 1979: equal
values have a spread of exactly 0, however large they are.

Events of a state come in order. One that comes too late is taken as if it had happened just now.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from runlore.features.declaration import LARGEST  # compiled in: edit this file to renew the cache

SUBMISSION, OUTCOME, CORRECTION = 0, 1, 2

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REQUESTED = -1  # in place of a submission's sequence: a prediction was requested, nothing more

LAST_SUBMISSION, IN_FLIGHT, LAST_OUTCOME, COUNTS = 0, 1, 2, 3
LAST, LAST_ID, BEFORE, BEFORE_ID, MOMENTS = 0, 1, 2, 3, 4
FIXED_FEATURES = 3
# A rest that weighs less than this part of a withdrawn value is rounding error and goes with it.
ALL_OF_IT = 1e-6

# A mean whose values weigh less is unknown: such small numbers have lost their precision.
FORGOTTEN = 1e-290


def _compiled(function: Callable[..., Any]) -> Any:  # noqa: ANN401  (a numba dispatcher)
    """Compile at the first call, and keep the result on disk where there is a place for it."""
    compiled = partial(numba.njit, nogil=True, error_model="numpy", inline="always")
    try:
        return compiled(cache=True)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return compiled()(function)


def state_size(half_lives: int, values: int) -> int:
    return COUNTS + half_lives + values * (MOMENTS + 3 * half_lives)


def feature_count(half_lives: int, values: int) -> int:
    return FIXED_FEATURES + half_lives + values * (2 + 3 * half_lives)


def empty_state(half_lives: int, values: int) -> Floats:
    """The state of a key without any events: a vector of `state_size` values."""
    state = np.zeros(state_size(half_lives, values))
    state[[LAST_SUBMISSION, LAST_OUTCOME]] = np.nan
    for value in range(values):
        at = COUNTS + half_lives + value * (MOMENTS + 3 * half_lives)
        state[at : at + MOMENTS] = np.nan
    return state


def warm() -> None:
    """Compile what serving calls, or load it from disk, before the first request waits for it."""
    state, half_lives_us, measured = empty_state(1, 1), np.array([1e6]), np.array([1.0])
    submit(state, 1, half_lives_us)
    finish(state, 2, 1, measured, half_lives_us)
    correct(state, 3, 1, 2, measured, measured, half_lives_us)
    read(state, 4, half_lives_us, 1, np.empty(feature_count(1, 1)))
    rows, instants = np.empty((1, 1), dtype=np.float32), np.array([5])
    read_many(state[None, :], instants, half_lives_us, 1, np.array([0]), rows, 0)


@_compiled
def fading(age_us: float, half_life_us: float) -> float:
    return math.exp2(-age_us / half_life_us) if half_life_us > 0 else 1.0


@_compiled
def _fading_by_count(half_life_us: float) -> float:
    """The part of a weight that one more outcome leaves; 1 where time is what counts."""
    return (half_life_us + 1.0) / (half_life_us - 1.0) if half_life_us < 0 else 1.0


@_compiled
def _age(at_us: float, since_us: float) -> float:
    """NaN where `since_us` is; never negative."""
    age = at_us - since_us
    return 0.0 if age < 0 else age


@_compiled
def _read_counts(state: Floats, as_of_us: int, half_lives_us: Floats, out: Floats) -> None:
    """Write the decayed counts of submissions into `out`, (H,)."""
    age = _age(as_of_us, state[LAST_SUBMISSION])
    for h in range(half_lives_us.size):
        known = state[COUNTS + h]
        out[h] = known * fading(age, half_lives_us[h]) if known > 0 else 0.0


@_compiled
def read(state: Floats, as_of_us: int, half_lives_us: Floats, values: int, out: Floats) -> None:
    """Write the features of one key at one instant into `out`; the state stays as it is.

    NaN stands for "nothing known".
    """
    size = half_lives_us.size
    since_outcome = _age(as_of_us, state[LAST_OUTCOME])
    out[0] = state[IN_FLIGHT]
    out[1] = _age(as_of_us, state[LAST_SUBMISSION]) / 1e6
    out[2] = since_outcome / 1e6
    for v in range(values):
        at = COUNTS + size + v * (MOMENTS + 3 * size)
        to = FIXED_FEATURES + size + v * (2 + 3 * size)
        last, before = state[at + LAST], state[at + BEFORE]
        out[to] = last
        out[to + 1] = (last + before) / 2
        if math.isnan(before):
            out[to + 1] = last
        elif math.isnan(last):
            out[to + 1] = before
    _read_counts(state, as_of_us, half_lives_us, out[FIXED_FEATURES : FIXED_FEATURES + size])
    for h in range(size):
        faded = fading(since_outcome, half_lives_us[h])
        for v in range(values):
            moments = COUNTS + size + v * (MOMENTS + 3 * size) + MOMENTS + 3 * h
            to = FIXED_FEATURES + size + v * (2 + 3 * size) + 2 + 3 * h
            count = state[moments]
            if count > 0:
                out[to] = count * faded
                out[to + 1] = state[moments + 1]
                out[to + 2] = math.sqrt(state[moments + 2] / count)
            else:
                out[to] = 0.0
                out[to + 1] = math.nan
                out[to + 2] = math.nan


@_compiled
def _count(state: Floats, at_us: int, counts: Floats) -> None:
    """Count a submission. counts: (H,), the decayed counts before it, as read at `at_us`."""
    for h in range(counts.size):
        state[COUNTS + h] = counts[h] + 1.0
    if not at_us < state[LAST_SUBMISSION]:
        state[LAST_SUBMISSION] = at_us
    state[IN_FLIGHT] += 1.0


@_compiled
def submit(state: Floats, at_us: int, half_lives_us: Floats) -> None:
    """Count a submission of this key at an instant."""
    counts = np.empty(half_lives_us.size)
    _read_counts(state, at_us, half_lives_us, counts)
    _count(state, at_us, counts)


@_compiled
def _forget(state: Floats, at: int) -> None:
    state[at] = 0.0
    state[at + 1] = 0.0
    state[at + 2] = 0.0


@_compiled
def _fade_outcomes(state: Floats, at_us: int, half_lives_us: Floats, values: int) -> None:
    size = half_lives_us.size
    age = _age(at_us, state[LAST_OUTCOME])
    if not at_us < state[LAST_OUTCOME]:
        state[LAST_OUTCOME] = at_us
    if math.isnan(age):
        return
    for h in range(size):
        factor = fading(age, half_lives_us[h])
        for v in range(values):
            moments = COUNTS + size + v * (MOMENTS + 3 * size) + MOMENTS + 3 * h
            state[moments] *= factor
            state[moments + 2] *= factor
            if state[moments] < FORGOTTEN:
                _forget(state, moments)


@_compiled
def _add(state: Floats, at: int, x: float, weight: float) -> None:
    step = x - state[at + 1]
    state[at] += weight
    state[at + 1] += step * weight / state[at]
    state[at + 2] += max(weight * step * (x - state[at + 1]), 0.0)


@_compiled
def _withdraw(state: Floats, at: int, old: float, weight: float) -> None:
    rest = state[at] - weight
    if rest < weight * ALL_OF_IT:
        _forget(state, at)
        return
    step = old - state[at + 1]
    state[at] = rest
    state[at + 1] -= step * weight / rest
    state[at + 2] = max(state[at + 2] - weight * step * (old - state[at + 1]), 0.0)


@_compiled
def _exchange(state: Floats, at: int, old: float, x: float, weight: float) -> None:
    if state[at] - weight < weight * ALL_OF_IT * ALL_OF_IT:
        state[at + 1] = x
        state[at + 2] = 0.0
        return
    step = old - state[at + 1]
    state[at + 1] += (x - old) * weight / state[at]
    state[at + 2] = max(state[at + 2] + weight * (x - old) * (step + (x - state[at + 1])), 0.0)


@_compiled
def finish(
    state: Floats, at_us: int, execution: float, measured: Floats, half_lives_us: Floats
) -> None:
    """Count an outcome that became known. measured: (V,), NaN where the outcome lacks a value."""
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
            moments, left = at + MOMENTS + 3 * h, _fading_by_count(half_lives_us[h])
            state[moments] *= left
            state[moments + 2] *= left
            _add(state, moments, x, 1.0)


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
    """Correct an outcome that is known since `first_known_us`: `replaced` becomes `measured`.

    The corrected value weighs as much as the first one would by now. Among the last two, a value
    is exchanged in place; one that was unknown at first does not become the last one. The last n
    outcomes remember which were the last two only, so that the correction of an older one is lost.
    """
    size = half_lives_us.size
    _fade_outcomes(state, at_us, half_lives_us, measured.size)
    known_for = _age(state[LAST_OUTCOME], first_known_us)
    for v in range(measured.size):
        at = COUNTS + size + v * (MOMENTS + 3 * size)
        x, old = measured[v], replaced[v]
        place = -1
        if state[at + LAST_ID] == execution:
            state[at + LAST] = x
            place = 0
        elif state[at + BEFORE_ID] == execution:
            state[at + BEFORE] = x
            place = 1
        if x == old or (math.isnan(x) and math.isnan(old)):
            continue
        for h in range(size):
            moments = at + MOMENTS + 3 * h
            weight = fading(known_for, half_lives_us[h])
            if half_lives_us[h] < 0:
                if place < 0:
                    continue
                weight = _fading_by_count(half_lives_us[h]) if place else 1.0
            if math.isnan(old):
                _add(state, moments, x, weight)
            elif math.isnan(x):
                _withdraw(state, moments, old, weight)
            else:
                _exchange(state, moments, old, x, weight)


@_compiled
def _run(
    states: Floats,
    key: Ints,
    place: Ints,
    submissions: Ints,
    outcomes: Ints,
    order: Ints,
    measured: Floats,
    half_lives_us: Floats,
    chosen: Ints,
    rows: NDArray[np.float32],
    column: int,
) -> None:
    size, values = half_lives_us.size, measured.shape[1]
    features = np.empty(FIXED_FEATURES + size + values * (2 + 3 * size))
    for event in order:
        outcome = event - key.size
        if outcome < 0:
            state, at_us = states[key[event]], submissions[0, event]
            read(state, at_us, half_lives_us, values, features)
            row = place[event]
            if row >= 0:
                for c in range(chosen.size):
                    rows[row, column + c] = max(min(features[chosen[c]], LARGEST), -LARGEST)
            if submissions[1, event] != REQUESTED:
                _count(state, at_us, features[FIXED_FEATURES : FIXED_FEATURES + size])
            continue
        owner, at_us, fact = outcomes[0, outcome], outcomes[1, outcome], outcomes[2, outcome]
        state, execution, replaced = states[key[owner]], submissions[1, owner], outcomes[3, outcome]
        if replaced < 0:
            finish(state, at_us, execution, measured[fact], half_lives_us)
        else:
            first_us, new, old = outcomes[4, outcome], measured[fact], measured[replaced]
            correct(state, at_us, execution, first_us, new, old, half_lives_us)


@_compiled
def fold(
    states: Floats,
    key: Ints,
    place: Ints,
    submissions: Ints,
    outcomes: Ints,
    order: Ints,
    measured: Floats,
    half_lives_us: Floats,
    chosen: Ints,
    rows: NDArray[np.float32],
    column: int,
) -> None:
    """Run the events of N submissions and M outcomes, in `order`, over the states of K keys.

    Each submission's features are read before it counts itself; one that is REQUESTED never counts.
    states: (K, S), changed in place.
    key: (N,), the state of each execution. place: (N,), its row in `rows`; below 0: it has none.
    submissions: (2, N), outcomes: (5, M), order: (N + M,): see `events.Timeline`.
    measured: (facts, V). chosen: the features to write, as float32, from `column` on.
    """
    if half_lives_us.size == 3 and measured.shape[1] == 2:  # usual: compiled apart, loops unroll
        _run(
            states, key, place, submissions, outcomes, order, measured, half_lives_us, chosen, rows,
            column,
        )  # fmt: skip
    else:
        _run(
            states, key, place, submissions, outcomes, order, measured, half_lives_us, chosen, rows,
            column,
        )  # fmt: skip


@_compiled
def read_many(
    states: Floats,
    as_of_us: Ints,
    half_lives_us: Floats,
    values: int,
    chosen: Ints,
    rows: NDArray[np.float32],
    column: int,
) -> None:
    """Read N states, (N, S), each at its instant, into `rows` as `fold` does."""
    size = half_lives_us.size
    features = np.empty(FIXED_FEATURES + size + values * (2 + 3 * size))
    for n in range(as_of_us.size):
        read(states[n], as_of_us[n], half_lives_us, values, features)
        for c in range(chosen.size):
            rows[n, column + c] = max(min(features[chosen[c]], LARGEST), -LARGEST)
