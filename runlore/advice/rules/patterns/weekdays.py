"""Usual weekdays: more of a group's weeks than everybody's week explains."""

import numpy as np
from numpy.typing import NDArray

from runlore.advice.rules.patterns.behaviour import Behaviour, ComparedBehaviour, GroupRows
from runlore.advice.rules.patterns.chance import PatternTest, tail_bound
from runlore.advice.rules.patterns.details import Weekdays
from runlore.advice.rules.patterns.local_time import MONDAY

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WORKDAYS, WEEKEND = (0, 1, 2, 3, 4), (5, 6)
SETS: tuple[tuple[int, ...], ...] = (*((day,) for day in range(7)), WORKDAYS, WEEKEND)
LEAST_WEEKS, LEAST_SHARE, LEAST_GAIN = 5, 0.5, 0.2


def find_weekdays(compared: ComparedBehaviour, rows: GroupRows) -> PatternTest | None:
    """The weekday, or all workdays, or the weekend. A week counts once, by its active days."""
    weeks, profile = _profile(compared.behaviour, rows.rows)
    if weeks < LEAST_WEEKS:
        return None
    share = np.array([profile[list(days)].sum() for days in SETS])
    by_chance = np.array([compared.cycle.weekdays[list(days)].sum() for days in SETS])
    chance = compared.cycle.upper(by_chance)
    p = np.minimum(tail_bound(share, chance, weeks) * len(SETS), 1.0)
    at = int(np.argmin(p))
    return PatternTest(
        sort="weekday",
        group=rows.group,
        detail=Weekdays(SETS[at]),
        n=len(rows.rows),
        support=weeks,
        unit="weeks",
        share=float(share[at]),
        chance=float(chance[at]),
        p=float(p[at]),
        searched=len(SETS),
        is_large=bool(share[at] >= LEAST_SHARE and share[at] - chance[at] >= LEAST_GAIN),
    )


def measure_weekdays(
    compared: ComparedBehaviour, rows: Ints, detail: Weekdays
) -> tuple[float, float, int]:
    """The share of a group's active days, the share by chance, and how many weeks."""
    weeks, profile = _profile(compared.behaviour, rows)
    days = list(detail.days)
    chance = float(compared.cycle.upper(np.array([compared.cycle.weekdays[days].sum()]))[0])
    return float(profile[days].sum()), chance, weeks


def _profile(behaviour: Behaviour, rows: Ints) -> tuple[int, Floats]:
    """Active weeks, and (7,) the mean week: shares of its active days."""
    days = np.unique(behaviour.times.day[rows]) - MONDAY
    weeks, place, counts = np.unique(days // 7, return_inverse=True, return_counts=True)
    if not weeks.size:
        return 0, np.zeros(7)
    shares = np.bincount(days % 7, 1.0 / counts[place] / len(weeks), 7).astype(np.float64)
    return len(weeks), shares
