"""All patterns of a behaviour that chance does not explain."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from runlore.advice.rules.patterns.behaviour import ComparedBehaviour, GroupRows, groups_of
from runlore.advice.rules.patterns.chance import FALSE_DISCOVERIES, PatternTest, corrected
from runlore.advice.rules.patterns.clusters import find_clusters
from runlore.advice.rules.patterns.details import FailureTime, TimeOfDay
from runlore.advice.rules.patterns.failure_times import find_failures
from runlore.advice.rules.patterns.outliers import OddRun, find_outliers
from runlore.advice.rules.patterns.periods import find_period
from runlore.advice.rules.patterns.sequences import find_sequences
from runlore.advice.rules.patterns.shifts import find_shifts
from runlore.advice.rules.patterns.times_of_day import find_time
from runlore.advice.rules.patterns.weekdays import find_weekdays

LEAST_RUNS = 10


@dataclass(frozen=True)
class FoundPattern:
    """q: the false discovery rate at which it is found, over all tests of this subject."""

    test: PatternTest
    q: float


@dataclass(frozen=True, eq=False)
class FoundPatterns:
    """patterns: the least likely by chance first. tested: patterns that were looked for.

    searched: alternatives in all, windows and periods included. reason: why there is none.
    """

    patterns: tuple[FoundPattern, ...]
    outliers: tuple[OddRun, ...]
    tested: int
    searched: int
    outlier_days: int
    reason: str


def find_patterns(compared: ComparedBehaviour, level: float = FALSE_DISCOVERIES) -> FoundPatterns:
    n = len(compared.behaviour)
    if n < LEAST_RUNS:
        runs = f"{n} executions are known" if n != 1 else "1 execution is known"
        return FoundPatterns((), (), 0, 0, 0, f"{runs}; at least {LEAST_RUNS} are needed")
    tests = list(look(compared))
    q_values = corrected(np.array([test.p for test in tests]))
    found = [
        FoundPattern(test, float(q))
        for test, q in zip(tests, q_values, strict=True)
        if q <= level and test.is_large
    ]
    found.sort(key=lambda one: (one.test.p, -one.test.share))
    outliers, days = find_outliers(compared, level)
    kept = _without_repeats(found)
    reason = "" if kept else f"none of {len(tests)} that were looked for is beyond chance"
    searched = sum(test.searched for test in tests)
    return FoundPatterns(tuple(kept), outliers, len(tests), searched, days, reason)


def look(compared: ComparedBehaviour) -> Iterator[PatternTest]:
    """Everything that is looked for, with its p, found or not."""
    groups = groups_of(compared.behaviour)
    for rows in groups:
        for test in (find_time, find_weekdays, find_period):
            if made := test(compared, rows):
                yield made
        yield from find_failures(compared, rows)
    yield from find_sequences(compared)
    yield from find_shifts(compared)
    chosen = _for_clusters(groups)
    if chosen and (made := find_clusters(compared, chosen)):
        yield made


def _for_clusters(groups: Sequence[GroupRows]) -> GroupRows | None:
    """The largest kind, or all where there is only one."""
    kinds = [g for g in groups if g.group.kind and g.group.scope is None and g.group.actor is None]
    return max(kinds or groups, key=lambda g: len(g.rows), default=None)


def _without_repeats(found: Sequence[FoundPattern]) -> list[FoundPattern]:
    """Of a group and its parts, the less likely of two patterns that say the same."""
    kept: list[FoundPattern] = []
    for one in found:
        if not any(_says_the_same(one.test, other.test) for other in kept):
            kept.append(one)
    return kept


def _says_the_same(one: PatternTest, other: PatternTest) -> bool:
    if one.sort != other.sort or not (one.group.is_in(other.group) or other.group.is_in(one.group)):
        return False
    a, b = one.detail, other.detail
    if isinstance(a, TimeOfDay) and isinstance(b, TimeOfDay):
        apart = abs((a.begin + a.width / 2 - b.begin - b.width / 2 + 720) % 1440 - 720)
        return apart < max(a.width, b.width) / 2 and one.group != other.group
    if isinstance(a, FailureTime) and isinstance(b, FailureTime):
        return a == b
    return one.sort in ("weekday", "period") and a == b
