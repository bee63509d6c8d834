"""Rollouts: evidence raises or ends a challenger's share; people may overrule it.

Each decision is one transaction with the change of share that carries it out, with its evidence
and its alert. Whoever decides on evidence that somebody else has decided on meanwhile changes
nothing; a process that is killed leaves the decision whole or not at all.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from runlore.kernel.errors import BadInput, Misconfigured, NotFound, Refused, Unavailable
from runlore.kernel.json_values import as_json
from runlore.registry import alias_history
from runlore.registry.alias_history import HistoryWriter
from runlore.rollout.actions import execution, rollout_state
from runlore.rollout.actions.execution import RULE, Clock, DecisionToExecute
from runlore.rollout.actions.rollout_state import SETTLE, RolloutState, gather, policy_of
from runlore.rollout.queries import rollouts
from runlore.rollout.queries.rollouts import Rollout
from runlore.rollout.rules.evidence import BOTH, RolloutEvidence
from runlore.rollout.rules.policy import RampPolicy
from runlore.rollout.rules.ramp import ManualOrder, RampDecision, by_hand, decide
from runlore.serving.actions import promotion
from runlore.serving.actions.promotion import CHALLENGER, CHAMPION, ChangeReason
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Store

if TYPE_CHECKING:
    from runlore.registry import Registry

NEW = 0


@dataclass(frozen=True)
class RolloutLook:
    """A rollout and what was decided of it. is_new: False when somebody else had decided."""

    state: RolloutState
    decision: RampDecision | None = None
    evidence: RolloutEvidence | None = None
    is_new: bool = True


@dataclass(frozen=True)
class RolloutContext:
    """What a rollout acts on. folder: where versions are tried out before a promotion."""

    store: Store
    registry: "Registry"
    folder: Path


def start(hand: RolloutContext, spec: ModelSpec, at: datetime, why: ChangeReason) -> RolloutState:
    """Give the challenger its first units, by the spec's rule as it is now.

    Refused where there is nothing to compare, or a rollout goes on.
    """
    policy, clock = _policy(spec), Clock(at)
    with alias_history.writing(hand.store) as history:
        aliases = promotion.catch_up(history, hand.registry, spec.name)
        known = rollout_state.read(history.connection, spec.name)
        if known is not None and not known.is_over:
            _end_displaced(history, hand, known, aliases, clock)
        if CHAMPION not in aliases or CHALLENGER not in aliases:
            raise Refused(
                f"{spec.name}: a rollout needs a @champion and a @challenger; a trained version "
                "becomes one when it passes its gates"
            )
        new = rollouts.add_rollout(
            history.connection,
            Rollout(
                id=NEW,
                spec=spec.name,
                champion=aliases[CHAMPION],
                challenger=aliases[CHALLENGER],
                unit=spec.rollout.unit,
                policy=as_json(policy),
                outcome_due_s=round(spec.rollout.outcome_due_s),
                started_at=at,
            ),
        )
        return execution.begin(history, new, policy.steps[0], clock, why)


def look(hand: RolloutContext, spec: ModelSpec, at: datetime) -> RolloutLook | None:
    """Decide by the evidence until `at` and carry it out; None when no rollout goes on.

    Where the spec says so, a challenger that has had no rollout yet begins one. Raises Unavailable
    when the database is away, which leaves everything as it is.
    """
    clock = Clock(at)
    with hand.store.begin() as connection:
        state = rollout_state.read(connection, spec.name)
    if state is None or state.is_over:
        return _begun_by_itself(hand, spec, clock)
    evidence = gather(hand.store, spec, state, at)
    decision = _decided(state, evidence)
    verdict = DecisionToExecute(decision, evidence, RULE, clock, based_on=state.newest.id)
    return _carry_out(hand, state, verdict)


def order(hand: RolloutContext, spec: ModelSpec, manual: ManualOrder, at: datetime) -> RolloutLook:
    """Carry out a person's order and record the evidence. Refused when no rollout goes on."""
    clock = Clock(at)
    with hand.store.begin() as connection:
        state = _going_on(rollout_state.read(connection, spec.name), spec.name)
    by_hand(state.policy, state.step, manual)
    evidence = gather(hand.store, spec, state, at)
    with alias_history.writing(hand.store) as history:
        now = _going_on(rollout_state.read(history.connection, spec.name), spec.name)
        decision = by_hand(now.policy, now.step, manual)
        verdict = DecisionToExecute(decision, evidence, manual.actor, clock, manual.action)
        return _written(history, hand, now, verdict)


def resume(hand: RolloutContext, spec: ModelSpec, at: datetime, why: ChangeReason) -> RolloutLook:
    """Take back an order to hold."""
    with alias_history.writing(hand.store) as history:
        state = _going_on(rollout_state.read(history.connection, spec.name), spec.name)
        if state.paused_by is None:
            raise Refused(f"{spec.name}: nobody holds the rollout; it goes on by itself")
        _check(why)
        decision = RampDecision("hold", state.step, (f"{why.actor}: {why.reason}",))
        verdict = DecisionToExecute(decision, None, why.actor, Clock(at), "resume")
        return _written(history, hand, state, verdict)


