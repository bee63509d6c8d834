"""Requests for a training: from drift, a floor, a schedule, new outcomes, or a person.

A request is a row, whoever makes it; an event starts `flows/retrain.py`, which carries it out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from getpass import getuser
from typing import TYPE_CHECKING, Any

from runlore.kernel.errors import BadInput, NotFound
from runlore.log.executions import count_outcomes, newest_seq
from runlore.quality.actions import contract
from runlore.registry import alias_history
from runlore.retraining import queries
from runlore.retraining.actions import course
from runlore.retraining.queries import Retraining, RetrainingRequest, RetrainingStep
from runlore.retraining.rules import RetrainingEvidence, Trigger, due, permit
from runlore.rollout.actions import rollout_state
from runlore.serving.actions.promotion import CHAMPION
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Connection, Store

if TYPE_CHECKING:
    from runlore.registry import Registry

LONGEST_REASON = 1000


@dataclass(frozen=True)
class RetrainingCause:
    """Who wants a training, and why. cause: of one trigger the same asks only once; None: a person,
    who may ask again. against: what the asker knows to forbid it."""

    trigger: Trigger
    actor: str
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    cause: str | None = None
    against: str = ""

    def __post_init__(self) -> None:
        for name in ("actor", "reason"):
            text = getattr(self, name)
            if not text.strip() or len(text) > LONGEST_REASON or "\x00" in text:
                raise BadInput(f"{name}: {text[:80]!r} is not 1 to {LONGEST_REASON} letters", name)


@dataclass(frozen=True)
class RequestOutcome:
    """is_new: False when one of the spec goes on already, or the same cause has asked before."""

    retraining: Retraining
    is_new: bool


@dataclass(frozen=True)
class LearnableFacts:
    """The facts that a spec could learn from now. trained_at: None when nothing serves."""

    until_seq: int
    champion_until_seq: int
    trained_at: datetime | None


def request(
    store: Store, registry: "Registry", spec: ModelSpec, wish: RetrainingCause, at: datetime
) -> RequestOutcome:
    """Record a request, wanted or refused with the reasons.

    A spec has one open request at a time, which further requests return.
    """
    facts = facts_of(store, registry, spec)
    batch = course.batch_of(store, spec, facts.until_seq)
    with store.begin() as connection:
        queries.lock(connection, spec.name)
        course.give_up_lost(connection, spec.name, at)
        same = queries.going_on(connection, spec.name)[:1] or [
            retraining
            for retraining in [queries.of_cause(connection, spec.name, wish.trigger, wish.cause)]
            if retraining is not None
        ]
        if same:
            return RequestOutcome(same[0], is_new=False)
        has_learned = queries.has_learned(connection, batch)
        known = _known(store, connection, spec, facts, at, has_learned=has_learned)
        against = (wish.against, "" if wish.trigger == "person" else _rollout(connection, spec))
        step = _first_step(spec, wish, known, against)
        added = queries.add(connection, _wanted(spec, wish, facts, batch, known), step)
        if added is None:
            raise NotFound(f"{spec.name}: the request of {wish.cause} vanished; ask again")
    return RequestOutcome(added, is_new=True)


def request_accepting(
    store: Store, registry: "Registry", spec: ModelSpec, who: tuple[str, str], at: datetime
) -> RequestOutcome:
    """Request a training on data that breaks its contract, which a person accepts.

    who: the actor and the reason; both are recorded with the version.
    """
    actor, reason = who
    evidence = {course.ACCEPT_DATA: f"{actor}: {reason}"}
    return request(store, registry, spec, RetrainingCause("person", actor, reason, evidence), at)


def facts_of(store: Store, registry: "Registry", spec: ModelSpec) -> LearnableFacts:
    """Count what the log holds for a spec since its champion's training."""
    until_seq = newest_seq(store)
    champion = contract.of_champion(registry, spec.name)
    learned = champion[1].until_seq if champion and champion[1] else 0
    entry = alias_history.newest(store, CHAMPION).get(spec.name)
    trained_at = entry.at if champion and entry else None
    return LearnableFacts(until_seq, learned, trained_at)


