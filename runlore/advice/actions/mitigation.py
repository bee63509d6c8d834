"""What speaks against a planned execution, and what would help, by advice on the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from runlore.advice.actions.recommending import Named, subject_advice
from runlore.advice.queries.advice_ledger import LedgerAdvice
from runlore.advice.queries.finished_runs import read_runs
from runlore.advice.rules.recommendations.holding import LOOKED_BACK
from runlore.advice.rules.recommendations.levers import uses_value
from runlore.advice.rules.recommendations.run_log import RunLog
from runlore.advice.rules.recommendations.searching import MOST_RUNS
from runlore.kernel.errors import NotFound
from runlore.store.engine import Store

UNTIMED = ("retry", "order")  # levers that need the runs before, which a plan does not have


@dataclass(frozen=True)
class PlannedRun:
    actor: str
    kind: str
    scope: str
    submitted: datetime
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class Mitigation:
    """rate: of the actor's runs of this kind that failed, of `runs`; low, high: 95 % (Wilson).

    advice: what holds for the actor, the kind or the host, and the plan does not do.
    """

    rate: float
    low: float
    high: float
    runs: int
    advice: tuple[LedgerAdvice, ...]
    withdrawn_kinds: frozenset[tuple[str, str]]


def find_mitigation(store: Store, plan: PlannedRun, as_of: datetime) -> Mitigation:
    """Raises NotFound where neither the actor nor the kind has finished executions."""
    log = read_runs(store, ("actor", plan.actor), as_of, as_of - LOOKED_BACK, MOST_RUNS)
    same = log.kind == plan.kind
    failed = log.failed[same] if same.any() else log.failed
    if not len(failed):
        log = read_runs(store, ("kind", plan.kind), as_of, as_of - LOOKED_BACK, MOST_RUNS)
        failed = log.failed
    if not len(failed):
        raise NotFound(f"neither {plan.actor!r} nor {plan.kind!r} has finished executions")
    subjects: list[Named] = [("actor", plan.actor), ("kind", plan.kind)]
    subjects += [("scope", plan.scope)] if plan.scope else []
    advice, withdrawn = [], frozenset[tuple[str, str]]()
    for subject in subjects:
        made = subject_advice(store, subject, as_of)
        withdrawn = made.withdrawn_kinds
        advice += [one for one in made.holding if _would_change(one, plan)]
    low, high = _wilson(failed.sum(), len(failed))
    return Mitigation(float(failed.mean()), low, high, len(failed), tuple(advice), withdrawn)


def _would_change(one: LedgerAdvice, plan: PlannedRun) -> bool:
    if one.kind not in {"", plan.kind} or one.family in UNTIMED:
        return False
    edges = [
        sign * np.inf if edge is None else edge
        for sign, edge in zip((-1, 1), one.evidence.get("edges") or (None, None), strict=True)
    ]
    [used] = uses_value(_as_log(plan), one.lever, one.value, edges)
    return bool(used == (0 if one.action == "use" else 1))


def _as_log(plan: PlannedRun) -> RunLog:
    at = np.array([plan.submitted.timestamp()])
    names = (np.array([name], dtype=object) for name in (plan.actor, plan.kind, plan.scope))
    inputs = pd.DataFrame([dict(plan.inputs)], index=range(1))
    actor, kind, scope = names
    return RunLog(actor, kind, scope, at, at, np.zeros(1), np.full(1, np.nan), inputs)


def _wilson(failed: float, runs: int) -> tuple[float, float]:
    z = 1.959964
    middle = (failed + z**2 / 2) / (runs + z**2)
    reach = z / (runs + z**2) * np.sqrt(failed * (runs - failed) / runs + z**2 / 4)
    return max(0.0, float(middle - reach)), min(1.0, float(middle + reach))
