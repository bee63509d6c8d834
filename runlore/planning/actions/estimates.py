"""Estimate what a task will take, from finished tasks of its kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import numpy as np

from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.kernel.instants import to_us
from runlore.kernel.renewed_cache import RenewedCache
from runlore.planning.actions.champion_answers import AskedKind, Champions, ask_champion
from runlore.planning.actions.promises import (
    describe_task,
    make_promiser_cache,
    read_promiser,
)
from runlore.planning.queries.finished_tasks import FinishedTask, read_finished, read_kinds
from runlore.planning.rules.estimator import (
    SCOPE,
    AmountEstimate,
    Estimator,
    InputEffect,
    fit_estimator,
)
from runlore.planning.rules.holding_out import OutcomeTimes
from runlore.planning.rules.promises.promised_estimate import LogPromise, with_log_promise
from runlore.planning.rules.task_table import Description
from runlore.records.measured_afterwards import origin
from runlore.store.engine import Store

LEAST_TASKS = 15
MOST_TASKS = 2_000  # the newest ones are learned from
MOST_KEPT = 64  # estimators in memory
DURATION = "duration_s"
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
INPUT = "inputs."
Key = tuple[Store, str, str]


@dataclass(frozen=True)
class PlannedTask:
    """A task before it is done. measure: `duration_s`, or the name of a number in outcomes."""

    kind: str
    measure: str = DURATION
    actor: str | None = None
    scope: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def description(self) -> Description:
        return _description(self.actor, self.scope, self.inputs)


@dataclass(frozen=True, eq=False)
class KindEstimator:
    """tasks: those it has learned from, in the order of its rows."""

    estimator: Estimator
    tasks: Sequence[FinishedTask]
    learned_at: datetime


@dataclass(frozen=True, eq=False)
class TaskEstimate:
    """promise: what was learned of the whole log; None: the promise is that of the kind."""

    task: PlannedTask
    learned: KindEstimator
    estimate: AmountEstimate
    reasons: tuple[InputEffect, ...] = ()
    promise: LogPromise | None = None


class EstimatorCache:
    """What was learned of kinds, and read of logs, in the last hour.

    champions: registered versions that may count among the models of a kind.
    """

    def __init__(self, champions: Champions | None = None) -> None:
        self.promisers, self.champions = make_promiser_cache(), champions
        learn = partial(_learn, champions)
        self._estimators: RenewedCache[Key, KindEstimator] = RenewedCache(learn, MOST_KEPT)

    def get(self, store: Store, task: PlannedTask, at: datetime) -> KindEstimator:
        return self._estimators.get((store, task.kind, task.measure), at)

    def wait(self) -> None:
        """Until nothing is learned in the background."""
        self._estimators.wait()

    def renew_after(self, age: timedelta) -> None:
        self._estimators.times = replace(self._estimators.times, renewed_after=age)


def _learn(champions: Champions | None, key: Key, at: datetime) -> KindEstimator:
    return learn_kind(*key, at, champions)


def estimate_task(
    store: Store, task: PlannedTask, at: datetime, cache: EstimatorCache | None = None
) -> TaskEstimate:
    """Estimate from what was known at an instant.

    Raises:
        NotFound: no task of the kind is in the log.
        BadInput: the measure is known of none of them.
        Refused: fewer than 15 of them are finished.
    """
    learned = learned_kind(store, task, at, cache)
    estimate = learned.estimator.estimate(task.description, LEVELS)
    reasons = learned.estimator.explain(task.description)
    return _ask_promise(store, TaskEstimate(task, learned, estimate, reasons), at, cache)


def learned_kind(
    store: Store, task: PlannedTask, at: datetime, cache: EstimatorCache | None = None
) -> KindEstimator:
    """What is learned of a task's kind. Raises like `estimate_task`."""
    if cache is None:
        return learn_kind(store, task.kind, task.measure, at)
    return cache.get(store, task, at)


def _ask_promise(
    store: Store, made: TaskEstimate, at: datetime, cache: EstimatorCache | None
) -> TaskEstimate:
    """What was learned of the whole log promises, if it was tested on tasks of the kind."""
    task = made.task
    if cache is None:
        promiser = read_promiser(store, task.measure, at)
    else:
        promiser = cache.promisers.get((store, task.measure), at)
    promise = None if promiser is None else promiser.promise_of(task.kind)
    if promiser is None or promise is None:
        return made
    about = describe_task(task.kind, task.actor, task.scope, task.inputs)
    kind_mae = made.learned.estimator.scores.mae
    estimate = with_log_promise(made.estimate, kind_mae, promise, promiser.answer(about, at))
    return replace(made, estimate=estimate, promise=promise)


def learn_kind(
    store: Store, kind: str, measure: str, at: datetime, champions: Champions | None = None
) -> KindEstimator:
    """Learn from the newest finished tasks of a kind. Raises like `estimate_task`."""
    finished = read_finished(store, kind, measure, at, MOST_TASKS)
    tasks = [task for task in finished if task.amount is not None and task.amount >= 0]
    if not tasks:
        _refuse(store, kind, measure, at, len(finished))
    if len(tasks) < LEAST_TASKS:
        raise Refused(
            f"kind {kind!r} has {len(tasks)} finished tasks with {measure}; an estimate needs"
            f" {LEAST_TASKS}"
        )
    times = OutcomeTimes(
        np.array([to_us(task.submitted) for task in tasks]),
        np.array([to_us(task.known_at) for task in tasks]),
    )
    described = [_description(task.actor, task.scope, task.inputs) for task in tasks]
    amounts = _amounts(tasks)
    champion, note = None, ""
    if champions is not None:
        asked = AskedKind(kind, tasks, amounts, at, INPUT)
        champion, note = ask_champion(store, champions, measure, asked)
    estimator = fit_estimator(described, amounts, times, champion)
    if note:
        estimator = replace(estimator, champion_note=note)
    return KindEstimator(estimator, tasks, at)


def _refuse(store: Store, kind: str, measure: str, at: datetime, finished: int) -> None:
    kinds = read_kinds(store, at)
    if kind not in kinds and not finished:
        known = ", ".join(kinds) or "none: the log is empty"
        raise NotFound(f"kind {kind!r} has no finished task; kinds of the log: {known}")
    if not finished:
        raise Refused(f"kind {kind!r} has no task that succeeded yet")
    raise BadInput(
        f"measure: none of {finished} finished tasks of kind {kind!r} has {measure!r}; use"
        f" {DURATION} or a number of their outcomes",
        "measure",
    )


def _amounts(tasks: Sequence[FinishedTask]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """An amount of 0 counts as half the smallest one above: logs need one."""
    amounts = np.array([task.amount for task in tasks], dtype=np.float64)
    above = amounts[amounts > 0]
    return np.maximum(amounts, above.min() / 2) if len(above) else amounts


def _description(actor: str | None, scope: str | None, inputs: Mapping[str, Any]) -> Description:
    """Inputs that are measured afterwards tell the outcome, and are left out."""
    about: dict[str, object] = {"actor": actor or None, SCOPE: scope or None}
    about |= {f"{INPUT}{name}": value for name, value in inputs.items() if origin(name) is None}
    return {name: value for name, value in about.items() if value is not None}