def look(
    store: Store, registry: "Registry", spec: ModelSpec, at: datetime
) -> RequestOutcome | None:
    """Request a training that is due by schedule or new outcomes; None when none is.

    What was killed is given up, whether or not anything is due.
    """
    with store.begin() as connection:
        queries.lock(connection, spec.name)
        course.give_up_lost(connection, spec.name, at)
    policy = spec.retraining
    by_itself = policy.every_s is not None or policy.enough_new_labels is not None
    if not by_itself and registry.champion(spec.name) is not None:
        return None
    facts = facts_of(store, registry, spec)
    with store.begin() as connection:
        known = _known(store, connection, spec, facts, at, has_learned=False)
        if queries.going_on(connection, spec.name) or _rollout(connection, spec):
            return None
    training = due(known, policy)
    if training is None or not permit(training.trigger, known, policy).is_given:
        return None
    if facts.trained_at is None and known.new_labels < spec.split.least_rows:
        return None
    batch = course.batch_of(store, spec, facts.until_seq)  # counts the whole log
    with store.begin() as connection:
        if queries.has_learned(connection, batch):
            return None
    wish = RetrainingCause(training.trigger, getuser(), training.reason, cause=f"facts {batch}")
    return request(store, registry, spec, wish, at)


def history(store: Store, spec: str | None = None, limit: int = 100) -> list[Retraining]:
    """List requests with their outcomes, newest first."""
    with store.begin() as connection:
        return queries.history(connection, spec, limit)


def show(store: Store, retraining_id: int) -> Retraining:
    """Return the request with this id and all its steps. Raises NotFound if there is none."""
    with store.begin() as connection:
        return course.known(connection, retraining_id)


def _known(
    store: Store,
    connection: Connection,
    spec: ModelSpec,
    facts: LearnableFacts,
    at: datetime,
    *,
    has_learned: bool,
) -> RetrainingEvidence:
    learned = max(facts.champion_until_seq, queries.learned_until(connection, spec.name))
    return RetrainingEvidence(
        at=at,
        begun=tuple(queries.begun(connection, spec.name)),
        new_labels=count_outcomes(store, learned, spec.population),
        has_learned=has_learned,
        trained_at=facts.trained_at,
        data_refused_at=queries.data_refused(connection, spec.name),
    )


def _wanted(
    spec: ModelSpec,
    wish: RetrainingCause,
    facts: LearnableFacts,
    batch: str,
    known: RetrainingEvidence,
) -> RetrainingRequest:
    return RetrainingRequest(
        at=known.at,
        spec=spec.name,
        trigger=wish.trigger,
        actor=wish.actor,
        reason=wish.reason,
        cause=wish.cause,
        batch=batch,
        until_seq=facts.until_seq,
        new_labels=known.new_labels,
        evidence=wish.evidence,
    )


def _rollout(connection: Connection, spec: ModelSpec) -> str:
    """What speaks against a training by itself: it would replace the challenger of a rollout."""
    rollout = rollout_state.read(connection, spec.name)
    if rollout is None or rollout.is_over:
        return ""
    return f"a rollout of version {rollout.rollout.challenger} goes on"


def _first_step(
    spec: ModelSpec, wish: RetrainingCause, known: RetrainingEvidence, against: Sequence[str]
) -> RetrainingStep:
    """against: what forbids it beside the spec's rules; an empty one says nothing."""
    permission = permit(wish.trigger, known, spec.retraining)
    forbids = tuple(reason for reason in against if reason)
    reasons = (*forbids, *permission.reasons)
    is_given = permission.is_given and not forbids
    return RetrainingStep(
        known.at, "wanted" if is_given else "refused", "; ".join(dict.fromkeys(reasons))
    )
