"""What an actor, a kind or a scope did, and when everybody else works."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from runlore.advice.rules.patterns.local_time import (
    HOUR_S,
    HOURS,
    MONDAY,
    LocalTimes,
    local_times,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Part = Literal["actor", "kind", "scope"]

PARTS: tuple[Part, ...] = ("actor", "kind", "scope")
LEAST_DAYS = 5  # active days of a group
MOST_LABELS = 8  # groups of one sort, the largest
LONGEST_GAP_H = 24 * 40
EVEN_DAYS = 7.0  # days of an even cycle that count beside everybody's


@dataclass(frozen=True, eq=False)
class Labels:
    """codes: (n,) places in `names`."""

    codes: Ints
    names: tuple[str, ...]

    @cached_property
    def largest(self) -> tuple[int, ...]:
        """Codes, the most frequent first."""
        counts = np.bincount(self.codes, minlength=len(self.names))
        return tuple(int(at) for at in np.argsort(-counts, kind="stable") if counts[at])


@dataclass(frozen=True, eq=False)
class Behaviour:
    """n executions in the order of submission, times in seconds since 1970.

    ended_s: NaN where it has not ended. failed: 1, 0, or NaN where it is not known.
    part, name: whose behaviour it is.
    """

    part: Part
    name: str
    zone: tzinfo
    submitted_s: Floats
    ended_s: Floats
    duration_s: Floats
    failed: Floats
    labels: Mapping[Part, Labels]
    inputs: Mapping[str, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.submitted_s)

    @cached_property
    def times(self) -> LocalTimes:
        return local_times(self.submitted_s, self.zone)

    @property
    def other_parts(self) -> tuple[Part, ...]:
        return tuple(part for part in ("kind", "scope", "actor") if part != self.part)


@dataclass(frozen=True)
class Group:
    """Executions of a behaviour; None: of any."""

    actor: str | None = None
    kind: str | None = None
    scope: str | None = None

    def is_in(self, other: "Group") -> bool:
        return all(getattr(other, part) in (None, getattr(self, part)) for part in PARTS)


@dataclass(frozen=True, eq=False)
class GroupRows:
    group: Group
    rows: Ints


def groups_of(behaviour: Behaviour) -> list[GroupRows]:
    """The whole, its largest parts, and pairs of them: each set of rows once, by its best name."""
    found: dict[bytes, GroupRows] = {}
    for group, mask in _masks(behaviour):
        rows = np.flatnonzero(mask)
        if len(np.unique(behaviour.times.day[rows])) >= LEAST_DAYS:
            found.setdefault(rows.tobytes(), GroupRows(group, rows))
    return list(found.values())


def rows_of(behaviour: Behaviour, group: Group) -> Ints:
    mask = np.ones(len(behaviour), dtype=bool)
    for part in PARTS:
        name = getattr(group, part)
        if name is not None:
            labels = behaviour.labels[part]
            code = labels.names.index(name) if name in labels.names else -1
            mask &= labels.codes == code
    return np.flatnonzero(mask)


def _masks(behaviour: Behaviour) -> Iterator[tuple[Group, Mask]]:
    first, second = behaviour.other_parts
    a, b = behaviour.labels[first], behaviour.labels[second]
    named = _only_kind(behaviour)
    # a name that all executions have sets nothing apart
    singles = [(part, one) for part, one in ((first, a), (second, b)) if len(one.largest) > 1]
    pairs, counts = np.unique(np.column_stack([a.codes, b.codes]), axis=0, return_counts=True)
    for at in np.argsort(-counts, kind="stable")[: MOST_LABELS if len(singles) == 2 else 0]:
        i, j = pairs[at]
        group = Group(**{**named, first: a.names[i], second: b.names[j]})
        yield group, (a.codes == i) & (b.codes == j)
    for part, labels in singles:
        for code in labels.largest[:MOST_LABELS]:
            yield Group(**{**named, part: labels.names[code]}), labels.codes == code
    yield Group(**named), np.ones(len(behaviour), dtype=bool)


def _only_kind(behaviour: Behaviour) -> dict[str, str]:
    """The kind of all executions, to call them by it; empty: there are several."""
    kinds = behaviour.labels["kind"]
    is_one = behaviour.part != "kind" and len(kinds.largest) == 1 and kinds.names[kinds.largest[0]]
    return {"kind": kinds.names[kinds.largest[0]]} if is_one else {}


@dataclass(frozen=True, eq=False)
class CommonCycle:
    """When everybody else works, by local time.

    hours: (7, 24) shares of each weekday's work, rows sum to 1. weekdays: (7,) sums to 1.
    days: working days of streams of work that this rests on; 0: nobody else works, all is even.
    """

    hours: Floats
    weekdays: Floats
    days: float

    def upper(self, share: Floats) -> Floats:
        """The largest share that is compatible with so many days (two standard errors)."""
        spread = np.sqrt(share * (1 - share) / (self.days + EVEN_DAYS)) if self.days else 0.0
        return np.minimum(share + 2 * spread, 1.0)


@dataclass(frozen=True, eq=False)
class StreamCounts:
    """Streams (actor, kind, scope) at work in each local hour and on each local day.

    hour, day: sorted numbers since 1970. hour_streams, day_streams: how many worked then.
    """

    hour: Ints
    hour_streams: Floats
    day: Ints
    day_streams: Floats


def own_counts(behaviour: Behaviour) -> StreamCounts:
    stream = np.zeros(len(behaviour), dtype=np.int64)
    for labels in behaviour.labels.values():
        stream = stream * (len(labels.names) + 1) + labels.codes
    times = behaviour.times
    hour = times.day * 24 + (times.minute // 60).astype(np.int64)
    return StreamCounts(*_streams(hour, stream), *_streams(times.day, stream))


def _streams(place: Ints, stream: Ints) -> tuple[Ints, Floats]:
    pairs = np.unique(np.column_stack([place, stream]), axis=0)
    values, counts = np.unique(pairs[:, 0], return_counts=True)
    return values, counts.astype(np.float64)


def common_cycle(everybody: StreamCounts, own: StreamCounts) -> CommonCycle:
    """Everybody's counts without the subject's own, over the days that the subject spans."""
    hours, days = np.zeros((7, 24)), np.zeros(7)
    if own.day.size:
        first, last = own.day[0], own.day[-1]
        for counts, sign in ((everybody, 1.0), (own, -1.0)):
            kept = (counts.hour >= first * 24) & (counts.hour < (last + 1) * 24)
            hour = counts.hour[kept]
            weekday = (hour // 24 - MONDAY) % 7
            np.add.at(hours, (weekday, hour % 24), sign * counts.hour_streams[kept])
            kept = (counts.day >= first) & (counts.day <= last)
            weekday = (counts.day[kept] - MONDAY) % 7
            np.add.at(days, weekday, sign * counts.day_streams[kept])
    return make_cycle(np.maximum(hours, 0), np.maximum(days, 0))


def make_cycle(hours: Floats, days: Floats) -> CommonCycle:
    """hours: (7, 24) and days: (7,) counts; a few even days are added."""
    total = float(days.sum())
    week = hours.sum(axis=0)
    week = week / week.sum() if week.sum() else np.full(24, 1 / 24)
    # a weekday with little of its own has the hours of the week, the week those of an even day
    week = (week * total + EVEN_DAYS / 24) / (total + EVEN_DAYS)
    sums = hours.sum(axis=1, keepdims=True)
    own = np.divide(hours, sums, out=np.zeros_like(hours), where=sums > 0)
    weight = days[:, None]
    shares = (own * weight + week * EVEN_DAYS) / (weight + EVEN_DAYS)
    shares = np.where(sums > 0, shares, week)
    return CommonCycle(shares, (days + EVEN_DAYS / 7) / (total + EVEN_DAYS), total)


@dataclass(frozen=True, eq=False)
class ComparedBehaviour:
    """A behaviour beside everybody else's."""

    behaviour: Behaviour
    cycle: CommonCycle

    @cached_property
    def _clock(self) -> tuple[Floats, Floats]:
        at = self.behaviour.submitted_s
        first, last = np.floor(at.min() / HOUR_S), np.ceil(at.max() / HOUR_S) + LONGEST_GAP_H
        grid = np.arange(first, last + 1) * HOUR_S
        rates = (self.cycle.hours * self.cycle.weekdays[:, None] * 7).reshape(HOURS)
        middles = local_times(grid[:-1] + HOUR_S / 2, self.behaviour.zone)
        return grid, np.concatenate([[0.0], np.cumsum(rates[middles.hour_of_week])])

    def work_until(self, at_s: Floats) -> Floats:
        """(n,) days of everybody's work from the first run on: time as the common cycle runs.

        Source: Brown et al., "The time-rescaling theorem and its application to neural spike train
        data analysis", Neural Computation 14, 2002.
        """
        grid, done = self._clock
        result: Floats = np.interp(at_s, grid, done)
        return result
