"""Facts turned into the order in which they became known."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features import mapped_arrays
from runlore.features.fold import CORRECTION, OUTCOME, SUBMISSION
from runlore.records.execution import OPEN_STATUSES

Ints = NDArray[np.int64]

OWNER, AT, FACT, REPLACED, FIRST_KNOWN = range(5)


@dataclass(frozen=True)
class Timeline:
    """All events of a log in `(known_at, sequence)` order.

    At one instant, outcomes of work submitted before come first, then submissions in sequence;
    an outcome known at its own submission's instant follows that submission. Each execution is
    read just before its own submission counts.

    first: (N,), each execution's first fact, in the order of their sequence.
    final: (N,), the latest fact with an outcome of each execution, -1 while there is none.
    submissions: (2, N): instant, and the number (`seq`) of the first fact.
    outcomes: (5, M): position of the execution, instant, position of its fact, the
    fact that it replaces (-1: it is the first), and the instant of the first.
    order: (E,), E = N + M: the events, `e < N` is a submission, else `e - N` an outcome.
    """

    first: Ints
    final: Ints
    submissions: Ints
    outcomes: Ints
    order: Ints

    @cached_property
    def what(self) -> Ints:
        """(E,): SUBMISSION, OUTCOME or CORRECTION."""
        outcome_kinds = np.where(self.outcomes[REPLACED] < 0, OUTCOME, CORRECTION)
        return self._in_order(np.full(self.first.size, SUBMISSION), outcome_kinds)

    @cached_property
    def at_us(self) -> Ints:
        """(E,): when each event became known."""
        return self._in_order(self.submissions[0], self.outcomes[AT])

    @cached_property
    def execution(self) -> Ints:
        """(E,): the position among `first` of the execution that each event is about."""
        return self._in_order(np.arange(self.first.size), self.outcomes[OWNER])

    @cached_property
    def fact(self) -> Ints:
        """(E,): the position of each event's fact."""
        return self._in_order(self.first, self.outcomes[FACT])

    @cached_property
    def replaced(self) -> Ints:
        """(E,): the fact that a correction replaces, else -1."""
        return self._in_order(np.full(self.first.size, -1), self.outcomes[REPLACED])

    @cached_property
    def first_known_us(self) -> Ints:
        """(E,): when the first outcome of an outcome's execution became known, else -1."""
        return self._in_order(np.full(self.first.size, -1), self.outcomes[FIRST_KNOWN])

    def _in_order(self, of_submissions: Ints, of_outcomes: Ints) -> Ints:
        every: Ints = np.concatenate([of_submissions, of_outcomes])
        return every[self.order]


def timeline(facts: pd.DataFrame) -> Timeline:
    """Order the events of facts that come in sequence (`seq` ascending).

    A fact with a final status is an outcome, or a correction when an outcome was known before;
    facts of open work after its submission change nothing. Nothing is known of an outcome before
    its submission is.
    """
    execution, first = _executions(facts)
    submitted = facts["submission_known_at"].to_numpy(dtype=np.int64)[first]
    outcomes = _outcomes(facts, execution, submitted)
    mapped_arrays.release()
    final = np.full(first.size, -1, dtype=np.int64)
    final[outcomes[OWNER]] = outcomes[FACT]
    return Timeline(
        first=mapped_arrays.moved(first),
        final=mapped_arrays.moved(final),
        submissions=mapped_arrays.moved(
            np.stack([submitted, facts["seq"].to_numpy(dtype=np.int64)[first]])
        ),
        outcomes=outcomes,
        order=mapped_arrays.moved(_order(submitted, first, outcomes)),
    )


def _executions(facts: pd.DataFrame) -> tuple[Ints, Ints]:
    """Each fact's execution, numbered by first appearance, and each execution's first fact."""
    every = np.arange(len(facts), dtype=np.int64)
    is_later = facts["revision"].to_numpy() != 0
    if not is_later.any():
        return every, every
    names = facts["source_id"]
    shared = np.flatnonzero(names.isin(names[is_later].unique()).to_numpy(dtype=bool))
    codes, first = _numbered(facts, shared)
    is_first = np.ones(len(facts), dtype=bool)
    is_first[shared] = False
    is_first[first] = True
    execution = np.cumsum(is_first) - 1
    execution[shared] = execution[first][codes]
    mapped_arrays.release()
    return execution, np.flatnonzero(is_first)


def _numbered(facts: pd.DataFrame, rows: Ints) -> tuple[Ints, Ints]:
    """Each fact's execution among those of these rows, and each execution's first fact."""
    codes = np.zeros(rows.size, dtype=np.int64)
    for name in ("source", "source_id", "submitted"):
        words = pd.factorize(facts[name].iloc[rows])[0]
        codes = pd.factorize(codes * (words.max(initial=0) + 1) + words)[0].astype(np.int64)
    is_new = np.diff(np.maximum.accumulate(codes), prepend=-1) > 0
    return codes, rows[is_new]


def _outcomes(facts: pd.DataFrame, execution: Ints, submitted: Ints) -> Ints:
    """`Timeline.outcomes`, those of one execution together, in the order they became known."""
    is_open = facts["status"].isin([str(status) for status in OPEN_STATUSES]).to_numpy()
    fact = np.flatnonzero(~is_open)
    known_at = facts["known_at"].to_numpy(dtype=np.int64)[fact]
    if (np.diff(execution[fact]) <= 0).any():
        order = np.lexsort((known_at, execution[fact]))
        fact, known_at = fact[order], known_at[order]
    owner = execution[fact]
    at = np.maximum(known_at, submitted[owner])
    mapped_arrays.release()
    is_first = np.diff(owner, prepend=-1) != 0
    replaced = np.where(is_first, -1, np.roll(fact, 1))
    of_first = np.maximum.accumulate(np.where(is_first, np.arange(owner.size), 0))
    outcomes = mapped_arrays.empty((5, owner.size), np.int64)
    return np.stack([owner, at, fact, replaced, at[of_first]], out=outcomes)


def _order(submitted: Ints, first: Ints, outcomes: Ints) -> Ints:
    """`Timeline.order`: ranked within an instant first, then by a stable sort over instants."""
    owner, at, fact = outcomes[OWNER], outcomes[AT], outcomes[FACT]
    follows = at == submitted[owner]
    earlier = np.flatnonzero(~follows)
    earlier = earlier[np.argsort(fact[earlier], kind="stable")]
    following = np.flatnonzero(follows)
    rest = np.r_[np.arange(first.size), first.size + following]
    rest = rest[np.argsort(np.r_[first, first[owner[following]]], kind="stable")]
    ranked = np.r_[first.size + earlier, rest]
    order: Ints = ranked[np.argsort(np.r_[submitted, at][ranked], kind="stable")]
    return order