def preview(store: Store, spec: ModelSpec, at: datetime) -> RolloutLook:
    """Show where the newest rollout stands and what a look would decide; nothing is changed."""
    with store.begin() as connection:
        state = rollout_state.read(connection, spec.name)
    if state is None:
        raise NotFound(f"{spec.name}: no rollout was ever started; runlore rollout start")
    if state.is_over:
        return RolloutLook(state, is_new=False)
    evidence = gather(store, spec, state, at)
    return RolloutLook(state, _decided(state, evidence), evidence, is_new=False)


def _decided(state: RolloutState, evidence: RolloutEvidence) -> RampDecision:
    """What the rule says, as far as a person lets it."""
    decision = _calm(state, evidence, decide(state.policy, evidence))
    paused = state.paused_by
    if paused is None or decision.action not in ("advance", "promote"):
        return decision
    waiting = f"held by an order of {paused.at:%Y-%m-%d %H:%M}: {paused.reasons[0]}"
    reasons = (waiting, f"the rule would {decision.action}: {'; '.join(decision.reasons)}")
    return replace(decision, action="hold", step=state.step, reasons=reasons)


def _calm(state: RolloutState, evidence: RolloutEvidence, decision: RampDecision) -> RampDecision:
    """No unit yet, shortly after a step began, is no reason to call anybody.

    In the time that workers have to follow a change of the share nothing is counted at all, which
    the reason says instead.
    """
    quiet = {f"the {name} got no traffic" for name in BOTH}
    age = evidence.at - state.step_began_at
    is_young = age.total_seconds() <= state.policy.freshest_s
    if not (decision.alert and is_young and set(decision.reasons) <= quiet):
        return decision
    if age > SETTLE:
        return replace(decision, alert=False)
    counted_from = state.step_began_at + SETTLE
    reason = (
        f"the first minute of a step is not counted: units count from {counted_from:%H:%M:%S} UTC"
        " on, when every worker has followed the change"
    )
    return replace(decision, alert=False, reasons=(reason,))


def _carry_out(
    hand: RolloutContext, state: RolloutState, verdict: DecisionToExecute
) -> RolloutLook:
    with alias_history.writing(hand.store) as history:
        now = rollout_state.read(history.connection, state.rollout.spec)
        if now is None or now.newest.id != verdict.based_on:
            return RolloutLook(now or state, is_new=False)
        return _written(history, hand, now, verdict)


def _written(
    history: HistoryWriter, hand: RolloutContext, state: RolloutState, verdict: DecisionToExecute
) -> RolloutLook:
    """The versions that are compared must be those that serve; a fall needs no registry."""
    try:
        aliases = promotion.catch_up(history, hand.registry, state.rollout.spec)
    except Unavailable as error:
        if verdict.decision.action != "roll back":
            raise
        aliases = {CHAMPION: state.rollout.champion, CHALLENGER: state.rollout.challenger}
        verdict = verdict.noting(f"the registry could not be asked: {error}")
    checked = execution.checked(state, verdict, aliases)
    done = execution.execute(history, hand.registry, state, checked, hand.folder)
    after = rollout_state.of(history.connection, state.rollout)
    return RolloutLook(after, done.decision, done.evidence)


def _begun_by_itself(hand: RolloutContext, spec: ModelSpec, clock: Clock) -> RolloutLook | None:
    """None when another process begins it at the same time."""
    if spec.rollout.starts != "by itself":
        return None
    aliases = hand.registry.aliases([spec.name])[spec.name]
    if CHAMPION not in aliases or CHALLENGER not in aliases:
        return None
    with hand.store.begin() as connection:
        tried = {rollout.challenger for rollout in rollouts.of_spec(connection, spec.name)}
    if aliases[CHALLENGER].version in tried:
        return None
    why = ChangeReason(RULE, "a new challenger; the spec says so")
    try:
        return RolloutLook(start(hand, spec, clock.now(), why))
    except Refused:
        return None


def _policy(spec: ModelSpec) -> RampPolicy:
    try:
        return policy_of(spec)
    except BadInput as error:
        raise Misconfigured(f"spec {spec.name}, its rollout: {error}") from error


def _end_displaced(
    history: HistoryWriter,
    hand: RolloutContext,
    state: RolloutState,
    aliases: dict[str, str],
    clock: Clock,
) -> None:
    """What was compared no longer serves, and nobody has looked since; else Refused."""
    waiting = DecisionToExecute(RampDecision("hold", state.step, ()), None, RULE, clock)
    checked = execution.checked(state, waiting, aliases)
    if checked is waiting:
        of = state.rollout
        raise Refused(
            f"{of.spec}: version {of.challenger} is on its way at {state.step} %; "
            f"stop it first: runlore rollout stop {of.spec}"
        )
    execution.execute(history, hand.registry, state, checked, hand.folder)


def _going_on(state: RolloutState | None, spec: str) -> RolloutState:
    if state is None or state.is_over:
        raise Refused(f"{spec}: no rollout goes on; start one: runlore rollout start {spec}")
    return state


def _check(why: ChangeReason) -> None:
    if not why.actor or not why.reason:
        raise BadInput("an order needs who gives it and why", "reason")
