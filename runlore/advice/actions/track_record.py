"""What came of advice: the runs since then that did as advised, beside those that did not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runlore.advice.queries.advice_ledger import (
    MOST_LISTED,
    LedgerAdvice,
    insert_decision,
    insert_score,
    read_advice,
)
from runlore.advice.queries.finished_runs import read_runs
from runlore.advice.rules.recommendations.adjusting import read_covariates
from runlore.advice.rules.recommendations.confirming import (
    adjusted_effect,
    finest_strata,
    like_strata,
)
from runlore.advice.rules.recommendations.holding import (
    LOOKED_BACK,
    LaterEffect,
    is_kind_refuted,
    is_refuted,
)
from runlore.advice.rules.recommendations.levers import uses_value
from runlore.advice.rules.recommendations.like_with_like import time_blocks
from runlore.advice.rules.recommendations.run_log import (
    Floats,
    RunLog,
    log_durations,
)
from runlore.advice.rules.recommendations.searching import MOST_BLOCKS, MOST_RUNS
from runlore.store.engine import Store

WATCHED = timedelta(days=180)  # after advice, and before it as long as there is log
JUDGED = timedelta(days=365)  # a kind, by advice that is not older
RULE = "rule"  # who withdraws
Mask = NDArray[np.bool_]
NO_SCORE: Mapping[str, Any] = {}


@dataclass(frozen=True)
class KindRecord:
    """Advice of one lever and measure. Plain counts of the runs since each was issued or decided.

    did, did_not: runs as advised, and otherwise. before: in as many days before, of those that
    were followed. held: how many have the promised direction in like-with-like comparisons, of
    `judged`. Durations are not in the counts of failures.
    """

    lever: str
    measure: str
    advice: int
    followed: int
    dismissed: int
    withdrawn: int
    runs_before: int
    failed_before: int
    runs_after: int
    failed_after: int
    did_runs: int
    did_failed: int
    did_not_runs: int
    did_not_failed: int
    judged: int
    held: int
    is_withdrawn: bool


def score_advice(store: Store, at: datetime) -> tuple[int, int]:
    """Score what was advised in the last 180 days, and withdraw what is refuted.

    Returns how many were scored, and how many withdrawn.
    """
    open_ones = [
        one
        for one in read_advice(store, at, (None, None), MOST_LISTED)
        if one.withdrawn_at is None and at - one.issued_at <= WATCHED
    ]
    logs: dict[tuple[str, str], RunLog] = {}
    withdrawn = 0
    for one in open_ones:
        subject: Any = (one.subject_type, one.subject)
        if subject not in logs:
            logs[subject] = read_runs(store, subject, at, at - LOOKED_BACK, MOST_RUNS)
        score = score_one(one, logs[subject])
        insert_score(store, one.id, at, score)
        later = later_effect(one, score)
        if later and is_refuted(later):
            why = {"at": at, "actor": RULE, "reason": _reason(later)}
            withdrawn += insert_decision(store, one.id, "withdraw", why)
    return len(open_ones), withdrawn


def score_one(one: LedgerAdvice, log: RunLog) -> dict[str, Any]:
    """Of runs since the decision, or since it was issued while nobody decided."""
    since = (one.decided_at or one.issued_at).timestamp()
    edges = [
        sign * np.inf if edge is None else edge
        for sign, edge in zip((-1, 1), one.evidence.get("edges") or (None, None), strict=True)
    ]
    used = uses_value(log, one.lever, one.value, edges)
    mine = np.isfinite(used) & ((log.kind == one.kind) | (one.kind == ""))
    is_late = mine & (log.submitted_s > since)
    days = (log.submitted_s.max(initial=since) - since) / 86_400
    is_early = mine & (log.submitted_s <= since) & (log.submitted_s > since - days * 86_400)
    does = used == 1 if one.action == "use" else used == 0
    score = {
        "before": _counts(log, is_early),
        "after": _counts(log, is_late),
        "did": _counts(log, is_late & does),
        "did_not": _counts(log, is_late & ~does),
    }
    return {**score, **_compare(one, log, used, mine, is_late)}


def later_effect(one: LedgerAdvice, score: Mapping[str, Any]) -> LaterEffect | None:
    """Of a score; None where its runs cannot be compared."""
    if score.get("effect") is None:
        return None
    return LaterEffect(
        one.evidence["effect"],
        score["effect"],
        score["error"],
        score["freedom"],
        score["used"],
        score["other"],
    )


def withdrawn_kinds(store: Store, as_of: datetime) -> frozenset[tuple[str, str]]:
    """Levers and measures whose advice, taken together, has not kept its promise."""
    records = track_record(store, as_of)
    return frozenset((one.lever, one.measure) for one in records if one.is_withdrawn)


def track_record(store: Store, as_of: datetime) -> list[KindRecord]:
    """A row for each lever and measure, by name."""
    rows = read_advice(store, as_of, (None, None), MOST_LISTED)
    groups: dict[tuple[str, str], list[LedgerAdvice]] = {}
    for one in rows:
        groups.setdefault((one.family, one.measure), []).append(one)
    return [_record(*key, groups[key], as_of) for key in sorted(groups)]


def _record(lever: str, measure: str, rows: Sequence[LedgerAdvice], as_of: datetime) -> KindRecord:
    later = [
        (one, effect)
        for one in rows
        if one.score and (effect := later_effect(one, one.score)) and effect.is_enough
    ]
    followed = [one for one in rows if one.decision == "follow"]
    recent = [effect for one, effect in later if as_of - one.issued_at <= JUDGED]

    def total(part: str, at: int, among: Sequence[LedgerAdvice]) -> int:
        return sum((one.score or NO_SCORE).get(part, (0, 0))[at] for one in among)

    return KindRecord(
        lever=lever,
        measure=measure,
        advice=len(rows),
        followed=len(followed),
        dismissed=sum(one.decision == "dismiss" for one in rows),
        withdrawn=sum(one.withdrawn_at is not None for one in rows),
        runs_before=total("before", 0, followed),
        failed_before=total("before", 1, followed),
        runs_after=total("after", 0, followed),
        failed_after=total("after", 1, followed),
        did_runs=total("did", 0, rows),
        did_failed=total("did", 1, rows),
        did_not_runs=total("did_not", 0, rows),
        did_not_failed=total("did_not", 1, rows),
        judged=len(later),
        held=sum(effect.effect * effect.promised > 0 for _, effect in later),
        is_withdrawn=is_kind_refuted(recent),
    )


def _compare(
    one: LedgerAdvice,
    log: RunLog,
    used: Floats,
    mine: Mask,
    is_late: Mask,
) -> dict[str, Any]:
    """As it was confirmed. mine: the runs that it is about."""
    outcome = log.failed if one.measure == "failures" else log_durations(log)
    late = np.flatnonzero(is_late)
    if len(late) < 2:
        return {"effect": None}
    early = np.setdiff1d(np.arange(len(log)), late)
    codes = np.where(np.isfinite(used), used, -1).astype(np.int64)
    strata = finest_strata(like_strata(log, early), one.lever, codes, late)
    blocks = np.zeros(len(log), dtype=np.int64)
    blocks[late] = time_blocks(log.submitted_s[late], MOST_BLOCKS)
    known = read_covariates(log, early).without(one.lever)
    found, _ = adjusted_effect(outcome, np.where(mine, used, np.nan), late, (strata, blocks), known)
    if not np.isfinite(found.error):
        return {"effect": None}
    return {
        "effect": found.effect,
        "error": found.error,
        "freedom": found.freedom,
        "used": int(found.used),
        "other": int(found.other),
    }


def _counts(log: RunLog, rows: Mask) -> list[int]:
    """Runs, and those that failed."""
    return [int(rows.sum()), int(log.failed[rows].sum())]


def _reason(later: LaterEffect) -> str:
    kept = later.effect / later.promised
    return (
        f"{later.used} runs with it and {later.other} without since then keep {kept:.0%} of what"
        " was promised; the 95 % interval leaves out half of it"
    )
