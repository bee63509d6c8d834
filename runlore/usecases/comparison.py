"""A window's features and predictions against those that the champion was trained on."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.drift.histogram import CHUNK_ROWS, Profile, count_chunks
from runlore.drift.sample import Sample, places
from runlore.drift.verdict import PREDICTION, WindowVerdict, Words, judge, not_enough
from runlore.features import matrix
from runlore.features.declaration import FeaturePlan
from runlore.models.spec import DriftPolicy, ModelSpec
from runlore.records.errors import NotFound
from runlore.usecases import reference, window
from runlore.usecases.reference import Reference
from runlore.usecases.window import Frame

Rows = NDArray[np.float32]
Floats = NDArray[np.float64]


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
    trained_us: tuple[int, int] | None = None

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
    """Judge a window. It fails for want of rows before it costs anything."""
    policy = spec.drift
    if frame.chosen.size < policy.least_rows:
        trained = champion.reference.profile.rows if champion.reference else 0
        return Finding(not_enough(trained, frame.chosen.size, policy), frame.note)
    rows, _ = matrix.extract(frame.log, champion.plan)
    known, note = champion.reference, frame.note
    if known is None:
        known, note = _recalled(champion, spec, frame, rows), f"{note} {RECALLED}".strip()
    current = _answered(champion, rows[frame.chosen], known)
    left_out = window.incomparable(champion.plan, frame.length_s)
    if left_out:
        note = f"{note} Not compared, since the window holds no whole weeks: {', '.join(left_out)}."
    return _judged(champion, policy, frame, known, current, left_out, note.strip())


RECALLED = (
    "The version was registered without a reference: its training rows were read from the log "
    "again, and predictions are not compared."
)


def _recalled(champion: Champion, spec: ModelSpec, frame: Frame, rows: Rows) -> Reference:
    """The features of the training rows, as of their submission, out of the log."""
    if champion.trained_us is None:
        raise NotFound(
            f"{spec.name} version {champion.version} has neither a reference nor the bounds of its "
            f"training rows; train it again: `runlore train {spec.name}`"
        )
    first, last = champion.trained_us
    taught = window.population(frame.log, spec)
    taught &= (frame.log.as_of_us >= first) & (frame.log.as_of_us <= last)
    return reference.make(rows[taught], champion.plan.names, tuple(champion.words), None)
