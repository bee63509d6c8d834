"""Facts turned into the order in which they became known."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from runlore.features.columns import Measured
from runlore.features.fold import CORRECTION, OUTCOME, SUBMISSION
from runlore.records.execution import FINAL_STATUSES

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Timeline:
    """All events of a log in `(known_at, sequence)` order.

    At one instant, outcomes of work submitted before come first, then submissions in sequence;
    an outcome known at its own submission's instant follows that submission. Each execution is
    read just before its own submission counts.

    execution: (E,), position of the execution among `first`. fact: (E,), position of the fact
    that tells the event. replaced: (E,), the fact that a correction replaces, else -1.
    first_known_us: (E,), when the first outcome became known. first: (N,), each execution's first
    fact, in the order of their sequence.
    """

    what: NDArray[np.int8]
    at_us: Ints
    execution: Ints
    fact: Ints
    replaced: Ints
    first_known_us: Ints
    first: Ints
    final: Ints
    """(N,): the latest fact with an outcome of each execution, -1 while there is none."""


def timeline(facts: pd.DataFrame) -> Timeline:
    """Order the events of facts that come in sequence (`seq` ascending).

    A fact with a final status is an outcome, or a correction when an outcome was known before;
    facts of open work after its submission change nothing.
    """
    execution, first = _executions(facts)
    known_at = facts["known_at"].to_numpy(dtype=np.int64)
    is_final = facts["status"].isin([str(s) for s in FINAL_STATUSES]).to_numpy()
    outcomes = np.flatnonzero(is_final)
    outcomes = outcomes[np.lexsort((outcomes, known_at[outcomes], execution[outcomes]))]
    owner = execution[outcomes]
    is_first = np.r_[True, owner[1:] != owner[:-1]] if owner.size else np.zeros(0, dtype=bool)
    replaced = np.where(is_first, -1, np.r_[-1, outcomes[:-1]] if owner.size else outcomes)
    run = np.maximum.accumulate(np.where(is_first, np.arange(owner.size), 0))
    first_known = known_at[outcomes][run] if owner.size else np.zeros(0, dtype=np.int64)
    final = np.full(first.size, -1, dtype=np.int64)
    final[owner] = outcomes
    submitted = facts["submission_known_at"].to_numpy(dtype=np.int64)[first]
    at = np.r_[submitted, np.maximum(known_at[outcomes], submitted[owner])]
    follows = at[first.size :] <= submitted[owner]
    order = np.lexsort(
        (
            np.r_[np.zeros(first.size, dtype=np.int64), np.arange(1, owner.size + 1)],
            np.r_[first, np.where(follows, first[owner], outcomes)],
            np.r_[np.ones(first.size, dtype=np.int8), follows.astype(np.int8)],
            at,
        )
    )
    what = np.r_[np.full(first.size, SUBMISSION), np.where(is_first, OUTCOME, CORRECTION)]
    nothing = np.full(first.size, -1, dtype=np.int64)
    return Timeline(
        what=what[order].astype(np.int8),
        at_us=at[order],
        execution=np.r_[np.arange(first.size), owner][order],
        fact=np.r_[first, outcomes][order],
        replaced=np.r_[nothing, replaced][order],
        first_known_us=np.r_[nothing, first_known][order],
        first=first,
        final=final,
    )


def _executions(facts: pd.DataFrame) -> tuple[Ints, Ints]:
    """Each fact's execution, numbered by first appearance, and each execution's first fact."""
    if not facts["revision"].any():
        every = np.arange(len(facts), dtype=np.int64)
        return every, every
    names = [facts["source"], facts["source_id"], facts["submitted"]]
    codes = np.zeros(len(facts), dtype=np.int64)
    for column in names:
        words = pd.factorize(column)[0]
        codes = pd.factorize(codes * (words.max(initial=0) + 1) + words)[0]
    _, first = np.unique(codes, return_index=True)
    return codes.astype(np.int64), first.astype(np.int64)


def measured_by(events: Timeline, values: Measured) -> tuple[Floats, Floats]:
    """What each event tells and what it replaces: two (E, V) tables, NaN where nothing."""
    width = values.table.shape[1]
    padded = np.vstack([values.table, np.full((1, width), np.nan)])
    told = np.where(events.what == SUBMISSION, -1, events.fact)
    return padded[told], padded[events.replaced]
