"""Carry a rollout's decision out: the share, the record and the alert in one transaction."""

import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlore.alerts.actions import decisions
from runlore.alerts.actions.handling import raise_alert, resolve_alert
from runlore.alerts.rules.decision import DecisionRequest
from runlore.alerts.rules.finding import AlertFinding, Severity, of_version
from runlore.kernel.errors import RunloreError, Unavailable
from runlore.kernel.json_values import as_json
from runlore.registry.alias_history import Change, HistoryWriter
from runlore.rollout.actions import rollout_state
from runlore.rollout.actions.rollout_state import ENDS, PAUSING, RESUMING, RolloutState
from runlore.rollout.queries import rollouts
from runlore.rollout.queries.rollouts import NewDecision, Ordered, Rollout
from runlore.rollout.rules.evidence import RolloutEvidence
from runlore.rollout.rules.policy import WHOLE
from runlore.rollout.rules.ramp import RampDecision
from runlore.serving.actions import promotion
from runlore.serving.actions.promotion import CHALLENGER, CHAMPION, Arms, ChangeReason

if TYPE_CHECKING:
    from runlore.registry import Registry

KIND = "rollout"
RULE = "runlore"  # the actor of decisions that no person made

ADVICE = {
    "roll back": "the champion answers everything again; runlore rollout history {0} shows on what "
    "evidence; find out what is wrong with the version before a new one is tried",
    "hold": "runlore rollout status {0} shows what is missing; runlore rollout stop {0} takes the "
    "challenger's units away",
}


@dataclass(frozen=True)
class Clock:
    """The caller's clock, which goes on from the instant of a call; a replay has its own."""

    at: datetime
    began_s: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        return self.at + timedelta(seconds=time.monotonic() - self.began_s)


@dataclass(frozen=True)
class DecisionToExecute:
    """A decision with who made it, on what, when.

    ordered: what a person wanted. based_on: the decision that was the newest when the evidence was
    read. is_done: the aliases are as they should be already.
    """

    decision: RampDecision
    evidence: RolloutEvidence | None
    actor: str
    clock: Clock
    ordered: Ordered | None = None
    based_on: int | None = None
    is_done: bool = False

    def noting(self, reason: str) -> "DecisionToExecute":
        reasons = (*self.decision.reasons, reason)
        return replace(self, decision=replace(self.decision, reasons=reasons))


def begin(
    history: HistoryWriter, rollout: Rollout, step: int, clock: Clock, why: ChangeReason
) -> RolloutState:
    """Give the challenger its first units, and record who started the rollout and why."""
    reason = ChangeReason(why.actor, why.reason, {**why.evidence, "rollout": rollout.id})
    change = promotion.set_arms_within(history, rollout.spec, _arms(history, rollout, step), reason)
    rollouts.add_decision(
        history.connection,
        NewDecision(
            rollout_id=rollout.id,
            at=clock.now(),
            action="start",
            step=step,
            reasons=(f"{why.actor}: {why.reason}",),
            is_alert=False,
            actor=why.actor,
            ordered=None if why.actor == RULE else "start",
            change_id=change.id,
        ),
    )
    resolve_alert(history.connection, KIND, rollout.spec, clock.at)
    return rollout_state.of(history.connection, rollout)


def checked(
    state: RolloutState, verdict: DecisionToExecute, aliases: dict[str, str]
) -> DecisionToExecute:
    """Adapt a decision when the aliases no longer name the two versions compared."""
    of, champion, challenger = state.rollout, aliases.get(CHAMPION), aliases.get(CHALLENGER)
    if champion == of.challenger:
        reason = f"version {of.challenger} was found to be @champion already"
        return replace(verdict, decision=RampDecision("promote", WHOLE, (reason,)), is_done=True)
    moved = [
        f"@{alias} is version {now or 'none'} now, no longer {then}"
        for alias, now, then in (
            (CHAMPION, champion, of.champion),
            (CHALLENGER, challenger, of.challenger),
        )
        if now != then
    ]
    if not moved:
        return verdict
    reasons = ("what was compared no longer is what serves", *moved)
    return replace(verdict, decision=RampDecision("roll back", 0, reasons, alert=True))


