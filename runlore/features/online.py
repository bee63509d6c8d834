"""One event at a time, on states that rest in the store: the same fold as over a whole log.

Both agree bit for bit as long as each event comes, for each of its keys, after all that the key
has seen, in the order of `events.Timeline`. This module computes the instants that keep it so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from runlore.features import fold
from runlore.features.columns import Floats, Results, number
from runlore.features.declaration import HistoryFeatures
from runlore.features.matrix import half_lives_us
from runlore.records.execution import NO_INSTANT, Scalar

NEVER = NO_INSTANT


@dataclass(frozen=True, slots=True)
class LatestInstants:
    """The latest submission and the latest outcome among some states, µs; NEVER for none."""

    submission_us: int = NEVER
    outcome_us: int = NEVER

    @property
    def last_us(self) -> int:
        return max(self.submission_us, self.outcome_us)


def seen(states: Iterable[Floats]) -> LatestInstants:
    every = list(states)
    return LatestInstants(
        max((_instant(state[fold.LAST_SUBMISSION]) for state in every), default=NEVER),
        max((_instant(state[fold.LAST_OUTCOME]) for state in every), default=NEVER),
    )


def _instant(value: float) -> int:
    return NEVER if np.isnan(value) else int(value)


def submission_instant(earliest_us: int, known: LatestInstants) -> int:
    """The earliest instant from `earliest_us` on that comes after all that is known.

    A submission follows whatever became known at its own instant.
    """
    return max(earliest_us, known.last_us)


def outcome_instant(
    earliest_us: int, submitted_us: int, known: LatestInstants, *, is_newest: bool
) -> int:
    """The first instant from `earliest_us` on at which an outcome comes after all that is known.

    At one instant outcomes come before submissions, so it must be later than any of those; but
    one that is known at its own submission's instant follows that submission directly, if that is
    still the last one. is_newest: nothing else was submitted at that instant since.
    """
    at_us = max(earliest_us, submitted_us, known.outcome_us)
    if at_us == submitted_us and known.submission_us <= submitted_us and is_newest:
        return at_us
    return max(at_us, known.submission_us + 1)


@dataclass(frozen=True, slots=True)
class FactResult:
    """The result of an execution as one fact records it; instants in µs or NO_INSTANT."""

    status: str
    submitted_us: int
    started_us: int = NO_INSTANT
    finished_us: int = NO_INSTANT
    outcome: Mapping[str, Scalar] = field(default_factory=dict)
    known_us: int = NO_INSTANT

    def measured(self, names: Sequence[str]) -> Floats:
        """(values,): NaN where the fact lacks the value."""
        row = Results(
            status=np.array([self.status], dtype=object),
            submitted=np.array([self.submitted_us], dtype=np.int64),
            started=np.array([self.started_us], dtype=np.int64),
            finished=np.array([self.finished_us], dtype=np.int64),
            outcome={name: np.array([number(value)]) for name, value in self.outcome.items()},
            known=np.array([self.known_us], dtype=np.int64),
        )
        return row.values(names).ravel()


@dataclass(frozen=True, slots=True)
class Outcome:
    """An outcome that becomes known.

    execution: the number of the execution's first fact. replaced: what was known of it before,
    since `first_known_us`; None when this is its first outcome.
    """

    execution: int
    result: FactResult
    replaced: FactResult | None = None
    first_known_us: int = NEVER


def empty_state(history: HistoryFeatures) -> Floats:
    return fold.empty_state(history.windows, len(history.values))


def submit(history: HistoryFeatures, state: Floats, at_us: int) -> None:
    """Update the state of a key for which work was submitted."""
    fold.submit(state, at_us, half_lives_us(history))


def conclude(history: HistoryFeatures, state: Floats, at_us: int, outcome: Outcome) -> None:
    """Update the state of a key whose work ended, or whose outcome was corrected."""
    fading_us = half_lives_us(history)
    measured = outcome.result.measured(history.values)
    if outcome.replaced is None:
        fold.finish(state, at_us, outcome.execution, measured, fading_us)
        return
    replaced = outcome.replaced.measured(history.values)
    first_us = outcome.first_known_us
    fold.correct(state, at_us, outcome.execution, first_us, measured, replaced, fading_us)
