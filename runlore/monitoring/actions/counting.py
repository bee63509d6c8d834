"""Slices of a log, as one version sees it, as histograms: counted once and kept in the store.

A slice holds the executions that became known in it, with their features as of that instant and
what the champion answers for them, and the outcomes that first became known in it, as they were
known at its end: work that still runs has no label yet. So a slice never changes unless facts come
in that had been known by its end, and then it alone is counted again.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from runlore.features import columns, matrix
from runlore.features.events import AT, FACT, FIRST_KNOWN, OWNER
from runlore.features.matrix import Log
from runlore.kernel.errors import Unavailable
from runlore.log import time_slices
from runlore.log.reader import read_log
from runlore.log.time_slices import Grid, SliceRange
from runlore.monitoring.actions.reference import Champion
from runlore.monitoring.queries import drift_slices, histograms
from runlore.monitoring.queries.drift_slices import Counter, Slice, Watermark
from runlore.monitoring.rules.histogram import CHUNK_ROWS, Bins, Profile, count, count_chunks
from runlore.monitoring.rules.measures import LABEL, PREDICTION
from runlore.monitoring.rules.sample import Sample, places
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Store

Rows = NDArray[np.float32]
Ints = NDArray[np.int64]

NO_SLICE = np.iinfo(np.int64).min

SLICES_AT_ONCE = 32
MOST_TRIES = 3
KEPT = timedelta(days=30)  # how long slices of a version stay after they were last counted


@dataclass(frozen=True, eq=False)
class SliceLabels:
    """Outcomes, each in the slice in which it first became known: slice and values are (n,)."""

    slice: Ints
    values: Rows


@dataclass(frozen=True, eq=False)
class VersionLog:
    """A whole log as one version sees it. slice: (N,), NO_SLICE of what the spec leaves out."""

    champion: Champion
    log: Log
    rows: Rows
    slice: Ints
    labels: SliceLabels

    @classmethod
    def read(cls, store: Store, champion: Champion, spec: ModelSpec, grid: Grid) -> "VersionLog":
        log = read_log(store)
        rows, _ = matrix.extract(log, champion.plan)
        belongs = time_slices.population(log, spec)
        numbers = np.where(belongs, grid.of(log.as_of_us), NO_SLICE)
        return cls(champion, log, rows, numbers, labels_of(log, spec, grid))

    @property
    def watermark(self) -> Watermark:
        return drift_slices.watermark(self.log.facts["seq"].to_numpy(dtype=np.int64))

    def profile(self, bins: Sequence[Bins], number: int) -> Profile:
        """Count one slice in these bins."""
        of_rows = [column for column in bins if column.name != LABEL]
        names = [column.name for column in of_rows]
        chosen = np.flatnonzero(self.slice == number)
        starts = range(0, len(chosen), CHUNK_ROWS)
        chunks = (self.at(chosen[start : start + CHUNK_ROWS], names) for start in starts)
        counted = count_chunks(of_rows, chunks)
        of_labels = [column for column in bins if column.name == LABEL]
        if not of_labels:
            return counted
        known = self.labels.values[self.labels.slice == number]
        return Profile((*counted.columns, *count(of_labels, known[:, np.newaxis]).columns))

    def at(self, positions: Ints, names: Sequence[str]) -> Rows:
        """(n, names): features, and what the champion answers."""
        rows = self.rows[positions]
        if PREDICTION in names:
            predictions = self.champion.predict(rows).astype(np.float32)
            rows = np.column_stack([rows, predictions])
        known = (*self.champion.plan.names, PREDICTION)
        return rows[:, [known.index(name) for name in names]]

    def slice_of(self, number: int, grid: Grid, drawn: Sequence[str], most: int) -> Slice:
        """Return a slice with at most `most` sample rows of the columns `drawn`."""
        rows = int((self.slice == number).sum())
        sample = self._sample(number, drawn, most) if drawn else None
        return Slice(grid.begin(number), rows, sample)

    def _sample(self, number: int, names: Sequence[str], most: int) -> Sample:
        chosen = np.flatnonzero(self.slice == number)
        chosen = chosen[np.argsort(self.log.as_of_us[chosen], kind="stable")]
        drawn = chosen[places(len(chosen), most)]
        return Sample(self.at(drawn, names), len(chosen), self.log.as_of_us[drawn])


def labels_of(log: Log, spec: ModelSpec, grid: Grid) -> SliceLabels:
    """The latest value of each outcome at the end of the slice in which it first became known."""
    events = log.events.outcomes
    numbers = grid.of(events[FIRST_KNOWN])
    outcomes = columns.measure(log.facts, [spec.question.of]).table[:, 0]
    in_time = np.flatnonzero(grid.of(events[AT]) == numbers)
    owner = events[OWNER][in_time]
    last = in_time[np.r_[owner[1:] != owner[:-1], True]] if in_time.size else in_time
    values = outcomes[events[FACT][last]]
    is_usable = np.isfinite(values) & time_slices.population(log, spec)[events[OWNER][last]]
    return SliceLabels(numbers[last][is_usable], values[is_usable].astype(np.float32))


@dataclass(frozen=True, eq=False)
class CountRequest:
    """windows: those to count. drawn: the window to sample, at most `most` rows a slice."""

    windows: tuple[SliceRange, ...]
    drawn: SliceRange
    most: int

    @property
    def numbers(self) -> list[int]:
        return sorted({number for window in self.windows for number in window.numbers})


@dataclass(frozen=True, eq=False)
class SliceCounting:
    """The counts of one version, in the bins of its reference, slice by slice.

    read: reads the whole log; called only where a slice is missing or stale.
    """

    store: Store
    counter: Counter
    bins: tuple[Bins, ...]
    read: Callable[[], VersionLog]

    @property
    def drawn(self) -> tuple[str, ...]:
        """The columns that can be drawn: labels are of other rows."""
        return tuple(column.name for column in self.bins if column.name != LABEL)

    def bring_up_to_date(self, request: CountRequest, at: datetime) -> None:
        """Count what is missing or stale, SLICES_AT_ONCE in one transaction: cut off, it goes on
        there. Raises Unavailable when facts of long ago keep coming in.
        """
        for _ in range(MOST_TRIES):
            missing = self._missing(request)
            if not missing:
                return
            material = self.read()
            for start in range(0, len(missing), SLICES_AT_ONCE):
                self._count(material, missing[start : start + SLICES_AT_ONCE], request, at)
            self._settle(material, request, at)
        raise Unavailable(
            f"{self.counter.spec}: facts of the past keep coming in; try again after them"
        )

    def _missing(self, request: CountRequest) -> list[int]:
        with self.store.begin() as connection:
            drift_slices.lock(connection, self.counter)
            drift_slices.drop_stale(connection, self.counter)
            there = drift_slices.present(connection, self.counter)
        grid, drawn = request.drawn.grid, request.drawn.numbers
        return [
            number
            for number in request.numbers
            if (stored := there.get(grid.begin(number))) is None
            or (number in drawn and not stored.has_sample)
        ]

    def _count(
        self, material: VersionLog, numbers: Sequence[int], request: CountRequest, at: datetime
    ) -> None:
        grid = request.drawn.grid
        slices = [
            material.slice_of(
                number, grid, self.drawn if number in request.drawn.numbers else (), request.most
            )
            for number in numbers
        ]
        profiles = {grid.begin(number): material.profile(self.bins, number) for number in numbers}
        with self.store.begin() as connection:
            drift_slices.lock(connection, self.counter)
            drift_slices.add(connection, self.counter, material.watermark, slices, at)
            histograms.add(connection, self.counter, profiles)

    def _settle(self, material: VersionLog, request: CountRequest, at: datetime) -> None:
        """Mark the slices that were not counted again as up to date, and drop unused ones."""
        with self.store.begin() as connection:
            drift_slices.lock(connection, self.counter)
            drift_slices.drop_stale(connection, self.counter)
            drift_slices.advance(connection, self.counter, material.watermark)
            drift_slices.forget_samples(connection, self.counter, request.drawn.begin)
            drift_slices.drop_others(connection, self.counter, at - KEPT)

    def profiles(self, windows: Sequence[SliceRange]) -> list[Profile]:
        """Return the profile of each window, added up from its slices."""
        grid = windows[0].grid
        starts = sorted({grid.begin(number) for window in windows for number in window.numbers})
        with self.store.begin() as connection:
            profiles = histograms.read(connection, self.counter, self.bins, starts)
        return [
            reduce(Profile.merged, (profiles[grid.begin(number)] for number in window.numbers))
            for window in windows
        ]

    def sample(self, window: SliceRange, most: int) -> Sample:
        """At most `most` rows of a window, of each slice in proportion to its rows."""
        starts = [window.grid.begin(number) for number in window.numbers]
        with self.store.begin() as connection:
            parts = drift_slices.samples(connection, self.counter, starts, len(self.drawn))
        rows = np.array([part.of for part in parts], dtype=np.int64)
        total = int(rows.sum())
        upto = np.round(np.cumsum(rows) / max(total, 1) * min(most, total)).astype(np.int64)
        sizes = np.diff(upto, prepend=0).tolist()
        chosen = [places(len(part.values), size) for part, size in zip(parts, sizes, strict=True)]
        values = [part.values[at] for part, at in zip(parts, chosen, strict=True)]
        at_us = [
            part.at_us[at] for part, at in zip(parts, chosen, strict=True) if part.at_us is not None
        ]
        drawn = np.concatenate([np.empty((0, len(self.drawn)), np.float32), *values])
        return Sample(drawn, total, np.concatenate([np.empty(0, np.int64), *at_us]))


def counter_of(champion: Champion, bins: Sequence[Bins], spec: ModelSpec, grid: Grid) -> Counter:
    """Return the key of the counts: other bins or another model mean other slices."""
    return counter_key((spec.name, champion.version, champion.digest), bins, grid)


def counter_key(version: tuple[str, str, str], bins: Sequence[Bins], grid: Grid) -> Counter:
    """The same by names alone. version: spec, number, and digest of the bundle."""
    spec, number, bundle_digest = version
    digest = hashlib.sha256(bundle_digest.encode())
    for column in bins:
        digest.update(column.name.encode())
        digest.update(column.cuts.tobytes())
    return Counter(spec, number, grid.length_us, digest.hexdigest())
