"""Failures that answers foresaw, and what they cost. Pure.

An answer counts if it was about work whose end was not known when it was as of. It is a warning at
a risk that the user sets, or among the riskiest tenth of the period's answers. What somebody made
of a warning is not known, so hours and money are what could have been saved, not what was.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

RISKIEST = 0.1


@dataclass(frozen=True, eq=False)
class JudgedAnswers:
    """n answers about a failure, one of each execution whose end is known.

    was_early: (n,): it was given before the end was known, so that somebody could act on it.
    run_s, cost: (n,), NaN where it is not known. day: (n,), number of the day in the period.
    """

    prediction: Floats
    failed: Mask
    was_early: Mask
    run_s: Floats
    cost: Floats
    day: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.prediction)


@dataclass(frozen=True)
class ForeseenFailures:
    """warnings: answers that are warnings. foreseen, false_alarms: of these. early: foreseen by an
    answer that was given in time. hours, money: of running the foreseen ones; None: not known."""

    answers: int
    failures: int
    warnings: int
    foreseen: int
    false_alarms: int
    early: int
    threshold: float
    hours: float
    unknown_hours: int
    cost: float


def warnings_of(prediction: Floats, warns_at: float | None) -> tuple[Mask, float]:
    """Which answers are warnings, and from which risk on.

    >>> mask, threshold = warnings_of(np.array([0.1, 0.9, 0.2, 0.2]), 0.5)
    >>> mask.tolist(), threshold
    ([False, True, False, False], 0.5)
    """
    if warns_at is not None:
        return prediction >= warns_at, warns_at
    if not len(prediction):
        return np.zeros(0, dtype=np.bool_), float("nan")
    most = max(int(RISKIEST * len(prediction)), 1)
    threshold = float(np.sort(prediction)[-most])
    chosen = prediction >= threshold
    if chosen.sum() > most:  # ties: the riskiest tenth is never more than a tenth
        above = prediction > threshold
        if above.any():
            return above, float(prediction[above].min())
    return chosen, threshold


def count_foreseen(answers: JudgedAnswers, warns_at: float | None) -> ForeseenFailures:
    """What the warnings among the answers foresaw."""
    is_warning, threshold = warnings_of(answers.prediction, warns_at)
    foreseen = is_warning & answers.failed
    run_s = answers.run_s[foreseen]
    return ForeseenFailures(
        answers=len(answers),
        failures=int(answers.failed.sum()),
        warnings=int(is_warning.sum()),
        foreseen=int(foreseen.sum()),
        false_alarms=int((is_warning & ~answers.failed).sum()),
        early=int((foreseen & answers.was_early).sum()),
        threshold=threshold,
        hours=float(np.nansum(run_s)) / 3600.0,
        unknown_hours=int(np.isnan(run_s).sum()),
        cost=float(np.nansum(answers.cost[foreseen])),
    )
