"""Train series specs by themselves: when nothing serves, when it is time, or after drift.

Requests are rows among the retrainings, so that the budget counts all of them.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from getpass import getuser
from typing import TYPE_CHECKING

from runlore.alerts.actions.handling import raise_alert, resolve_alert
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.kernel.errors import Refused
from runlore.registry import alias_history
from runlore.registry.registry import CHAMPION
from runlore.retraining import queries, rules
from runlore.retraining.actions import course
from runlore.retraining.actions.course import TrainingEnd, TrainingStart
from runlore.retraining.queries import RetrainingRequest, RetrainingStep
from runlore.retraining.rules import RetrainingEvidence, Trigger
from runlore.serving.actions.promotion import ChangeReason
from runlore.signals.actions.issued_forecasts import Progress, series_of
from runlore.signals.actions.series_champions import SeriesChampion
from runlore.signals.actions.series_training import SeriesTrainOutcome, train_series
from runlore.signals.queries import forecast_windows
from runlore.signals.rules.forecasts.forecast_drift import ForecastDriftVerdict, judge_drift
from runlore.specs.series_spec import SeriesSpec
from runlore.store.engine import Connection, Store

if TYPE_CHECKING:
    from runlore.registry import Registry

KIND = "forecast-drift"


@dataclass(frozen=True)
class SeriesTraining:
    """Why a training begins. trigger: who asks for it. champion: the one before, if any."""

    trigger: Trigger
    reason: str
    champion: SeriesChampion | None = None


def watch_drift(
    store: Store, spec: SeriesSpec, champion: SeriesChampion, at: datetime
) -> ForecastDriftVerdict:
    """Judge the scored forecasts of a champion; keep an alert open while they drift."""
    with store.connect() as connection:
        windows = forecast_windows.read_windows(connection, spec.name, champion.version)
    verdict = judge_drift(spec.drift, champion.model.promised, windows)
    tell_drift(store, spec, champion, verdict, at)
    return verdict


def tell_drift(
    store: Store,
    spec: SeriesSpec,
    champion: SeriesChampion,
    verdict: ForecastDriftVerdict,
    at: datetime,
) -> None:
    """Open the alert of a drift, or resolve it."""
    with store.begin() as connection:
        if verdict.is_drifted:
            raise_alert(connection, _finding(spec, champion, verdict), at)
        else:
            resolve_alert(connection, KIND, spec.name, at)


def find_due(
    store: Store, spec: SeriesSpec, champion: SeriesChampion | None, at: datetime
) -> SeriesTraining | None:
    """What asks for a training by itself and may have one; None: nothing.

    Raises nothing where the budget is spent: the alert of a drift stays open.
    """
    verdict = watch_drift(store, spec, champion, at) if champion else None
    entry = alias_history.newest(store, CHAMPION).get(spec.name) if champion else None
    known = _known(store, spec, at, entry.at if entry else None)
    wanted = rules.due(known, spec.retraining)
    trigger: Trigger = "schedule"
    reason = wanted.reason if wanted else ""
    if verdict and verdict.is_drifted:
        trigger, reason = "drift", "; ".join(verdict.reasons)
    if not reason or not rules.permit(trigger, known, spec.retraining).is_given:
        return None
    if champion is None and not series_of(store, spec):
        return None
    return SeriesTraining(trigger, reason, champion)


def run_training(
    store: Store,
    registry: "Registry",
    spec: SeriesSpec,
    training: SeriesTraining,
    at: datetime,
    progress: Progress | None = None,
) -> SeriesTrainOutcome:
    """Train, with a row that says when it began and one that says what came of it.

    Raises Refused when another training of the spec goes on, and when no series can be forecast.
    """
    begun = _begin(store, spec, training, at)
    why = ChangeReason(getuser(), training.reason, {"retraining": begun.id})
    try:
        outcome = train_series(store, registry, spec, why, at, training.champion, progress)
    except Refused as refused:
        _end(store, begun, TrainingEnd("refused", str(refused)), training, at)
        raise
    except BaseException as error:
        failed = TrainingEnd("failed", f"{type(error).__name__}: {error}")
        _end(store, begun, failed, training, at)
        raise
    _end(store, begun, _ending(outcome), training, at)
    course.note_training(store, spec.name, outcome.alias, at)
    return outcome


def _known(
    store: Store, spec: SeriesSpec, at: datetime, trained_at: datetime | None
) -> RetrainingEvidence:
    with store.begin() as connection:
        queries.lock(connection, spec.name)
        course.give_up_lost(connection, spec.name, at)
        return RetrainingEvidence(
            at=at,
            begun=tuple(queries.begun(connection, spec.name)),
            new_labels=0,
            has_learned=False,
            trained_at=trained_at,
            data_refused_at=queries.data_refused(connection, spec.name),
        )


def _begin(store: Store, spec: SeriesSpec, training: SeriesTraining, at: datetime) -> TrainingStart:
    """A lock lets one of two that try at once begin; what they may spend is checked under it."""
    with store.begin() as connection:
        queries.lock(connection, spec.name)
        course.give_up_lost(connection, spec.name, at)
        if queries.going_on(connection, spec.name):
            raise Refused(f"{spec.name}: a training goes on; see `runlore retrain list`")
        _refuse_spent(connection, spec, training, at)
        step = RetrainingStep(at, "started", f"on the points known at {at:%Y-%m-%d %H:%M}")
        added = queries.add(connection, _request(spec, training, at), step)
    if added is None:
        raise Refused(f"{spec.name}: the request for a training vanished; ask again")
    batch = hashlib.sha256(f"series {added.id}".encode()).hexdigest()
    return TrainingStart(added.id, spec.name, batch, 0, training.trigger)


def _refuse_spent(
    connection: Connection, spec: SeriesSpec, training: SeriesTraining, at: datetime
) -> None:
    if training.trigger == "person":
        return
    reached = rules.limit_reached(queries.begun(connection, spec.name), at, spec.retraining)
    if reached:
        raise Refused(f"{spec.name}: {reached}")


def _request(spec: SeriesSpec, training: SeriesTraining, at: datetime) -> RetrainingRequest:
    evidence: Mapping[str, object] = (
        {"champion": training.champion.version} if training.champion else {}
    )
    return RetrainingRequest(
        at=at,
        spec=spec.name,
        trigger=training.trigger,
        actor=getuser(),
        reason=training.reason,
        cause=None,
        batch=f"points known at {at.isoformat()}",
        until_seq=0,
        new_labels=0,
        evidence=evidence,
    )


def _ending(outcome: SeriesTrainOutcome) -> TrainingEnd:
    evidence = {name: value for name, value in outcome.as_json().items() if name != "page"}
    reasons = "; ".join(outcome.reasons)
    if not outcome.passed:
        return TrainingEnd("refused", reasons, True, evidence)
    return TrainingEnd("done", f"version {outcome.version} is @champion: {reasons}", True, evidence)


def _end(
    store: Store, begun: TrainingStart, ending: TrainingEnd, training: SeriesTraining, at: datetime
) -> None:
    """A refusal is an alert where a champion could not be replaced; without one, nothing is lost:
    each series is searched anew."""
    if ending.state == "refused" and training.champion is None:
        with store.begin() as connection:
            batch = begun.batch if ending.has_taught else None
            step = RetrainingStep(at, "refused", ending.reason, batch)
            queries.move(connection, begun.id, step)
        return
    course.end(store, begun, ending, at)


def _finding(
    spec: SeriesSpec, champion: SeriesChampion, verdict: ForecastDriftVerdict
) -> AlertFinding:
    return AlertFinding(
        KIND,
        spec.name,
        Severity.WARNING,
        f"forecasts of {spec.name} are worse than at their training: {verdict.reasons[0]}",
        f"an interval over {verdict.windows} windows that do not overlap",
        "a training follows by itself once the budget allows one; to train now:"
        f" runlore train {spec.name}",
        evidence={"version": champion.version, "reasons": list(verdict.reasons)},
    )
