"""What came of a visit that was due, and of many: made, failed first, or neither."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

VisitState = Literal["open", "visited", "failed", "neither"]


@dataclass(frozen=True)
class VisitOutcome:
    """at: of the visit or failure. days: how long it was watched. foreseen: failures expected in
    that time by the risk it was issued with; None: not over yet."""

    state: VisitState
    at: datetime | None
    days: float
    foreseen: float | None


@dataclass(frozen=True)
class VisitRecord:
    """Visits that were due, by what came of them. foreseen: failures expected until each was
    visited, failed, or its horizon ended; `failed` is what it compares with."""

    due: int
    visited: int
    failed: int
    neither: int
    open: int
    dismissed: int
    foreseen: float


def settle_visit(
    issued_at: datetime,
    alive: tuple[Sequence[float], Sequence[float]],
    renewals: Sequence[tuple[datetime, bool]],
    as_of: datetime,
) -> VisitOutcome:
    """The first thing that happened within the horizon.

    alive: days since it was issued up to the horizon, and the share expected to live as long.
    renewals: failures (True) and visits of the scope, in any order. Until a visit or the horizon a
    life is censored, so that `foreseen` is its cumulative hazard: over many, failures and foreseen
    ones are equal in expectation (Therneau, Grambsch & Fleming, "Martingale-based residuals for
    survival models", 1990).
    """
    end = issued_at + timedelta(days=float(alive[0][-1]))
    within = sorted(row for row in renewals if issued_at < row[0] <= min(end, as_of))
    if within:
        at, is_failure = within[0]
        days = (at - issued_at).total_seconds() / 86_400
        state: VisitState = "failed" if is_failure else "visited"
        return VisitOutcome(state, at, days, _hazard(alive, days))
    if as_of < end:
        return VisitOutcome("open", None, (as_of - issued_at).total_seconds() / 86_400, None)
    days = float(alive[0][-1])
    return VisitOutcome("neither", None, days, _hazard(alive, days))


def count_visits(states: Sequence[tuple[VisitState, float | None, bool]]) -> VisitRecord:
    """states: of each its outcome, what was foreseen, and whether a person dismissed it."""
    count = {
        state: sum(one == state for one, _, _ in states)
        for state in ("visited", "failed", "neither")
    }
    settled = sum(count.values())
    return VisitRecord(
        due=len(states),
        **count,
        open=len(states) - settled,
        dismissed=sum(dismissed for *_, dismissed in states),
        foreseen=math.fsum(one or 0.0 for _, one, _ in states),
    )


def _hazard(alive: tuple[Sequence[float], Sequence[float]], days: float) -> float:
    share = float(np.interp(days, alive[0], alive[1]))
    return -math.log(max(share, 1e-9))
