"""Recommend what would have failed less or run shorter, and decide about it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from runlore.advice.actions.track_record import withdrawn_kinds
from runlore.advice.queries.advice_ledger import (
    MOST_LISTED,
    AdviceLook,
    LedgerAdvice,
    NewAdvice,
    insert_decision,
    insert_look,
    is_advice,
    read_advice,
    read_last_look,
)
from runlore.advice.queries.finished_runs import count_runs, read_runs, read_subjects
from runlore.advice.rules.recommendations.holding import LOOKED_BACK, is_look_due, look_alpha
from runlore.advice.rules.recommendations.searching import (
    LEAST_RUNS,
    MOST_RUNS,
    HeldChoice,
    Subject,
    search_choices,
)
from runlore.kernel.errors import NotFound, Refused
from runlore.store.engine import Store

MOST_SUBJECTS = 2_000
LARGEST_ID = 2**63 - 1
PersonDecision = Literal["follow", "dismiss"]
Named = tuple[Subject, str]


@dataclass(frozen=True)
class SubjectAdvice:
    """look: the last one; None: nobody has looked. advice: the newest first, of any state."""

    subject_type: Subject
    subject: str
    look: AdviceLook | None
    advice: tuple[LedgerAdvice, ...]
    withdrawn_kinds: frozenset[tuple[str, str]]

    @property
    def holding(self) -> tuple[LedgerAdvice, ...]:
        return tuple(one for one in self.advice if holds(one, self.withdrawn_kinds))


def holds(one: LedgerAdvice, withdrawn_kinds: frozenset[tuple[str, str]]) -> bool:
    """Neither dismissed nor withdrawn, alone or with its kind."""
    is_withdrawn = one.withdrawn_at is not None or (one.family, one.measure) in withdrawn_kinds
    return one.decision != "dismiss" and not is_withdrawn


def recommend(store: Store, subject: Named, requester: str, at: datetime) -> SubjectAdvice:
    """Look at a subject when that is due, keep what holds, and give what the ledger has.

    Raises NotFound for a subject without finished executions in the last 400 days.
    """
    last = read_last_look(store, *subject, at)
    stretch = (at, at - LOOKED_BACK, MOST_RUNS)
    if last and not is_look_due(count_runs(store, subject, *stretch), last.runs):
        return subject_advice(store, subject, at)
    log = read_runs(store, subject, *stretch)
    if not len(log) and last is None:
        raise NotFound(f"there are no finished executions of {subject[0]} {subject[1]!r}")
    if len(log) >= LEAST_RUNS and is_look_due(len(log), last.runs if last else None):
        number = 1 + (last.look if last else 0)
        alpha = look_alpha(number)
        found = search_choices(log, subject[0], alpha)
        look = AdviceLook(*subject, number, at, len(log), found.looked_at, alpha, found.reason)
        made = [_new(subject, one, alpha) for one in found.held]
        insert_look(store, look, made, requester)
    return subject_advice(store, subject, at)


def subject_advice(store: Store, subject: Named, as_of: datetime) -> SubjectAdvice:
    """What the ledger has of a subject; nothing is searched."""
    return SubjectAdvice(
        *subject,
        read_last_look(store, *subject, as_of),
        tuple(read_advice(store, as_of, subject, MOST_LISTED)),
        withdrawn_kinds(store, as_of),
    )


def list_advice(store: Store, as_of: datetime) -> list[LedgerAdvice]:
    """Of all subjects, the newest first."""
    return read_advice(store, as_of, (None, None), MOST_LISTED)


def recommend_all(
    store: Store, requester: str, at: datetime, tick: Callable[[int, int], None] | None = None
) -> tuple[int, int]:
    """Every subject with enough runs, the largest first. How many there are, and have advice.

    tick: is told how many are done, of how many.
    """
    subjects = read_subjects(store, at, at - LOOKED_BACK, LEAST_RUNS, MOST_SUBJECTS)
    advised = 0
    for done, (kind, name, _) in enumerate(subjects, start=1):
        advised += bool(recommend(store, (kind, name), requester, at).holding)
        if tick:
            tick(done, len(subjects))
    return len(subjects), advised


def decide(
    store: Store, number: int, decision: PersonDecision, actor: str, reason: str, at: datetime
) -> None:
    """Raises NotFound for an unknown number, Refused where somebody decided before."""
    is_number = 0 < number <= LARGEST_ID
    why = {"at": at, "actor": actor, "reason": reason}
    if is_number and insert_decision(store, number, decision, why):
        return
    if is_number and is_advice(store, number):
        raise Refused(f"advice {number} was decided before; a decision stays")
    raise NotFound(f"there is no advice {number}; `GET /advice` lists them")


def _new(subject: Named, held: HeldChoice, alpha: float) -> NewAdvice:
    choice, effect, rival = held.choice, held.effect, held.rival
    low, high = rival.interval(0.05) if np.isfinite(rival.effect) else (None, None)
    evidence = {
        "effect": effect.effect,
        "low": held.low,
        "high": held.high,
        "base": effect.base,
        "used": int(effect.used),
        "other": int(effect.other),
        "overlap": effect.overlap,
        "freedom": effect.freedom,
        "plain": held.plain,
        "rival_effect": rival.effect if low is not None else None,
        "rival_low": low,
        "rival_high": high,
        "share": held.share,
        "others": list(choice.others),
        "looked_at": held.looked_at,
        "confirmed": held.confirmed,
        "alpha": alpha,
        "edges": _edges(held.edges),
    }
    action = "use" if choice.is_better else "avoid"
    return NewAdvice(
        *subject, choice.kind, choice.lever, choice.value, action, choice.measure, evidence
    )


def _edges(edges: tuple[float, float] | None) -> list[float | None] | None:
    """JSON has no infinity: None."""
    return None if edges is None else [one if np.isfinite(one) else None for one in edges]
