"""The usual hours and scopes of an actor, and how rare an execution is for it.

P(hour, scope) = P(scope) P(hour | scope). The hours of a scope are drawn towards the actor's, those
towards everybody's, each by a Dirichlet prior; scopes never seen have the share of Good and Turing,
"The population frequencies of species and the estimation of population parameters", 1953.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from runlore.advice.rules.patterns.local_time import HOURS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PRIOR = 24.0  # executions that the hours of all count for, beside the actor's own
NEAR = np.array([0.05, 0.2, 0.5, 0.2, 0.05])  # an execution also speaks for the hours around it


@dataclass(frozen=True, eq=False)
class ActorHabits:
    """n: executions learned from. counts: (S, 168) by scope and local hour of the week.

    scopes: (S,) names. shares: (S + 1, 168), sums to 1; the last row is all scopes never seen.
    """

    n: int
    scopes: tuple[str, ...]
    counts: Floats
    shares: Floats

    @property
    def hours(self) -> Floats:
        """(168,) executions by local hour of the week, from Monday 0:00 on."""
        total: Floats = self.counts.sum(axis=0)
        return total

    @cached_property
    def _tail(self) -> tuple[Floats, Floats]:
        ordered = np.sort(self.shares.ravel())
        return ordered, np.concatenate([[0.0], np.cumsum(ordered)])

    def probability(self, hours: Ints, scopes: Sequence[str]) -> Floats:
        """(m,) of an execution in a cell that is as rare as this one or rarer.

        hours: (m,) local hours of the week. Small: unusual for this actor.
        """
        rows = {scope: at for at, scope in enumerate(self.scopes)}
        at = np.array([rows.get(scope, len(self.scopes)) for scope in scopes], dtype=np.int64)
        cell = self.shares[at, hours]
        ordered, below = self._tail
        return np.minimum(below[np.searchsorted(ordered, cell * (1 + 1e-9), side="right")], 1.0)


def learn_habits(hours: Ints, scopes: Sequence[str], common: Floats | None = None) -> ActorHabits:
    """Learn from executions that were known.

    hours: (n,) local hours of the week. common: (168,) how often everybody else works in each;
    None: equally.
    """
    names, row = np.unique(np.asarray(scopes, dtype=object), return_inverse=True)
    counts = np.zeros((len(names), HOURS))
    np.add.at(counts, (row, hours), 1.0)
    totals = counts.sum(axis=1)
    n = float(totals.sum())
    base = np.ones(HOURS) if common is None else common + 1.0
    overall = _posterior(_smooth(counts.sum(axis=0, keepdims=True)), base / base.sum())[0]
    unseen = ((totals == 1).sum() + 0.5) / (n + 1.0)
    seen = (1 - unseen) * totals / max(n, 1.0) if n else totals
    unseen = 1.0 - seen.sum()
    shares = np.vstack(
        [seen[:, None] * _posterior(_smooth(counts), overall), unseen * overall[None, :]]
    )
    return ActorHabits(int(n), tuple(str(name) for name in names), counts, shares)


def _smooth(counts: Floats) -> Floats:
    """(S, 168), around the week."""
    shifts = range(-(len(NEAR) // 2), len(NEAR) // 2 + 1)
    parts = [w * np.roll(counts, by, axis=1) for w, by in zip(NEAR, shifts, strict=True)]
    total: Floats = np.sum(parts, axis=0)
    return total


def _posterior(counts: Floats, prior: Floats) -> Floats:
    """(S, 168) shares that sum to 1 by row."""
    shares: Floats = (counts + PRIOR * prior) / (counts.sum(axis=1, keepdims=True) + PRIOR)
    return shares
