"""Advice as people and programs read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from runlore.advice.actions.mitigation import Mitigation
from runlore.advice.actions.recommending import SubjectAdvice, holds
from runlore.advice.actions.track_record import KindRecord
from runlore.advice.queries.advice_ledger import LedgerAdvice
from runlore.advice.rules.recommendations.holding import GROWTH
from runlore.advice.rules.recommendations.searching import LEAST_RUNS
from runlore.kernel.readable import readable_share

State = Literal["open", "followed", "dismissed", "withdrawn"]
ASSUMPTION = "assumes that nothing unrecorded differs between these runs"


@dataclass(frozen=True)
class AdviceEntry:
    """effect, low, high: with the value minus without. Failures: shares; duration: as a factor - 1.

    The interval comes from the later half of the runs. It allows for all that was tested there.
    plain: the difference without matching. rival_low, rival_high: for the other measure.
    """

    id: int
    subject_type: str
    subject: str
    text: str
    kind: str
    lever: str
    value: str
    action: str
    measure: str
    effect: float
    low: float
    high: float
    base: float | None
    plain: float
    rival_low: float | None
    rival_high: float | None
    runs_with: int
    runs_without: int
    share: float
    looked_at: int
    confirmed: int
    assumption: str
    track_record: str
    state: State
    issued_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None


@dataclass(frozen=True)
class AdviceAnswer:
    """reason: why there is none. next_look: how many finished runs bring the next search."""

    subject_type: str
    subject: str
    advice: tuple[AdviceEntry, ...]
    looked_at: datetime | None
    runs: int
    compared: int
    next_look: int
    reason: str


def show_entry(
    one: LedgerAdvice,
    records: Sequence[KindRecord] = (),
    withdrawn_kinds: frozenset[tuple[str, str]] = frozenset(),
) -> AdviceEntry:
    evidence = one.evidence
    effect, low, high, plain = (
        _size(evidence[name], one.measure) or 0.0 for name in ("effect", "low", "high", "plain")
    )
    rival = "duration" if one.measure == "failures" else "failures"
    return AdviceEntry(
        id=one.id,
        subject_type=one.subject_type,
        subject=one.subject,
        text=f"{_advice(one)}: {_change(one, effect, low, high)}",
        kind=one.kind,
        lever=one.lever,
        value=one.value,
        action=one.action,
        measure=one.measure,
        effect=effect,
        low=low,
        high=high,
        base=evidence["base"] if one.measure == "failures" else None,
        plain=plain,
        rival_low=_size(evidence["rival_low"], rival),
        rival_high=_size(evidence["rival_high"], rival),
        runs_with=evidence["used"],
        runs_without=evidence["other"],
        assumption=ASSUMPTION,
        track_record=_record_of(one, records),
        state=_state(one, withdrawn_kinds),
        issued_at=one.issued_at,
        decided_at=one.withdrawn_at or one.decided_at,
        decided_by=one.decided_by,
        reason=one.withdrawn_because or one.reason,
        **{name: evidence[name] for name in ("share", "looked_at", "confirmed")},
    )


def show_subject(made: SubjectAdvice, records: Sequence[KindRecord]) -> AdviceAnswer:
    look = made.look
    shown = tuple(show_entry(one, records, made.withdrawn_kinds) for one in made.holding)
    return AdviceAnswer(
        made.subject_type,
        made.subject,
        shown,
        look.looked_at if look else None,
        look.runs if look else 0,
        look.compared if look else 0,
        int(np.ceil(look.runs * GROWTH)) if look else LEAST_RUNS,
        "" if shown else _why_none(made),
    )


@dataclass(frozen=True)
class MitigationView:
    """rate, low, high: failures of like runs. advice: what the plan does not do."""

    text: str
    rate: float
    low: float
    high: float
    runs: int
    advice: tuple[AdviceEntry, ...]
    assumption: str


def show_mitigation(made: Mitigation) -> MitigationView:
    rows = tuple(show_entry(one, (), made.withdrawn_kinds) for one in made.advice)
    text = (
        f"{made.rate:.1%} of {made.runs:,} runs like it failed"
        f" (interval {made.low:.1%} to {made.high:.1%})."
    )
    text += " What would help:" if rows else " No advice holds that it does not follow."
    return MitigationView(text, made.rate, made.low, made.high, made.runs, rows, ASSUMPTION)


def record_text(one: KindRecord) -> str:
    """Example: of 12 like this, 8 were followed, failures 9.0 % → 4.0 %."""
    text = f"of {one.advice} like this, {one.followed} were followed"
    if one.measure == "failures" and one.runs_before and one.runs_after:
        before, after = one.failed_before / one.runs_before, one.failed_after / one.runs_after
        text += f", failures {before:.1%} → {after:.1%}"
    if one.judged:
        text += f"; {one.held} of {one.judged} kept their direction"
    if one.is_withdrawn:
        text += "; the kind is withdrawn"
    return text


def _size(value: float | None, measure: str) -> float | None:
    """A log of durations as a factor - 1."""
    return value if value is None or measure == "failures" else float(np.expm1(value))


def _record_of(one: LedgerAdvice, records: Sequence[KindRecord]) -> str:
    same = [row for row in records if (row.lever, row.measure) == (one.family, one.measure)]
    return record_text(same[0]) if same else ""


def _state(one: LedgerAdvice, withdrawn_kinds: frozenset[tuple[str, str]]) -> State:
    decided: Mapping[str | None, State] = {"follow": "followed", "dismiss": "dismissed"}
    if one.decision != "dismiss" and not holds(one, withdrawn_kinds):
        return "withdrawn"
    return decided.get(one.decision, "open")


def _why_none(made: SubjectAdvice) -> str:
    if made.look is None:
        return f"nobody has looked yet, or there are fewer than {LEAST_RUNS} finished runs"
    if made.advice:
        return "all that was advised is dismissed or withdrawn"
    return made.look.reason


def _advice(one: LedgerAdvice) -> str:
    what = one.kind or {"kind": one.subject}.get(one.subject_type, "work")
    if one.subject_type == "scope":
        what += f" on {one.subject}"
    begin = "" if one.action == "use" else "do not "
    family, _, name = one.lever.partition(":")
    value = one.value
    order = "first, after a pause of 4 h" if value == "nothing" else f"after {value}"
    texts = {
        "hour": f"start {what} between {value.replace(' to ', ' and ')}",
        "weekday": f"run {what} on {value}s",
        "host": f"run {what} on {value}",
        "retry": f"retry failed {what} {value}",
        "order": f"run {what} {order}",
        "size": f"run {what} with {name} {value}",
        "input": f"run {what} with {name}={value}",
    }
    return begin + texts[family]


def _change(one: LedgerAdvice, effect: float, low: float, high: float) -> str:
    evidence = one.evidence
    near, far = sorted((abs(low), abs(high)))
    beside = f"{evidence['used']} runs with it beside {evidence['other']} like them"
    if one.measure == "failures":
        rates = [evidence["base"], min(max(evidence["base"] + effect, 0.0), 1.0)]
        if one.action == "avoid":
            rates.reverse()
        change = f"failures {rates[0]:.1%} → {rates[1]:.1%}"
        return f"{change}, interval {near * 100:.1f} to {far * 100:.1f} points, {beside}"
    less = "less" if effect < 0 else "more"
    change = f"{readable_share(round(abs(effect), 2))} {less} time"
    change += f", interval {readable_share(round(near, 2))} to {readable_share(round(far, 2))}"
    return f"{change}, {beside}"
