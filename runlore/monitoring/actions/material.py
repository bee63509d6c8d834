"""A log as one version sees it: what there is to count and to draw of each slice of time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.features import columns, matrix
from runlore.features.events import AT, FACT, FIRST_KNOWN, OWNER
from runlore.features.matrix import Log
from runlore.log import windows
from runlore.log.executions import read_facts
from runlore.log.windows import Grid
from runlore.monitoring.actions.champion import Champion
from runlore.monitoring.queries import slices
from runlore.monitoring.queries.slices import Slice, Watermark
from runlore.monitoring.rules.histogram import CHUNK_ROWS, Bins, Profile, count, count_chunks
from runlore.monitoring.rules.measures import LABEL, PREDICTION
from runlore.monitoring.rules.sample import Sample, places
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Store

Rows = NDArray[np.float32]
Ints = NDArray[np.int64]

NO_SLICE = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False)
class Labels:
    """Outcomes in the slice that they first became known in: slice and values are (n,)."""

    slice: Ints
    values: Rows


@dataclass(frozen=True, eq=False)
class Material:
    """A whole log as one version sees it. slice: (N,), NO_SLICE of what the spec leaves out."""

    champion: Champion
    log: Log
    rows: Rows
    slice: Ints
    labels: Labels

    @classmethod
    def read(cls, store: Store, champion: Champion, spec: ModelSpec, grid: Grid) -> "Material":
        log = matrix.prepare(read_facts(store))
        rows, _ = matrix.extract(log, champion.plan)
        belongs = windows.population(log, spec)
        numbers = np.where(belongs, grid.of(log.as_of_us), NO_SLICE)
        return cls(champion, log, rows, numbers, labels_of(log, spec, grid))

    @property
    def watermark(self) -> Watermark:
        return slices.watermark(self.log.facts["seq"].to_numpy(dtype=np.int64))

    def profile(self, bins: Sequence[Bins], number: int) -> Profile:
        """One slice, in columns of these bins."""
        of_rows = [each for each in bins if each.name != LABEL]
        names = [each.name for each in of_rows]
        chosen = np.flatnonzero(self.slice == number)
        starts = range(0, len(chosen), CHUNK_ROWS)
        chunks = (self.at(chosen[start : start + CHUNK_ROWS], names) for start in starts)
        counted = count_chunks(of_rows, chunks)
        of_labels = [each for each in bins if each.name == LABEL]
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
        """One slice with up to `most` of its rows in the columns `drawn`; none of no columns."""
        rows = int((self.slice == number).sum())
        sample = self._sample(number, drawn, most) if drawn else None
        return Slice(grid.begin(number), rows, sample)

    def _sample(self, number: int, names: Sequence[str], most: int) -> Sample:
        chosen = np.flatnonzero(self.slice == number)
        chosen = chosen[np.argsort(self.log.as_of_us[chosen], kind="stable")]
        drawn = chosen[places(len(chosen), most)]
        return Sample(self.at(drawn, names), len(chosen), self.log.as_of_us[drawn])


def labels_of(log: Log, spec: ModelSpec, grid: Grid) -> Labels:
    """The latest value of each outcome at the end of the slice in which it first became known."""
    events = log.events.outcomes
    numbers = grid.of(events[FIRST_KNOWN])
    told = columns.measure(log.facts, [spec.question.of]).table[:, 0]
    in_time = np.flatnonzero(grid.of(events[AT]) == numbers)
    owner = events[OWNER][in_time]
    last = in_time[np.r_[owner[1:] != owner[:-1], True]] if in_time.size else in_time
    values = told[events[FACT][last]]
    kept = np.isfinite(values) & windows.population(log, spec)[events[OWNER][last]]
    return Labels(numbers[last][kept], values[kept].astype(np.float32))
