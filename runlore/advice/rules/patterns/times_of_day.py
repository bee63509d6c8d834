"""Usual times of day: a window that has more of a group's days than everybody's cycle explains."""

import numpy as np
from numpy.typing import NDArray

from runlore.advice.rules.patterns.behaviour import Behaviour, ComparedBehaviour, GroupRows
from runlore.advice.rules.patterns.chance import PatternTest, tail_bound
from runlore.advice.rules.patterns.details import TimeOfDay
from runlore.advice.rules.patterns.local_time import MONDAY

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BIN = 5  # minutes
BINS = 1440 // BIN
WIDTHS = ((10, 5), (20, 5), (40, 10), (80, 20), (160, 40), (240, 60), (480, 120), (720, 120))
LEAST_SHARE, LEAST_GAIN = 0.5, 0.2
SEARCHED = len(WIDTHS)


def find_time(compared: ComparedBehaviour, rows: GroupRows) -> PatternTest | None:
    """The window with the strongest evidence.

    A day counts once, by the share of its runs in the window, so bursts count little. Each width
    has an equal part of the error, each of its windows an equal part of that.
    """
    days, profile, chance = _profiles(compared, rows.rows)
    best: tuple[float, int, int, float, float] | None = None
    for width, step in WIDTHS:
        begins = np.arange(0, 1440, step)
        share, by_chance = (
            _sums(profile, begins, width),
            compared.cycle.upper(_sums(chance, begins, width)),
        )
        p = np.minimum(tail_bound(share, by_chance, days) * len(begins) * SEARCHED, 1.0)
        at = int(np.lexsort((-share, p))[0])
        if best is None or p[at] < best[0]:
            best = float(p[at]), int(begins[at]), width, float(share[at]), float(by_chance[at])
    if best is None:
        return None
    p_value, begin, width, found, expected = best
    detail = _detail(compared.behaviour, rows.rows, begin, width)
    return PatternTest(
        sort="time",
        group=rows.group,
        detail=detail,
        n=len(rows.rows),
        support=days,
        unit="days",
        share=found,
        chance=expected,
        p=p_value,
        searched=sum(1440 // step for _, step in WIDTHS),
        is_large=found >= LEAST_SHARE and found - expected >= LEAST_GAIN,
    )


def measure_time(
    compared: ComparedBehaviour, rows: Ints, detail: TimeOfDay
) -> tuple[float, float, int]:
    """The share of a group's days in a window, the share by chance, and how many days."""
    days, profile, chance = _profiles(compared, rows)
    begin = np.array([detail.begin])
    share = float(_sums(profile, begin, detail.width)[0])
    by_chance = float(compared.cycle.upper(_sums(chance, begin, detail.width))[0])
    return share, by_chance, days


def _profiles(compared: ComparedBehaviour, rows: Ints) -> tuple[int, Floats, Floats]:
    """Active days; (288,) the mean day of the group, and that of everybody on the same weekdays."""
    times = compared.behaviour.times
    days, place, counts = np.unique(times.day[rows], return_inverse=True, return_counts=True)
    weights = 1.0 / counts[place] / max(len(days), 1)
    bins = (times.minute[rows] // BIN).astype(np.int64)
    profile = np.bincount(bins, weights, BINS).astype(np.float64)
    weekdays = np.bincount((days - MONDAY) % 7, minlength=7) / max(len(days), 1)
    chance: Floats = np.repeat(weekdays @ compared.cycle.hours, 60 // BIN) / (60 // BIN)
    return len(days), profile, chance


def _sums(profile: Floats, begins: Ints, width: int) -> Floats:
    """Of the windows that begin there; the day is a circle."""
    sums = np.concatenate([[0.0], np.cumsum(np.concatenate([profile, profile]))])
    first = begins // BIN
    result: Floats = np.clip(sums[first + width // BIN] - sums[first], 0.0, 1.0)
    return result


def _detail(behaviour: Behaviour, rows: Ints, begin: int, width: int) -> TimeOfDay:
    times = behaviour.times
    since = (times.minute[rows] - begin) % 1440
    is_in = since < width
    day = times.day[rows]
    low, middle, high = np.percentile(since[is_in], [16, 50, 84]) if is_in.any() else (0, 0, 0)
    span = int(day[-1] - day[0]) + 1
    return TimeOfDay(
        begin,
        width,
        float((begin + middle) % 1440),
        float((high - low) / 2),
        len(np.unique(day[is_in])) / span,
    )
