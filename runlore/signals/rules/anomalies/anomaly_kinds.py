"""What kind of deviation an unusual point is, and stretches that no single point shows."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from runlore.signals.rules.series.grid import SECOND_US, Floats, Instants

AFTER = 12  # points that tell what a deviation is
MOST_OF = 0.75  # of them
SPREAD_TIMES = 3.0
LEAST_OUTSIDE = 0.25  # of them, where the spread is wider
LEAST_FLAT = 30  # equal points in a row
FLAT_TIMES = 10.0  # the longest run before
MISSING_STEPS = 5
MISSING_TIMES = 3.0  # the longest gap before
AnomalyKind = Literal[
    "point", "level", "spread", "flat", "missing", "rhythm", "many-unusual", "many-silent"
]


@dataclass(frozen=True)
class Stretch:
    """Points that are missing or do not move. since_us: of its last usual point; length: steps."""

    kind: AnomalyKind
    since_us: int
    until_us: int
    length: int
    longest_before: int


def classify(values: Floats, low: Floats, high: Floats, place: int) -> AnomalyKind:
    """The kind of the deviation that begins at a place, by the AFTER points from there on.

    low, high: the bands before each point was learned; the one at `place` judges all of them.
    """
    after = values[place : place + AFTER]
    bottom, top = low[place], high[place]
    if len(after) < AFTER or not np.isfinite(bottom):
        return "point"
    if max((after > top).mean(), (after < bottom).mean()) >= MOST_OF:
        return "level"
    before = np.abs(np.diff(values[max(0, place - 10 * AFTER) : place]))
    outside = float(((after > top) | (after < bottom)).mean())
    if len(before) > AFTER and outside >= LEAST_OUTSIDE:
        is_wider = np.median(np.abs(np.diff(after))) > SPREAD_TIMES * np.median(before)
        return "spread" if is_wider else "point"
    return "point"


def find_flat(at: Instants, values: Floats) -> list[Stretch]:
    """Runs of equal values, LEAST_FLAT long and FLAT_TIMES as long as any before."""
    if not len(values):
        return []
    firsts = np.flatnonzero(np.append(True, np.diff(values) != 0))
    lengths = np.diff(np.append(firsts, len(values)))
    longest = np.append(1, np.maximum.accumulate(lengths)[:-1])
    is_flat = (lengths >= LEAST_FLAT) & (lengths >= FLAT_TIMES * longest) & (firsts >= LEAST_FLAT)
    return [
        Stretch(
            "flat",
            int(at[firsts[run]]),
            int(at[firsts[run] + lengths[run] - 1]),
            int(lengths[run]),
            int(longest[run]),
        )
        for run in np.flatnonzero(is_flat)
    ]


def find_missing(at: Instants, step_s: int, until_us: int) -> list[Stretch]:
    """Gaps of MISSING_STEPS and MISSING_TIMES the longest gap before; the last one ends now."""
    if len(at) < LEAST_FLAT:
        return []
    ends = np.append(at[1:], max(until_us, int(at[-1])))
    steps = (ends - at) // (step_s * SECOND_US)
    longest = np.append(1, np.maximum.accumulate(np.maximum(steps, 1))[:-1])
    is_gap = (steps >= MISSING_STEPS) & (steps >= MISSING_TIMES * longest)
    is_gap[:LEAST_FLAT] = False
    return [
        Stretch("missing", int(at[p]), int(ends[p]), int(steps[p]), int(longest[p]))
        for p in np.flatnonzero(is_gap)
    ]
