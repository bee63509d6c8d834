"""The values that a spec's model learns, and the facts that hold them."""

import numpy as np
from numpy.typing import NDArray

from runlore.features import columns
from runlore.features.events import FACT, OWNER
from runlore.features.log import Log
from runlore.features.matured import matured_value
from runlore.specs.model_spec import ModelSpec

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def target_of(log: Log, spec: ModelSpec) -> Floats:
    """(N,): the target value of each execution, by its latest outcome; NaN while it is open.

    Of a value that counts once it is mature, by its latest mature outcome.
    """
    return _targets(log, spec)[0]


def target_facts(log: Log, spec: ModelSpec) -> Ints:
    """(N,): the positions of the facts that hold the targets; -1 while there is none."""
    return _targets(log, spec)[1] if matured_value(spec.question.of) else log.events.final


def _targets(log: Log, spec: ModelSpec) -> tuple[Floats, Ints]:
    values = columns.measure(log.facts, [spec.question.of]).table[:, 0]
    final = log.events.final
    if matured_value(spec.question.of):
        owner, fact = log.events.outcomes[[OWNER, FACT]]
        mature = np.isfinite(values[fact])
        final = np.full(final.size, -1, dtype=np.int64)
        final[owner[mature]] = fact[mature]  # of several the last, which became known last
    return np.where(final >= 0, values[final], np.nan), final
