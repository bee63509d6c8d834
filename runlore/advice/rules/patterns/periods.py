"""Runs at equal distances: more intervals of about one length than any changing rate explains."""

import numpy as np
from numpy.typing import NDArray

from runlore.advice.rules.patterns.behaviour import (
    Behaviour,
    ComparedBehaviour,
    GroupRows,
)
from runlore.advice.rules.patterns.chance import PatternTest, tail_bound
from runlore.advice.rules.patterns.details import Period

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BAND = 0.1  # an interval counts for a period that is at most so much shorter or longer
DAY_S = 86_400.0
SHORTEST_S, LONGEST_S = 120.0, 35 * DAY_S
GRID = SHORTEST_S * 1.1 ** np.arange(int(np.log(LONGEST_S / SHORTEST_S) / np.log(1.1)) + 1)
# a day and a week are what usual times and weekdays are about
PERIODS: Floats = GRID[(np.abs(GRID / DAY_S - 1) > 0.25) & (np.abs(GRID / (7 * DAY_S) - 1) > 0.25)]
BURST_S = 60.0  # runs that come sooner after another count as one with it
LEAST_INTERVALS, LEAST_SHARE = 6, 0.5


def find_period(compared: ComparedBehaviour, rows: GroupRows) -> PatternTest | None:
    """The most common distance between runs; a day's intervals count once, by their share."""
    intervals = _intervals(compared.behaviour, rows.rows)
    if intervals is None:
        return None
    at_s, gaps = intervals
    best: tuple[float, float, float, float, int] | None = None
    is_near = (gaps[:, None] >= (1 - BAND) * PERIODS) & (gaps[:, None] <= (1 + BAND) * PERIODS)
    for at in np.argsort(-is_near.sum(axis=0), kind="stable")[:8]:
        share, chance, units = _shares(compared, at_s, is_near[:, at], float(PERIODS[at]))
        p = min(float(tail_bound(np.array(share), np.array(chance), units)) * len(PERIODS), 1.0)
        if best is None or p < best[0]:
            best = p, float(PERIODS[at]), share, chance, units
    if best is None:
        return None
    p, period, share, chance, units = best
    near = gaps[(gaps >= (1 - BAND) * period) & (gaps <= (1 + BAND) * period)]
    low, middle, high = np.percentile(near, [16, 50, 84]) if near.size else (0.0, period, 0.0)
    return PatternTest(
        sort="period",
        group=rows.group,
        detail=Period(float(middle), float((high - low) / 2)),
        n=len(rows.rows),
        support=units,
        unit="days",
        share=share,
        chance=chance,
        p=p,
        searched=len(PERIODS),
        is_large=share >= LEAST_SHARE and near.size >= LEAST_INTERVALS and share > chance + 0.2,
    )


def measure_period(
    compared: ComparedBehaviour, rows: Ints, detail: Period
) -> tuple[float, float, int]:
    """The share of a group's intervals of that length, the share by chance, and how many days."""
    intervals = _intervals(compared.behaviour, rows, least=1)
    if intervals is None:
        return 0.0, 0.0, 0
    at_s, gaps = intervals
    period = detail.period_s
    is_near = (gaps >= (1 - BAND) * period) & (gaps <= (1 + BAND) * period)
    return _shares(compared, at_s, is_near, period)


def _intervals(
    behaviour: Behaviour, rows: Ints, least: int = LEAST_INTERVALS
) -> tuple[Floats, Floats] | None:
    at = behaviour.submitted_s[rows]
    at = at[np.concatenate([[True], np.diff(at) > BURST_S])] if at.size else at
    return (at[:-1], np.diff(at)) if at.size > least else None


def _shares(
    compared: ComparedBehaviour,
    at_s: Floats,
    is_near: NDArray[np.bool_],
    period: float,
) -> tuple[float, float, int]:
    """Means over the days on which intervals begin."""
    days = np.floor(at_s / DAY_S)
    _, place, counts = np.unique(days, return_inverse=True, return_counts=True)
    weights = 1.0 / counts[place] / len(counts)
    chance = most_likely(compared, at_s, period)
    return float(weights @ is_near), float(weights @ chance), len(counts)


def most_likely(compared: ComparedBehaviour, at_s: Floats, period: float) -> Floats:
    """(n,) the largest probability of a next run at this distance, for any rate of runs.

    With the common cycle's work a until the band and b until its end, exp(-ra) - exp(-rb) is
    largest where r = ln(b / a) / (b - a).
    """
    edges = np.concatenate([at_s, at_s + (1 - BAND) * period, at_s + (1 + BAND) * period])
    begin, low, high = np.split(compared.work_until(edges), 3)
    a, b = np.maximum(low - begin, 1e-12), np.maximum(high - begin, 2e-12)
    rate = np.log(b / a) / np.maximum(b - a, 1e-12)
    result: Floats = np.exp(-rate * a) - np.exp(-rate * b)
    return result
