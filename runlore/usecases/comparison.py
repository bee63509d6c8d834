"""A window's features and predictions against those that the champion was trained on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.drift.histogram import CHUNK_ROWS, Bins, Profile, count_chunks
from runlore.drift.sample import Sample, places
from runlore.drift.usual import usual
from runlore.drift.verdict import PREDICTION, WindowVerdict, Words, judge, not_enough
from runlore.features import matrix
from runlore.features.declaration import FeaturePlan
from runlore.models.spec import ModelSpec
from runlore.usecases import reference, window
from runlore.usecases.reference import Reference
from runlore.usecases.window import Frame

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RECALLED = (
    "The version was registered without a reference: its training rows were read from the log "
    "again, and predictions are not compared."
)
UNUSUAL = (
    "What is usual between windows of this length is not known: the training holds too few of them."
)
MOST_WINDOWS = 30
PARTIAL = "Not compared, because the window holds no whole weeks or days: {}."


@dataclass(frozen=True, eq=False)
class Champion:
    """A version as far as monitoring is concerned.

    predict: (n, F) rows to (n,) answers. reference: None when it was registered without one.
    trained_us: the submissions that bound its training rows.
    """

    version: str
    plan: FeaturePlan
    predict: Callable[[Rows], Floats]
    reference: Reference | None
    trained_us: tuple[int, int]

    @property
    def words(self) -> Words:
        return {vocabulary.name: vocabulary.words for vocabulary in self.plan.categories}


@dataclass(frozen=True, eq=False)
class Drawn:
    """Samples to draw, in columns of these names."""

    names: tuple[str, ...]
    reference: Sample
    current: Sample


@dataclass(frozen=True, eq=False)
class Finding:
    """note: what a reader must know about the comparison. drawn: None without enough data."""

    verdict: WindowVerdict
    note: str
    drawn: Drawn | None = None


def examine(champion: Champion, spec: ModelSpec, frame: Frame) -> Finding:
    """Judge a window on all its rows. One with too few fails before it costs anything."""
    if frame.chosen.size < spec.drift.least_rows:
        trained = champion.reference.profile.rows if champion.reference else 0
        return Finding(not_enough(trained, frame.chosen.size, spec.drift), frame.note)
    rows, _ = matrix.extract(frame.log, champion.plan)
    known = champion.reference or _recalled(champion, spec, frame, rows)
    left_out = window.incomparable(champion.plan, frame.length_s)
    names = tuple(name for name in known.names if name not in left_out)
    source = _Source(champion, rows, names)
    profile = known.profile.only(names)
    seen = usual(_training_windows(source, spec, frame, profile.bins), spec.drift)
    counted = source.count(profile.bins, frame.chosen)
    verdict = judge(profile, counted, spec.drift, champion.words, seen)
    notes = (
        frame.note,
        "" if champion.reference else RECALLED,
        PARTIAL.format(", ".join(left_out)) if left_out else "",
        "" if seen else UNUSUAL,
    )
    note = " ".join(each for each in notes if each)
    if verdict.answer == "not enough data":
        return Finding(verdict, note)
    most = spec.drift.report_rows
    shown = places(len(frame.chosen), most)
    sample = Sample(source.at(frame.chosen[shown]), len(frame.chosen), frame.submitted_us[shown])
    return Finding(verdict, note, Drawn(names, known.drawn(names, most), sample))


@dataclass(frozen=True, eq=False)
class _Source:
    """The log's rows in the columns to compare, made a chunk at a time."""

    champion: Champion
    rows: Rows
    names: tuple[str, ...]

    def count(self, bins: Sequence[Bins], positions: Ints) -> Profile:
        starts = range(0, len(positions), CHUNK_ROWS)
        return count_chunks(bins, (self.at(positions[at : at + CHUNK_ROWS]) for at in starts))

    def at(self, positions: Ints) -> Rows:
        rows = self.rows[positions]
        if PREDICTION in self.names:
            predictions = self.champion.predict(rows).astype(np.float32)
            rows = np.column_stack([rows, predictions])
        known = (*self.champion.plan.names, PREDICTION)
        return rows[:, [known.index(name) for name in self.names]]


def _training_windows(
    source: _Source, spec: ModelSpec, frame: Frame, bins: Sequence[Bins]
) -> list[Profile]:
    """The training rows that the log still holds, in windows as long as this one, newest first."""
    taught = np.flatnonzero(_taught(source.champion, spec, frame))
    if not taught.size:
        return []
    as_of_us = frame.log.as_of_us[taught]
    number = (as_of_us.max() - as_of_us) // round(frame.length_s * 1e6)
    last = min(int(number.max()), MOST_WINDOWS - 1)
    return [source.count(bins, taught[number == each]) for each in range(last + 1)]


def _taught(champion: Champion, spec: ModelSpec, frame: Frame) -> NDArray[np.bool_]:
    first, last = champion.trained_us
    as_of_us = frame.log.as_of_us
    return window.population(frame.log, spec) & (as_of_us >= first) & (as_of_us <= last)


def _recalled(champion: Champion, spec: ModelSpec, frame: Frame, rows: Rows) -> Reference:
    """The features of the training rows, as of their submission, out of the log again."""
    taught = rows[_taught(champion, spec, frame)]
    return reference.make(taught, champion.plan.names, tuple(champion.words), None)
