"""The course of a requested training: announced, started once, and ended with its reasons."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from getpass import getuser
from typing import Any, Literal

from runlore.alerts.actions import decisions, handling
from runlore.alerts.queries import alerts
from runlore.alerts.queries.alerts import AlertQuery
from runlore.alerts.rules.decision import DecisionRequest
from runlore.alerts.rules.finding import AlertFinding, Severity, as_evidence
from runlore.kernel.durations import HOUR_S
from runlore.kernel.errors import NotFound
from runlore.log.executions import count_facts, newest_seq
from runlore.retraining import queries
from runlore.retraining.queries import WAITING, Retraining, RetrainingStep
from runlore.specs.model_spec import LeakPolicy, ModelSpec
from runlore.store.engine import Connection, Store

KIND = "retraining"
ACCEPT_DATA = "accept_data"  # in a request's evidence: why data may break its contract
LOST_S = 5 * HOUR_S  # A training still open after this was killed: its flow may take four hours


@dataclass(frozen=True)
class TrainingStart:
    """A training to run: it learns from the facts up to `until_seq`, which `batch` names.

    accept_data: why a person lets data teach that breaks its contract; None: nobody does.
    """

    id: int
    spec: str
    batch: str
    until_seq: int
    trigger: str
    accept_data: str | None = None


@dataclass(frozen=True)
class TrainingEnd:
    """What a training came to. has_taught: the facts were learned from, and never will be again.

    command: what a person types to let refused data pass; empty: it waits for nobody.
    """

    state: Literal["done", "refused", "failed"]
    reason: str
    has_taught: bool = False
    evidence: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""


def batch_of(store: Store, spec: ModelSpec, until_seq: int) -> str:
    """Name the facts up to a number, as this spec learns from them.

    A spec that asks otherwise, or of others, makes another batch; its policies do not.
    """
    learns = (
        spec.name,
        spec.question,
        spec.features,
        spec.candidates,
        spec.select_by,
        spec.gates,
        spec.baseline,
        spec.population,
        spec.split,
        *(() if spec.split.is_by_time else (spec.split.kind, spec.split.repeats)),
        *((spec.leaks,) if spec.leaks != LeakPolicy() else ()),
    )
    of_sources = f" {spec.population.sources!r}" if spec.population.sources else ""
    text = f"{learns!r}{of_sources} {until_seq} {count_facts(store, until_seq)}"
    return hashlib.sha256(text.encode()).hexdigest()


def oldest_waiting(store: Store) -> int | None:
    """Return the id of the oldest request that waits; None if none does."""
    with store.begin() as connection:
        going_on = queries.going_on(connection)
    return next((retraining.id for retraining in going_on if retraining.state in WAITING), None)


def going_on(store: Store, spec: str) -> list[Retraining]:
    """The requests of a spec that wait or have begun, the oldest first."""
    with store.begin() as connection:
        return queries.going_on(connection, spec)


def trainings_begun(store: Store, spec: str) -> list[datetime]:
    """When the trainings of a spec began that count in its budget."""
    with store.begin() as connection:
        return queries.begun(connection, spec)


def begin(store: Store, spec: ModelSpec, retraining_id: int, at: datetime) -> TrainingStart | None:
    """Start a requested training; None when it must not run any more, or not yet.

    A lock lets one of two that try at once begin. Facts that have taught this spec meanwhile
    refuse it.
    """
    until_seq = newest_seq(store)
    batch = batch_of(store, spec, until_seq)
    with store.begin() as connection:
        retraining = _locked(connection, retraining_id)
        give_up_lost(connection, spec.name, at)
        running = [
            other for other in queries.going_on(connection, spec.name) if other.state == "started"
        ]
        if retraining.state not in WAITING or running:
            return None
        if queries.has_learned(connection, batch):
            step = RetrainingStep(at, "refused", "these facts have taught this spec already")
            queries.move(connection, retraining_id, step)
            return None
        evidence = {"batch": batch, "until_seq": until_seq}
        step = RetrainingStep(at, "started", f"on the facts up to {until_seq}", evidence=evidence)
        queries.move(connection, retraining_id, step)
    wanted = retraining.wanted
    accepted = wanted.evidence.get(ACCEPT_DATA)
    return TrainingStart(retraining_id, spec.name, batch, until_seq, wanted.trigger, accepted)


def end(store: Store, begun: TrainingStart, ending: TrainingEnd, at: datetime) -> None:
    """Record how a training ended, with its alert; one that has ended stays as it is."""
    with store.begin() as connection:
        if _locked(connection, begun.id).state != "started":
            return
        batch = begun.batch if ending.has_taught else None
        evidence = as_evidence(dict(ending.evidence))
        step = RetrainingStep(at, ending.state, ending.reason, batch, evidence)
        queries.move(connection, begun.id, step)
        _tell(connection, begun.spec, begun.id, ending, at)


def give_up_lost(connection: Connection, spec: str, at: datetime) -> None:
    """End trainings that began LOST_S ago: they were killed. The spec's lock is held."""
    for retraining in queries.going_on(connection, spec):
        newest = retraining.steps[-1]
        if newest.state == "started" and (at - newest.at).total_seconds() > LOST_S:
            lost = TrainingEnd("failed", f"it began at {newest.at:%Y-%m-%d %H:%M} and never ended")
            queries.move(connection, retraining.id, RetrainingStep(at, "failed", lost.reason))
            _tell(connection, spec, retraining.id, lost, at)


def known(connection: Connection, retraining_id: int) -> Retraining:
    """Return the request with this id. Raises NotFound if there is none."""
    retraining = queries.find(connection, retraining_id)
    if retraining is None:
        raise NotFound(f"no retraining has the id {retraining_id}; `runlore retrain list` has them")
    return retraining


def _locked(connection: Connection, retraining_id: int) -> Retraining:
    """A request as nobody else can change it until the transaction ends."""
    spec = known(connection, retraining_id).wanted.spec
    queries.lock(connection, spec)
    return known(connection, retraining_id)


def note_training(store: Store, spec: str, alias: str | None, at: datetime) -> None:
    """Resolve the alert of a spec whose training came to its end, whoever began it.

    A version that takes a place ends any alert; one that does not ends that of a failure.
    """
    with store.begin() as connection:
        for alert in alerts.read(connection, AlertQuery(kind=KIND, subject=spec)):
            if alias is not None or alert.evidence.get("ended") == "failed":
                handling.resolve_alert(connection, KIND, spec, at, getuser())


def _tell(
    connection: Connection, spec: str, retraining_id: int, ending: TrainingEnd, at: datetime
) -> None:
    if ending.state == "done":
        handling.resolve_alert(connection, KIND, spec, at)
        return
    what = f"the retraining of {spec} {_WAYS[ending.state]}: {ending.reason}"
    evidence = {"retraining": retraining_id, "ended": ending.state, **ending.evidence}
    if ending.command:
        decisions.ask(connection, DecisionRequest(spec, what, ending.command, evidence), at)
        return
    finding = AlertFinding(
        kind=KIND,
        subject=spec,
        severity=Severity.WARNING,
        what=what,
        certainty="certain",
        advice=_ADVICE[ending.state].format(spec=spec, id=retraining_id),
        evidence=evidence,
    )
    handling.raise_alert(connection, finding, at)


_WAYS = {"refused": "was refused", "failed": "failed"}
_ADVICE = {
    "refused": "nothing has to be done: the champion serves on, and the next version that becomes"
    " @champion or @challenger ends this alert; see `runlore retrain show {id}`",
    "failed": "the champion serves on; see `runlore retrain show {id}`, mend the cause and train"
    " again: runlore train {spec}",
}
