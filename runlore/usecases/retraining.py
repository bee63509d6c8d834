"""Requests for a training: from drift, a floor, a schedule, new outcomes, or a person.

A request is a row, whoever makes it; what carries it out is told by an event (`flows/retrain.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from getpass import getuser
from typing import TYPE_CHECKING, Any

from runlore.drift.retraining import Known, Trigger, due, permit
from runlore.models.spec import ModelSpec
from runlore.records.errors import BadInput, NotFound
from runlore.store import alias_changes, retrainings
from runlore.store.engine import Connection, Store
from runlore.store.executions import count_outcomes, newest_seq
from runlore.store.retrainings import Retraining, Step, Wanted
from runlore.usecases import contract, retraining_course, rollout_state
from runlore.usecases.monitor import MonitorOutcome
from runlore.usecases.performance import PerformanceOutcome
from runlore.usecases.promotion import CHAMPION

if TYPE_CHECKING:
    from runlore.registry import Registry

LONGEST_REASON = 1000


@dataclass(frozen=True)
class Wish:
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
            given = getattr(self, name)
            if not given.strip() or len(given) > LONGEST_REASON or "\x00" in given:
                raise BadInput(f"{name}: {given[:80]!r} is not 1 to {LONGEST_REASON} letters", name)


@dataclass(frozen=True)
class Requested:
    """is_new: False when one of the spec goes on already, or the same cause has asked before."""

    retraining: Retraining
    is_new: bool


@dataclass(frozen=True)
class Facts:
    """What could teach a spec now. trained_at: None when nothing serves."""

    until_seq: int
    champion_until_seq: int
    trained_at: datetime | None


def request(
    store: Store, registry: "Registry", spec: ModelSpec, wish: Wish, at: datetime
) -> Requested:
    """Write a request down, wanted or refused with the reasons.

    Of a spec one goes on at a time: whoever asks meanwhile is given that one.
    """
    facts = facts_of(store, registry, spec)
    batch = retraining_course.batch_of(store, spec, facts.until_seq)
    with store.begin() as connection:
        retrainings.lock(connection, spec.name)
        retraining_course.give_up_lost(connection, spec.name, at)
        same = retrainings.going_on(connection, spec.name)[:1] or [
            each
            for each in [retrainings.of_cause(connection, spec.name, wish.trigger, wish.cause)]
            if each is not None
        ]
        if same:
            return Requested(same[0], is_new=False)
        has_learned = retrainings.has_learned(connection, batch)
        known = _known(store, connection, spec, facts, at, has_learned=has_learned)
        against = (wish.against, "" if wish.trigger == "person" else _rollout(connection, spec))
        step = _first_step(spec, wish, known, against)
        added = retrainings.add(connection, _wanted(spec, wish, facts, batch, known), step)
        if added is None:
            raise NotFound(f"{spec.name}: the request of {wish.cause} vanished; ask again")
    return Requested(added, is_new=True)


def facts_of(store: Store, registry: "Registry", spec: ModelSpec) -> Facts:
    """What the log holds for a spec, and where its champion's training ended."""
    until_seq = newest_seq(store)
    champion = contract.of_champion(registry, spec.name)
    learned = champion[1].until_seq if champion and champion[1] else 0
    entry = alias_changes.newest(store, CHAMPION).get(spec.name)
    trained_at = entry.at if champion and entry else None
    return Facts(until_seq, learned, trained_at)


def because_of_drift(outcome: MonitorOutcome) -> Wish | None:
    """What the windows of a version ask for; None while they are no alarm."""
    decision, window = outcome.decision, outcome.window
    if not decision.is_alarm:
        return None
    against = "" if decision.action == "retrain" else decision.reasons[0]
    evidence = {
        "version": window.version,
        "windows": [each.window_to.isoformat() for each in decision.windows],
        "reasons": list(decision.reasons),
    }
    cause = f"version {window.version} until {window.window_to.isoformat()}"
    reason = "; ".join(decision.reasons)[:LONGEST_REASON]
    return Wish("drift", getuser(), reason, evidence, cause, against)


