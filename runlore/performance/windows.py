"""A version's answers, window by window: what came, what is to be expected, and how mature."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from runlore.models.gates import Measured
from runlore.models.spec import Score
from runlore.performance import maturity, trust
from runlore.performance.answered import Answered
from runlore.performance.estimated import estimate
from runlore.performance.realised import Realised, realise
from runlore.performance.trust import Assumption

Rows = NDArray[np.float32]

RIPE = 0.5
"""Of a window's outcomes: known before a verdict rests on it."""


@dataclass(frozen=True)
class WindowPerformance:
    """Answers after `first_us`, until `last_us`.

    maturity: of the outcomes that will be known, the share that is. estimated: empty where it is
    withdrawn or there is none; assumptions: those of the estimate, tested.
    """

    first_us: int
    last_us: int
    answers: int
    maturity: float
    realised: Realised
    estimated: Mapping[Score, Measured] = field(default_factory=dict)
    assumptions: tuple[Assumption, ...] = ()

    @property
    def withdrawn(self) -> tuple[Assumption, ...]:
        return tuple(each for each in self.assumptions if each.holds is False)


@dataclass(frozen=True, eq=False)
class Support:
    """Rows that taught, (m, F), to compare with the rows that were answered, (n, F)."""

    names: tuple[str, ...]
    taught: Rows
    rows: Rows


def measure(
    answered: Answered, edges_us: Sequence[int], support: Support | None, *, is_probability: bool
) -> tuple[WindowPerformance, ...]:
    """Windows between neighbouring edges, oldest first; those without an answer are left out."""
    delays = maturity.delays(answered)
    found = []
    for first, last in pairwise(edges_us):
        inside = (answered.as_of_us > first) & (answered.as_of_us <= last)
        if not inside.any():
            continue
        mine = answered.take(inside)
        realised = realise(mine, answered, is_probability=is_probability)
        ripe = float(delays.maturity(mine.age_s).mean())
        window = WindowPerformance(first, last, len(mine), ripe, realised)
        if is_probability:
            until = answered.take(answered.as_of_us <= last)
            window = replace(window, assumptions=_assumptions(until, inside, support))
            if not window.withdrawn:
                window = replace(window, estimated=estimate(mine.prediction))
        found.append(window)
    return tuple(found)


def _assumptions(
    until: Answered, inside: NDArray[np.bool_], support: Support | None
) -> tuple[Assumption, ...]:
    current = until.prediction[inside[: len(until)]]
    empty = np.zeros((0, 0), dtype=np.float32)
    rows = support.rows[inside] if support else empty
    taught, names = (support.taught, support.names) if support else (empty, ())
    return (
        trust.are_enough(current),
        trust.is_calibrated(until, current),
        trust.is_supported(rows, taught, names),
    )


def judged(windows: Sequence[WindowPerformance], least_labels: int) -> int | None:
    """The place of the newest window that a verdict may rest on; None when there is none."""
    ripe = [
        place
        for place, each in enumerate(windows)
        if each.maturity >= RIPE and each.realised.labels >= least_labels
    ]
    return ripe[-1] if ripe else None
