"""What like tasks took of late, as known when a task was submitted.

Tasks are alike in a grain: a set of fields that have the same values.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.promises.task_log import UNKNOWN_US, CodedTasks

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]
Grain = tuple[int, ...]  # columns of the fields

RECENT = 16  # outcomes of like tasks that are looked at
MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class LikeHistory:
    """values: (n, k) of the last k like tasks, newest first, NaN where there are fewer.

    known, pending: (n,) like tasks with and without a known outcome. age_s: since the newest
    outcome; since_s: since the last like submission; NaN: there is none.
    """

    values: Floats
    known: Floats
    pending: Floats
    age_s: Floats
    since_s: Floats


@dataclass(frozen=True, eq=False)
class KeyedTimes:
    """Positions in order of (key, time), as one number each: a look-up is a binary search."""

    positions: Ints
    keys: Keys
    times: Ints
    ordered: Ints

    def count(self, asked: Keys, at: Ints) -> tuple[Ints, Ints]:
        """Begin and end of what has each key and is before each time."""
        key = np.searchsorted(self.keys, asked)
        is_new = key == len(self.keys)
        is_new |= self.keys[np.where(is_new, 0, key)] != asked if len(self.keys) else True
        first = key * (len(self.times) + 1)
        begin = np.searchsorted(self.ordered, first)
        end = np.searchsorted(self.ordered, first + np.searchsorted(self.times, at))
        return begin, np.where(is_new, begin, end)


def _keyed_times(positions: Ints, keys: Keys, times: Ints) -> KeyedTimes:
    unique_keys, key = np.unique(keys, return_inverse=True)
    unique_times, time = np.unique(times, return_inverse=True)
    numbers = key.astype(np.int64) * (len(unique_times) + 1) + time
    order = np.argsort(numbers, kind="stable")
    return KeyedTimes(positions[order], unique_keys, unique_times, numbers[order])


@dataclass(frozen=True, eq=False)
class GrainIndex:
    """The past in one grain."""

    grain: Grain
    past: CodedTasks

    def look_up(self, tasks: CodedTasks, k: int = RECENT) -> LikeHistory:
        """Of m tasks, from outcomes that were known before each was submitted."""
        asked, at = grain_keys(tasks, self.grain), tasks.submitted_us
        last, is_there, known = self._last(asked, at, k)
        submitted = self._by_submission
        begin, end = submitted.count(asked, at)
        newest, since = np.full(len(tasks), np.nan), np.full(len(tasks), np.nan)
        has_outcome, has_before = is_there[:, 0], end > begin
        newest[has_outcome] = self.past.known_us[last[has_outcome, 0]]
        before = submitted.positions[end[has_before] - 1]
        since[has_before] = self.past.submitted_us[before]
        return LikeHistory(
            self._gather(self.past.values, last, is_there),
            known.astype(np.float64),
            (end - begin - known).astype(np.float64),
            (at - newest) / 1e6,
            (at - since) / 1e6,
        )

    def last_values(self, tasks: CodedTasks, values: Floats, k: int) -> Floats:
        """(m, k, columns) of (n, columns) values of the past, newest first."""
        asked = grain_keys(tasks, self.grain)
        last, is_there, _ = self._last(asked, tasks.submitted_us, k)
        return self._gather(values, last, is_there[:, :, None])

    def _last(self, asked: Keys, at: Ints, k: int) -> tuple[Ints, NDArray[np.bool_], Ints]:
        """(m, k) positions in the past, whether there is one, and (m,) how many there are."""
        known = self._by_outcome
        begin, end = known.count(asked, at)
        places = end[:, None] - 1 - np.arange(k)[None, :]
        is_there = places >= begin[:, None]
        if not len(known.positions):
            return np.zeros(places.shape, dtype=np.int64), is_there, end - begin
        return known.positions[np.maximum(places, 0)], is_there, end - begin

    def _gather(self, values: Floats, last: Ints, is_there: NDArray[np.bool_]) -> Floats:
        seen: Floats = np.where(is_there, values[last] if len(values) else np.nan, np.nan)
        return seen

    @cached_property
    def _by_outcome(self) -> KeyedTimes:
        known = np.flatnonzero(self.past.known_us < UNKNOWN_US)
        return _keyed_times(known, self._keys[known], self.past.known_us[known])

    @cached_property
    def _by_submission(self) -> KeyedTimes:
        every = np.arange(len(self.past))
        return _keyed_times(every, self._keys, self.past.submitted_us)

    @cached_property
    def _keys(self) -> Keys:
        return grain_keys(self.past, self.grain)


def grain_keys(tasks: CodedTasks, grain: Grain) -> Keys:
    """(n,): one number for each combination of values; collisions have odds of 2^-64."""
    keys = np.zeros(len(tasks), dtype=np.uint64)
    for field in grain:
        keys = (keys ^ tasks.fields[:, field].astype(np.uint64)) * MIX
        keys ^= keys >> np.uint64(29)
        keys *= np.uint64(0xBF58476D1CE4E5B9)
        keys ^= keys >> np.uint64(32)
    return keys
