"""Usual sequences: after one thing ends, another begins soon.

Order: the other begins more often within the time after the end than before the start, and more
often than in the next such time. What comes in bursts, or more at some hours, is alike in both.
Failures: it follows failures more often than successes of the same week.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runlore.advice.rules.patterns.behaviour import Behaviour, ComparedBehaviour, Group, Part
from runlore.advice.rules.patterns.chance import PatternTest
from runlore.advice.rules.patterns.details import NextRun
from runlore.advice.rules.patterns.local_time import MONDAY

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

WITHIN_S = (120.0, 600.0, 3_600.0)
MOST_NAMES = 6
LEAST_DAYS = 6
LEAST_SHARE, LEAST_GAIN = 0.2, 0.15


@dataclass(frozen=True, eq=False)
class Following:
    """By day on which the first ended (d,): shares of its runs that the other followed, that it
    came before, and that it followed one such time later. n: runs of the first."""

    after: Floats
    before: Floats
    later: Floats
    n: int


def find_sequences(compared: ComparedBehaviour) -> Iterator[PatternTest]:
    behaviour = compared.behaviour
    whole = behaviour.part, behaviour.name, behaviour.name
    for is_after_failure in (False, True):
        if test := _best(behaviour, whole, is_after_failure=is_after_failure):
            yield test
    part = sequence_part(behaviour)
    if part is None:
        return
    labels = behaviour.labels[part]
    codes = labels.largest[:MOST_NAMES]
    for first in codes:
        for then in codes:
            names = part, labels.names[first], labels.names[then]
            if first != then and (test := _best(behaviour, names, is_after_failure=False)):
                yield test
            if test := _best(behaviour, names, is_after_failure=True):
                yield test


def sequence_part(behaviour: Behaviour) -> Part | None:
    """What the things in a sequence are: kinds, else scopes, else actors; None: all are alike."""
    return next((p for p in behaviour.other_parts if len(behaviour.labels[p].largest) > 1), None)


def _best(
    behaviour: Behaviour, names: tuple[Part, str, str], *, is_after_failure: bool
) -> PatternTest | None:
    tests = []
    for within in WITHIN_S:
        detail = NextRun(*names, within, is_after_failure)
        share, chance, days, p, n = judge_sequence(behaviour, detail)
        if days < LEAST_DAYS:
            return None
        tests.append(
            PatternTest(
                sort="sequence",
                group=Group(),
                detail=detail,
                n=n,
                support=days,
                unit="days",
                share=share,
                chance=chance,
                p=min(p * len(WITHIN_S), 1.0),
                searched=len(WITHIN_S),
                is_large=share >= LEAST_SHARE and share - chance >= LEAST_GAIN,
            )
        )
    return min(tests, key=lambda test: (test.p, -test.share))


def judge_sequence(behaviour: Behaviour, detail: NextRun) -> tuple[float, float, int, float, int]:
    """share, chance, days, p, and runs of the first."""
    if detail.is_after_failure:
        return _after_failure(behaviour, detail)
    found = follow(behaviour, detail)
    if not found.after.size:
        return 0.0, 0.0, 0, 1.0, 0
    beside = max(float(found.before.mean()), float(found.later.mean()))
    p = max(_signs(found.after, found.before), _signs(found.after, found.later))
    return float(found.after.mean()), beside, len(found.after), p, found.n


def follow(behaviour: Behaviour, detail: NextRun) -> Following:
    start, end, then, rows = _times(behaviour, detail)
    within = detail.within_s
    after = _any_between(then, end, end + within)
    later = _any_between(then, end + within, end + 2 * within)
    before = _any_between(then, start - within, start, side="left")
    days, place, counts = np.unique(
        behaviour.times.day[rows], return_inverse=True, return_counts=True
    )
    after, before, later = (
        np.bincount(place, one, len(days)) / counts for one in (after, before, later)
    )
    return Following(after, before, later, len(rows))


def _after_failure(behaviour: Behaviour, detail: NextRun) -> tuple[float, float, int, float, int]:
    """A day counts once for failures and once for successes; compared within weeks, exactly."""
    _, end, then, rows = _times(behaviour, detail)
    failed = behaviour.failed[rows]
    followed = _any_between(then, end, end + detail.within_s)
    known = ~np.isnan(failed)
    day = behaviour.times.day[rows][known]
    units, place, counts = np.unique(
        np.column_stack([day, failed[known]]), axis=0, return_inverse=True, return_counts=True
    )
    if not units.size:
        return 0.0, 0.0, 0, 1.0, 0
    shares = np.bincount(place.ravel(), followed[known], len(units)) / counts
    has_failed = units[:, 1] == 1
    if not has_failed.any() or has_failed.all():
        return 0.0, 0.0, 0, 1.0, 0
    weeks = (units[:, 0].astype(np.int64) - MONDAY) // 7
    p = stratified_p(weeks, has_failed, shares >= 0.5)
    n = int((failed == 1).sum())
    return (
        float(shares[has_failed].mean()),
        float(shares[~has_failed].mean()),
        (int(has_failed.sum())),
        p,
        n,
    )


def stratified_p(strata: Ints, is_exposed: Bools, is_case: Bools) -> float:
    """One-sided, exact given the margins of each stratum's table.

    Source: Birch, "The detection of partial association, I: the 2 × 2 case", 1964.
    """
    from scipy.stats import hypergeom

    distribution, observed = np.ones(1), 0
    for stratum in np.unique(strata):
        inside = strata == stratum
        exposed, cases = int(is_exposed[inside].sum()), int(is_case[inside].sum())
        total = int(inside.sum())
        observed += int((is_exposed & is_case & inside).sum())
        if exposed and cases and exposed < total and cases < total:
            support = np.arange(min(exposed, cases) + 1)
            distribution = np.convolve(distribution, hypergeom.pmf(support, total, cases, exposed))
        elif exposed and cases:
            distribution = np.concatenate([np.zeros(min(exposed, cases)), distribution])
    return float(min(distribution[observed:].sum(), 1.0))


def _times(behaviour: Behaviour, detail: NextRun) -> tuple[Floats, Floats, Floats, Ints]:
    """start and end of runs of the first, begins of the other (sorted), rows of the first."""
    labels = behaviour.labels[detail.part]
    codes = [
        labels.names.index(n) if n in labels.names else -1 for n in (detail.first, detail.then)
    ]
    rows = np.flatnonzero(labels.codes == codes[0])
    ended = behaviour.ended_s[rows]
    if detail.is_after_failure:
        rows, ended = rows[~np.isnan(ended)], ended[~np.isnan(ended)]
    start = behaviour.submitted_s[rows]
    end = np.where(np.isnan(ended), start, ended)
    return start, end, behaviour.submitted_s[labels.codes == codes[1]], rows


def _any_between(
    then: Floats, low: Floats, high: Floats, side: Literal["left", "right"] = "right"
) -> Floats:
    """1 where `then` has an instant in (low, high]; left: in [low, high)."""
    found: Floats = np.greater(
        np.searchsorted(then, high, side), np.searchsorted(then, low, side)
    ).astype(np.float64)
    return found


def _signs(a: Floats, b: Floats) -> float:
    """One-sided sign test over days."""
    from scipy.stats import binom

    more, less = int((a > b).sum()), int((a < b).sum())
    return float(binom.sf(more - 1, more + less, 0.5)) if more + less else 1.0