def because_of_performance(outcome: PerformanceOutcome) -> Wish | None:
    """What a score below its floor asks for, once in a window's length however often one looks.

    Judged windows end when one looks: those that end in the same length, counted from 1970, are
    one cause.
    """
    if not outcome.is_below_floor or outcome.judged is None:
        return None
    below = [each.reason for each in outcome.floors if each.answer == "below"]
    length_us = outcome.judged.last_us - outcome.judged.first_us
    number = outcome.judged.last_us // length_us
    cause = f"version {outcome.version}, window {number} of {length_us / 1e6:g} s"
    evidence = {"version": outcome.version, "reasons": below}
    return Wish("performance", getuser(), "; ".join(below)[:LONGEST_REASON], evidence, cause)


def look(store: Store, registry: "Registry", spec: ModelSpec, at: datetime) -> Requested | None:
    """Ask for what is due by schedule or by new outcomes; None when nothing is, or may be.

    What was killed is given up, whether or not anything is due.
    """
    with store.begin() as connection:
        retrainings.lock(connection, spec.name)
        retraining_course.give_up_lost(connection, spec.name, at)
    policy = spec.retraining
    by_itself = policy.every_s is not None or policy.enough_new_labels is not None
    if not by_itself and registry.champion(spec.name) is not None:
        return None
    facts = facts_of(store, registry, spec)
    with store.begin() as connection:
        known = _known(store, connection, spec, facts, at, has_learned=False)
        if retrainings.going_on(connection, spec.name) or _rollout(connection, spec):
            return None
    wanted = due(known, policy)
    if wanted is None or not permit(wanted.trigger, known, policy).is_given:
        return None
    if facts.trained_at is None and known.new_labels < spec.split.least_rows:
        return None
    batch = retraining_course.batch_of(store, spec, facts.until_seq)  # counts the whole log
    with store.begin() as connection:
        if retrainings.has_learned(connection, batch):
            return None
    wish = Wish(wanted.trigger, getuser(), wanted.reason, cause=f"facts {batch}")
    return request(store, registry, spec, wish, at)


def history(store: Store, spec: str | None = None, limit: int = 100) -> list[Retraining]:
    """Requests with what became of them, the newest first."""
    with store.begin() as connection:
        return retrainings.history(connection, spec, limit)


def show(store: Store, retraining_id: int) -> Retraining:
    with store.begin() as connection:
        return retraining_course.known(connection, retraining_id)


def _known(
    store: Store,
    connection: Connection,
    spec: ModelSpec,
    facts: Facts,
    at: datetime,
    *,
    has_learned: bool,
) -> Known:
    learned = max(facts.champion_until_seq, retrainings.learned_until(connection, spec.name))
    return Known(
        at=at,
        begun=tuple(retrainings.begun(connection, spec.name)),
        new_labels=count_outcomes(store, learned, spec.population.kinds),
        has_learned=has_learned,
        trained_at=facts.trained_at,
        data_refused_at=retrainings.data_refused(connection, spec.name),
    )


def _wanted(spec: ModelSpec, wish: Wish, facts: Facts, batch: str, known: Known) -> Wanted:
    return Wanted(
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
    found = rollout_state.read(connection, spec.name)
    if found is None or found.is_over:
        return ""
    return f"a rollout of version {found.rollout.challenger} goes on"


def _first_step(spec: ModelSpec, wish: Wish, known: Known, against: Sequence[str]) -> Step:
    """against: what forbids it beside the spec's rules; an empty one says nothing."""
    permission = permit(wish.trigger, known, spec.retraining)
    forbids = tuple(each for each in against if each)
    reasons = (*forbids, *permission.reasons)
    is_given = permission.is_given and not forbids
    return Step(known.at, "wanted" if is_given else "refused", "; ".join(dict.fromkeys(reasons)))
