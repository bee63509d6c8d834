"""A lasting shift of the level: the past before it is moved to the level since then."""

from dataclasses import dataclass

import numpy as np

from runlore.signals.rules.series.cycles import without_cycles
from runlore.signals.rules.series.grid import Floats
from runlore.signals.rules.series.seasons import Seasons

LEAST_SIZE = 6.0  # of the usual changes from one window to the next, in standard deviations
LEAST_LEAD = 1.5  # of the second largest change
LEAST_BEFORE, LEAST_AFTER = 6, 2  # windows
WINDOW_WITHOUT_SEASON = 8
COMPARED = 7  # windows on each side that measure it
LASTING = 0.75  # share of what was before and came since that lies on its side of the middle
MOST_SHIFTS = 3
NORMAL_MAD = 0.6745


@dataclass(frozen=True)
class LevelShift:
    """start: the first step of the new level. before, after: the levels, without the rhythm."""

    start: int
    before: float
    after: float


@dataclass(frozen=True)
class AlignedPast:
    """values: the past at the newest level. shifts: the newest first; empty: nothing was moved."""

    values: Floats
    shifts: tuple[LevelShift, ...]


def align(values: Floats, seasons: Seasons, step_s: int) -> AlignedPast:
    """Move the past before lasting shifts to the newest level.

    values: without gaps. Where all are above 0 and the spread within a season went with the level,
    they are scaled, so that rhythm and noise are those of the new regime; else they are moved.
    """
    window = seasons.short if seasons.short > 1 else WINDOW_WITHOUT_SEASON
    shifts: list[LevelShift] = []
    while len(shifts) < MOST_SHIFTS:
        shift = find_shift(values, window, step_s)
        if shift is None:
            break
        values = _move(values, shift, window)
        shifts.append(shift)
    return AlignedPast(values, tuple(sorted(shifts, key=lambda one: -one.start)))


def find_shift(values: Floats, window: int, step_s: int) -> LevelShift | None:
    """The largest change of level, if it is beyond everything else that the series did, and lasts.

    Means of the windows before and after each step are compared, without the rhythm. Shifts that
    come again and again, walks and trends are none.

    Source: Eichinger & Kirch, "A MOSUM procedure for the estimation of multiple random change
    points", 2018, with a robust scale.
    """
    if len(values) < (LEAST_BEFORE + LEAST_AFTER) * window:
        return None
    level = without_cycles(values, step_s)
    change = _changes(level, window)
    first, last = (LEAST_BEFORE - 1) * window, len(change) - (LEAST_AFTER - 1) * window
    place = first + int(change[first:last].argmax())
    # Growth from near 0 is a shift on one scale, and growth by shares on the other.
    scales = [change, _changes(np.log(level), window)] if level.min() > 0 else [change]
    if all(_stands_out(one, place, window) for one in scales):
        return _lasting(level, place + window, window)
    return None


def _changes(level: Floats, window: int) -> Floats:
    """Of the means from one window to the next, at step `window` and later."""
    sums = np.concatenate([[0.0], np.cumsum(level - level.mean())])
    means = (sums[window:] - sums[:-window]) / window
    change: Floats = np.abs(means[window:] - means[:-window])
    return change


def _stands_out(change: Floats, place: int, window: int) -> bool:
    others = np.concatenate([change[: max(place - window, 0)], change[place + window :]])
    if len(others) < window:
        return False
    usual = np.median(others) / NORMAL_MAD
    return bool(change[place] > max(LEAST_SIZE * usual, LEAST_LEAD * others.max()))


def _lasting(level: Floats, start: int, window: int) -> LevelShift | None:
    past = level[max(start - COMPARED * window, 0) : start]
    since = level[start : start + COMPARED * window]
    before, after = float(past.mean()), float(since.mean())
    middle, sign = (before + after) / 2, np.sign(after - before)
    is_under, is_over = (past - middle) * sign < 0, (since - middle) * sign > 0
    sides = (is_under, is_over, is_over[-window:])
    is_lasting = min(float(side.mean()) for side in sides) >= LASTING
    return LevelShift(start, before, after) if is_lasting else None


def _move(values: Floats, shift: LevelShift, window: int) -> Floats:
    old, new = values[: shift.start], values[shift.start :]
    moved = old + (shift.after - shift.before)
    if values.min() > 0:
        ratio = shift.after / shift.before
        grown = np.log(_spread(new, window) / _spread(old[-COMPARED * window :], window))
        if abs(grown - np.log(ratio)) < abs(grown):
            moved = old * ratio
    return np.concatenate([moved, new])


def _spread(values: Floats, window: int) -> float:
    """The usual deviation within a window."""
    count = min(len(values) // window, COMPARED)
    rows = values[: count * window].reshape(count, window)
    return max(float(np.median(rows.std(axis=1))), np.finfo(float).tiny)
