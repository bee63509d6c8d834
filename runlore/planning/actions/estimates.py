"""Estimate what a task will take, from finished tasks of its kind."""

import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from threading import Lock
from typing import Any

import numpy as np

from runlore.kernel.errors import BadInput, NotFound, Refused, RunloreError
from runlore.kernel.instants import to_us
from runlore.planning.actions.promises import PromiserCache, describe_task, read_promiser
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
RENEWED_AFTER = timedelta(minutes=10)
KEPT_FOR = timedelta(hours=1)  # an older one is not answered with; the request waits
DURATION = "duration_s"
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
INPUT = "inputs."
Key = tuple[Store, str, str]

log = logging.getLogger("runlore.planning")


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
    """What was learned of kinds in the last hour.

    The first request for a kind waits, those for other kinds do not. After ten minutes a kind is
    learned again in the background, one at a time, while the kept one answers.
    """

    def __init__(self) -> None:
        self.promisers = PromiserCache()
        self._lock = Lock()
        self._kept: OrderedDict[Key, KindEstimator] = OrderedDict()
        self._learning: dict[Key, Lock] = {}
        self._renewing: set[Key] = set()
        self._background = ThreadPoolExecutor(1, "estimators")

    def get(self, store: Store, task: PlannedTask, at: datetime) -> KindEstimator:
        key = (store, task.kind, task.measure)
        kept = self._find(key, at)
        if kept is None:
            with self._lock:
                learning = self._learning.setdefault(key, Lock())
            with learning:
                kept = self._find(key, at)
                return self._learn(key, at) if kept is None else kept
        if at >= kept.learned_at + RENEWED_AFTER:
            self._renew(key, at)
        return kept

    def wait(self) -> None:
        """Until nothing is learned in the background."""
        self._background.submit(bool).result()

    def _find(self, key: Key, at: datetime) -> KindEstimator | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or at >= kept.learned_at + KEPT_FOR:
                return None
            self._kept.move_to_end(key)
            return kept

    def _learn(self, key: Key, at: datetime) -> KindEstimator:
        store, kind, measure = key
        learned = learn_kind(store, kind, measure, at)
        with self._lock:
            self._kept[key] = learned
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                gone, _ = self._kept.popitem(last=False)
                self._learning.pop(gone, None)
        return learned

    def _renew(self, key: Key, at: datetime) -> None:
        with self._lock:
            if key in self._renewing:
                return
            self._renewing.add(key)
        self._background.submit(partial(self._relearn, key, at))

    def _relearn(self, key: Key, at: datetime) -> None:
        """A kind that can no longer be learned is forgotten; the next request says why."""
        try:
            self._learn(key, at)
        except (BadInput, NotFound, Refused):
            with self._lock:
                self._kept.pop(key, None)
        except RunloreError as error:
            log.warning("kind %r was not learned again: %s", key[1], error)
        finally:
            with self._lock:
                self._renewing.discard(key)


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
        promiser = cache.promisers.get(store, task.measure, at)
    promise = None if promiser is None else promiser.promise_of(task.kind)
    if promiser is None or promise is None:
        return made
    about = describe_task(task.kind, task.actor, task.scope, task.inputs)
    kind_mae = made.learned.estimator.scores.mae
    estimate = with_log_promise(made.estimate, kind_mae, promise, promiser.answer(about, at))
    return replace(made, estimate=estimate, promise=promise)


def learn_kind(store: Store, kind: str, measure: str, at: datetime) -> KindEstimator:
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
    return KindEstimator(fit_estimator(described, _amounts(tasks), times), tasks, at)


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
