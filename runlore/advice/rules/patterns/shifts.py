"""Habits that have changed: the newest third of the weeks beside those before."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from runlore.advice.rules.patterns.behaviour import Behaviour, ComparedBehaviour, Group
from runlore.advice.rules.patterns.chance import PatternTest
from runlore.advice.rules.patterns.details import HabitShift, Measure
from runlore.advice.rules.patterns.local_time import MONDAY

Floats = NDArray[np.float64]

LEAST_NOW, LEAST_BEFORE = 4, 8
MOST_NAMES = 5
LEAST_SHARE, LEAST_RATIO = 0.15, 1.5
BLOCK_H = 6


def find_shifts(compared: ComparedBehaviour) -> Iterator[PatternTest]:
    behaviour = compared.behaviour
    weeks = np.unique((behaviour.times.day - MONDAY) // 7)
    now = len(weeks) // 3
    if now < LEAST_NOW or len(weeks) - now < LEAST_BEFORE:
        return
    for measure, name, values in weekly_figures(behaviour):
        before, after = values[:-now], values[-now:]
        a, b = float(np.nanmean(before)), float(np.nanmean(after))
        is_share = measure not in ("active days", "executions")
        yield PatternTest(
            sort="drift",
            group=Group(),
            detail=HabitShift(measure, name, a, b, int(weeks[-now] * 7 + MONDAY)),
            n=len(behaviour),
            support=len(weeks),
            unit="weeks",
            share=b,
            chance=a,
            p=_different(before, after),
            searched=1,
            is_large=abs(b - a) >= LEAST_SHARE
            if is_share
            else max(a, b) >= LEAST_RATIO * min(a, b),
        )


def weekly_figures(behaviour: Behaviour) -> Iterator[tuple[Measure, str, Floats]]:
    """measure, name, (w,) by active week; shares are of the week's executions."""
    times = behaviour.times
    weeks, place, counts = np.unique(
        (times.day - MONDAY) // 7, return_inverse=True, return_counts=True
    )

    def share(mask: NDArray[np.bool_]) -> Floats:
        result: Floats = np.bincount(place, mask, len(weeks)) / counts
        return result

    for block in range(24 // BLOCK_H):
        begin = block * BLOCK_H
        inside = (times.minute // 60 // BLOCK_H).astype(np.int64) == block
        yield "hours", f"{begin:02}:00 to {begin + BLOCK_H:02}:00", share(inside)
    for part in behaviour.other_parts:
        labels = behaviour.labels[part]
        if len(labels.largest) > 1:
            for code in labels.largest[:MOST_NAMES]:
                yield part, labels.names[code], share(labels.codes == code)
    days = np.unique(times.day)
    active = np.unique((days - MONDAY) // 7, return_counts=True)[1]
    yield "active days", "", active.astype(np.float64)
    yield "executions", "", counts.astype(np.float64)
    known = ~np.isnan(behaviour.failed)
    ended = np.bincount(place[known], minlength=len(weeks))
    failed = np.bincount(place[known], behaviour.failed[known], len(weeks))
    if failed.any():
        with np.errstate(invalid="ignore", divide="ignore"):
            yield "failures", "", failed / ended


def _different(before: Floats, after: Floats) -> float:
    """Two-sided rank test: Mann and Whitney, 1947."""
    from scipy.stats import mannwhitneyu

    before, after = before[~np.isnan(before)], after[~np.isnan(after)]
    if min(len(before), len(after)) < LEAST_NOW or np.ptp(np.concatenate([before, after])) == 0:
        return 1.0
    return float(mannwhitneyu(before, after, method="asymptotic").pvalue)
