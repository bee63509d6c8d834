"""Find days and weeks in which the usual cycle of a series is gone, or comes at another time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from runlore.signals.rules.series.grid import SECOND_US, Floats, Instants, SeriesGrid, to_grid
from runlore.signals.rules.series.seasons import DAY_S, WEEK_S

HOUR_S = 3_600
LEAST_STEPS = 7  # of a cycle
MOST_GAPS = 0.25  # of the steps of a cycle, which are then filled along a line
USUAL = 2.5  # times the squared distance of past cycles: as near as a cycle mostly comes
NEAR = 0.05  # of the squared distance from the usual cycle, where past cycles are all alike
LEAST_GAIN = 4.0  # times less squared distance than the usual cycle leaves
MOST_TIMES = 3.0  # the usual variance of a cycle: that of a shifted one
SURE = 0.9  # that past distances do not scatter more
MEDIAN_ERROR = 1.6  # of a median of normal values: its squared error, times that of one value
TESTS_A_WEEK = 63  # of one series

Places = NDArray[np.int64]


@dataclass(frozen=True)
class LostRhythm:
    """since_us, until_us: of the first and the last cycle that is unlike the usual one.

    what: the cycle is gone, or shifted by shift_s (below 0: it comes early). period_s: a day or a
    week. expected, seen: from lowest to highest of the usual cycle, and of this one. peak_us,
    seen_peak_us: when its highest step was due, and came. probability: of a cycle so far from the
    usual one.
    """

    since_us: int
    until_us: int
    what: Literal["gone", "shifted"]
    period_s: int
    shift_s: int
    expected: float
    seen: float
    peak_us: int
    seen_peak_us: int
    probability: float


@dataclass(frozen=True)
class _CycleComparison:
    """period_s, step_s: of a cycle. apart_s: from a cycle to the past ones, of which there are so
    many. stride: steps from one cycle that is looked at to the next. shift: the least, in steps.
    """

    period_s: int
    step_s: int
    apart_s: int
    past: int
    stride: int
    shift: int


@dataclass(frozen=True)
class _LookedCycles:
    """Cycles by their first steps; arrays of one length, the tables of shape (cycles, steps)."""

    starts: Places
    seen: Floats
    usual: Floats
    far: Floats
    probability: Floats
    flat: Floats
    turned: Floats
    turn: Places
    is_lost: NDArray[np.bool_]


def find_lost_rhythms(
    step_s: int, at: Instants, values: Floats, most_probability: float
) -> list[LostRhythm]:
    """Where the daily or the weekly cycle is gone or shifted for a cycle or more, by time.

    step_s: the usual distance of points. at: ascending, in microseconds. values: finite. A day is
    looked at by the hour, every six hours, beside the 14 days before and the same day of the 5
    weeks before; a week by the day, beside the 5 weeks before.

    The squared distance of a cycle from the median of past ones, in those of the past ones, is
    taken as of F distribution; its degrees of freedom follow from how those scatter. It counts only
    where a constant or a shifted cycle explains it: spikes and new levels are no lost rhythm.
    """
    hour_s = max(HOUR_S, step_s)
    found: list[LostRhythm] = []
    for how in (
        _CycleComparison(DAY_S, hour_s, DAY_S, 14, max(6 * HOUR_S // hour_s, 1), 2),
        _CycleComparison(DAY_S, hour_s, WEEK_S, 5, max(6 * HOUR_S // hour_s, 1), 2),
        _CycleComparison(WEEK_S, DAY_S, WEEK_S, 5, 1, 1),
    ):
        looked = _look(how, step_s, at, values, most_probability)
        if looked is not None:
            found += _join(how, *looked)
    return _without_doubles(found)


def most_probability(budget: float, share: float, series: int) -> float:
    """So that as many alarms a week as a share of the budget come by chance, at most."""
    return share * budget / max(series * TESTS_A_WEEK, 1)


def _look(
    how: _CycleComparison, step_s: int, at: Instants, values: Floats, most: float
) -> tuple[SeriesGrid, _LookedCycles] | None:
    """None where the series is too short, or its steps too long."""
    steps, apart = how.period_s // how.step_s, how.apart_s // how.step_s
    needed_us = (how.past * how.apart_s + how.period_s) * SECOND_US
    if steps < LEAST_STEPS or how.period_s % how.step_s or at[-1] - at[0] < needed_us:
        return None
    grid = to_grid(at, values, how.step_s)
    if how.step_s > step_s:
        grid = grid.until(len(grid.values) - 1)  # the last step may not be over
    starts = np.arange(how.past * apart, len(grid.values) - steps + 1, how.stride)
    if not len(starts):
        return None
    is_gap = np.isnan(grid.values)
    filled = np.interp(np.arange(len(is_gap)), np.flatnonzero(~is_gap), grid.values[~is_gap])
    before = starts[:, None] - apart * np.arange(1, how.past + 1)
    gaps = sliding_window_view(is_gap, steps).mean(axis=1)
    is_known = (gaps[starts] <= MOST_GAPS) & (gaps[before].mean(axis=1) <= MOST_GAPS)
    windows = sliding_window_view(filled, steps)
    windows = windows - windows.mean(axis=1, keepdims=True)
    return grid, _compare(how, windows, starts, before, is_known, most)


def _compare(
    how: _CycleComparison,
    windows: Floats,
    starts: Places,
    before: Places,
    is_known: NDArray[np.bool_],
    most: float,
) -> _LookedCycles:
    seen, past = windows[starts], windows[before]
    usual = np.median(past, axis=1)
    past_far = np.square(past - usual[:, None]).mean(axis=2)
    scale = past_far.mean(axis=1) * (1 + MEDIAN_ERROR / how.past)
    far, flat = np.square(seen - usual).mean(axis=1), np.square(seen).mean(axis=1)
    probability = _rarity(far, scale, past_far, seen.shape[1])
    turn, turned = _best_turn(seen, usual, how.shift)
    least = np.minimum(flat, turned)
    is_explained = (least <= np.maximum(USUAL * scale, NEAR * far)) & (far >= LEAST_GAIN * least)
    strength = np.square(usual).mean(axis=1)
    is_alike = (flat < MOST_TIMES * strength) & (flat > strength / MOST_TIMES)
    is_explained &= (flat < turned) | is_alike
    is_lost = is_known & is_explained & (strength > scale) & (probability <= most)
    return _LookedCycles(starts, seen, usual, far, probability, flat, turned, turn, is_lost)


def _rarity(far: Floats, scale: Floats, past_far: Floats, steps: int) -> Floats:
    from scipy.special import chdtri, fdtrc

    tiny = np.finfo(float).tiny
    others = past_far.shape[1] - 1
    scatter = np.log(np.maximum(past_far, tiny)).var(axis=1) * past_far.shape[1]
    scatter /= chdtri(others, SURE)  # the most that it may well be
    freedom = np.clip(2 / np.maximum(scatter, tiny), 1, steps - 1)
    ratio = far / np.maximum(scale, tiny)
    return np.where(far > 0, fdtrc(freedom, past_far.shape[1] * freedom, ratio), 1.0)


def _best_turn(seen: Floats, usual: Floats, least: int) -> tuple[Places, Floats]:
    """By how many steps the usual cycle comes later, and what squared distance that leaves."""
    steps = seen.shape[1]
    products = np.fft.irfft(np.fft.rfft(seen) * np.conj(np.fft.rfft(usual)), steps)
    left = np.square(seen).mean(axis=1) + np.square(usual).mean(axis=1)
    distance = left[:, None] - 2 * products / steps
    turns = np.arange(steps)
    turns = np.where(turns > steps // 2, turns - steps, turns)
    distance[:, np.abs(turns) < least] = np.inf
    best = distance.argmin(axis=1)
    return turns[best], np.maximum(distance[np.arange(len(best)), best], 0)


def _join(how: _CycleComparison, grid: SeriesGrid, looked: _LookedCycles) -> list[LostRhythm]:
    """One for each run of cycles that overlap or follow each other."""
    lost = np.flatnonzero(looked.is_lost)
    if not len(lost):
        return []
    steps = looked.seen.shape[1]
    cuts = np.flatnonzero(np.diff(looked.starts[lost]) > steps) + 1
    return [_describe(how, grid, looked, run) for run in np.split(lost, cuts)]


def _describe(
    how: _CycleComparison, grid: SeriesGrid, looked: _LookedCycles, run: Places
) -> LostRhythm:
    steps = looked.seen.shape[1]
    first = run[looked.starts[run] < looked.starts[run[0]] + steps]
    worst = first[(looked.far[first] >= 0.9 * looked.far[first].max()).argmax()]
    start, last = int(looked.starts[worst]), int(looked.starts[run[-1]])
    is_shifted = looked.turned[worst] < looked.flat[worst]
    return LostRhythm(
        grid.instant(start),
        grid.instant(last + steps),
        "shifted" if is_shifted else "gone",
        how.period_s,
        int(looked.turn[worst]) * how.step_s if is_shifted else 0,
        float(np.ptp(looked.usual[worst])),
        float(np.ptp(looked.seen[worst])),
        grid.instant(start + int(looked.usual[worst].argmax())),
        grid.instant(start + int(looked.seen[worst].argmax())),
        float(looked.probability[run].min()),
    )


def _without_doubles(found: Sequence[LostRhythm]) -> list[LostRhythm]:
    """Of those that overlap, a week before a day, and then the least likely."""
    kept: list[LostRhythm] = []
    for one in sorted(found, key=lambda one: (-one.period_s, one.probability)):
        if all(one.until_us <= k.since_us or one.since_us >= k.until_us for k in kept):
            kept.append(one)
    return sorted(kept, key=lambda one: one.since_us)