def execute(
    history: HistoryWriter,
    registry: "Registry",
    state: RolloutState,
    verdict: DecisionToExecute,
    folder: Path,
) -> DecisionToExecute:
    """Record a decision together with the change that it makes; returns what was done.

    A rollout holds when its version cannot be promoted; a person's order is Refused.
    """
    try:
        change_id = _change(history, registry, state, verdict, folder)
    except Unavailable:
        raise
    except RunloreError as error:
        if verdict.ordered is not None:
            raise
        reasons = (f"version {state.rollout.challenger} cannot be promoted: {error}",)
        held = replace(
            verdict.decision, action="hold", step=state.step, reasons=reasons, alert=True
        )
        verdict, change_id = replace(verdict, decision=held), None
    decision = verdict.decision
    rollouts.add_decision(
        history.connection,
        NewDecision(
            rollout_id=state.rollout.id,
            at=verdict.clock.at if decision.step == state.step else verdict.clock.now(),
            action=decision.action,
            step=decision.step,
            reasons=decision.reasons,
            is_alert=decision.alert,
            actor=verdict.actor,
            ordered=verdict.ordered,
            evidence=as_json(verdict.evidence) or {},
            readings=as_json({"metrics": decision.readings, "sample_ratio": decision.sample_ratio}),
            change_id=change_id,
        ),
    )
    _tell(history, state, verdict)
    return verdict


def _change(
    history: HistoryWriter,
    registry: "Registry",
    state: RolloutState,
    verdict: DecisionToExecute,
    folder: Path,
) -> int | None:
    """Of share or alias; None where everything stays."""
    decision, of = verdict.decision, state.rollout
    why = ChangeReason(verdict.actor, "; ".join(decision.reasons), _evidence(state, decision))
    if decision.action == "promote":
        if verdict.is_done:
            return _cleared(history, registry, of, why)
        return promotion.promote_within(history, registry, of.spec, why, of.challenger, folder).id
    if decision.step == state.step or not _is_challenger(history, of):
        return None
    arms = _arms(history, of, decision.step)
    return promotion.set_arms_within(history, of.spec, arms, why).id


def _cleared(
    history: HistoryWriter, registry: "Registry", of: Rollout, why: ChangeReason
) -> int | None:
    """A promotion that was killed between its two aliases left the second one behind."""
    if not _is_challenger(history, of):
        return None
    change = Change(of.spec, CHALLENGER, None, "promote", why.actor, why.reason, why.evidence)
    registry.remove_alias(of.spec, CHALLENGER)
    return promotion.add(history, change).id


def _is_challenger(history: HistoryWriter, of: Rollout) -> bool:
    known = history.last(of.spec, CHALLENGER)
    return known is not None and known.version == of.challenger


def _arms(history: HistoryWriter, of: Rollout, step: int) -> Arms:
    """A challenger that shadows goes on to."""
    traffic_changes = [
        entry
        for entry in history.history(of.spec, CHALLENGER)
        if entry.action == "arms" and entry.version == of.challenger
    ]
    is_shadow = bool(traffic_changes and traffic_changes[-1].evidence["shadow"])
    return Arms(step / WHOLE, of.unit, is_shadow)  # type: ignore[arg-type]


def _evidence(state: RolloutState, decision: RampDecision) -> dict[str, Any]:
    readings = {reading.metric: as_json(reading.beyond) for reading in decision.readings}
    return {"rollout": state.rollout.id, "step": decision.step, "beyond_tolerated": readings}


def _tell(history: HistoryWriter, state: RolloutState, verdict: DecisionToExecute) -> None:
    decision, spec = verdict.decision, state.rollout.spec
    _follow_pause(history, state.rollout, verdict)
    if not decision.alert:
        resolve_alert(history.connection, KIND, spec, verdict.clock.at)
        return
    did = f"rolled back from {state.step} %" if decision.action == "roll back" else "holds"
    of = state.rollout
    finding = AlertFinding(
        KIND,
        spec,
        Severity.CRITICAL if decision.action == "roll back" else Severity.WARNING,
        f"version {of.challenger} of {spec} {did}: {'; '.join(decision.reasons)}",
        f"wrong in at most {state.policy.alpha:.0%} of rollouts, however often it is looked at",
        ADVICE[decision.action].format(spec),
        state.step_began_at,
        _evidence(state, decision),
    )
    raise_alert(history.connection, finding, verdict.clock.at)


def _follow_pause(history: HistoryWriter, of: Rollout, verdict: DecisionToExecute) -> None:
    """A rollout that a person holds waits for a person; an order that lets it go on settles it."""
    subject, at = of_version(of.spec, of.challenger), verdict.clock.at
    if verdict.ordered == PAUSING:
        request = DecisionRequest(
            subject,
            f"the rollout of version {of.challenger} of {of.spec} is on hold by an order of "
            f"{verdict.decision.reasons[0]}",
            f'runlore rollout override {of.spec} resume --reason "WHY"',
            {"rollout": of.id},
        )
        decisions.ask(history.connection, request, at)
    elif verdict.ordered in RESUMING or verdict.decision.action in ENDS:
        decisions.settle(history.connection, subject, at, verdict.actor)
