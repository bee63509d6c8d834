"""How many executions each hour of the week brings: for volume, and for clocks set wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.quality.rules.batch import HOUR_US, MONDAY_HOURS, WEEK_HOURS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DAY_HOURS = 24


@dataclass(frozen=True)
class RhythmShift:
    """hours: the shift at which the day's rhythm fits best. gain: how much closer it is, 0 to 1."""

    hours: int
    gain: float


def learn(submitted_us: Ints) -> tuple[float, ...]:
    """(168,): mean submissions per hour of the week from Monday, UTC; unseen hours get the mean."""
    first, last = int(submitted_us.min()), int(submitted_us.max())
    counts = np.bincount(_hour_of_week(submitted_us), minlength=WEEK_HOURS)
    covered = coverage(first, last)
    overall = counts.sum() / max(covered.sum(), 1.0)
    enough = covered >= 0.5
    rates = np.divide(counts, covered, out=np.full(WEEK_HOURS, overall), where=enough)
    return tuple(np.round(rates, 6).tolist())


def expected(rhythm: Sequence[float], first_us: int, last_us: int) -> float:
    """The expected number of submissions between two instants, at the learned rates."""
    return float(np.array(rhythm) @ coverage(first_us, last_us))


def shift(rhythm: Sequence[float], submitted_us: Ints) -> RhythmShift:
    """The shift in hours at which a batch's day looks most like training's.

    The distance is the total variation between the shares of the 24 hours.
    """
    rates = np.array(rhythm) * coverage(int(submitted_us.min()), int(submitted_us.max()))
    usual = rates.reshape(-1, DAY_HOURS).sum(axis=0)
    hours = np.bincount(_hour_of_week(submitted_us) % DAY_HOURS, minlength=DAY_HOURS)
    usual, here = usual / max(usual.sum(), 1e-12), hours / hours.sum()
    apart = [np.abs(np.roll(usual, by) - here).sum() / 2 for by in range(DAY_HOURS)]
    best = int(np.argmin(apart))
    by = best - DAY_HOURS if best > DAY_HOURS // 2 else best
    return RhythmShift(by, float(apart[0] - apart[best]))


def coverage(first_us: int, last_us: int) -> Floats:
    """(168,): how many hours of each hour of the week lie between two instants."""
    if last_us <= first_us:
        return np.zeros(WEEK_HOURS)
    start, end = first_us / HOUR_US, last_us / HOUR_US
    hours = np.arange(int(start), int(end) + 1)
    share = np.minimum(hours + 1, end) - np.maximum(hours, start)
    of_week = (hours + MONDAY_HOURS) % WEEK_HOURS
    return np.bincount(of_week, weights=share, minlength=WEEK_HOURS).astype(np.float64)


def _hour_of_week(submitted_us: Ints) -> Ints:
    return (submitted_us // HOUR_US + MONDAY_HOURS) % WEEK_HOURS
