"""Estimate what a task will take, from finished tasks of its kind."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import numpy as np

from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.kernel.instants import to_us
from runlore.planning.queries.finished_tasks import FinishedTask, read_finished, read_kinds
from runlore.planning.rules.estimator import AmountEstimate, Estimator, fit_estimator
from runlore.planning.rules.holding_out import OutcomeTimes
from runlore.planning.rules.task_table import Description
from runlore.records.measured_afterwards import origin
from runlore.store.engine import Store

LEAST_TASKS = 15
MOST_TASKS = 2_000  # the newest ones are learned from
MOST_KEPT = 64  # estimators in memory
KEPT_FOR = timedelta(minutes=10)
DURATION = "duration_s"
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
INPUT = "inputs."


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
    task: PlannedTask
    learned: KindEstimator
    estimate: AmountEstimate


class EstimatorCache:
    """What was learned in the last ten minutes; one learning at a time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[tuple[Store, str, str], KindEstimator] = OrderedDict()

    def get(self, store: Store, task: PlannedTask, at: datetime) -> KindEstimator:
        key = (store, task.kind, task.measure)
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or not kept.learned_at <= at < kept.learned_at + KEPT_FOR:
                kept = self._kept[key] = learn_kind(store, task.kind, task.measure, at)
            self._kept.move_to_end(key)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            return kept


def estimate_task(
    store: Store, task: PlannedTask, at: datetime, cache: EstimatorCache | None = None
) -> TaskEstimate:
    """Estimate from what was known at an instant.

    Raises:
        NotFound: no task of the kind is in the log.
        BadInput: the measure is known of none of them.
        Refused: fewer than 15 of them are finished.
    """
    if cache is None:
        learned = learn_kind(store, task.kind, task.measure, at)
    else:
        learned = cache.get(store, task, at)
    return TaskEstimate(task, learned, learned.estimator.estimate(task.description, LEVELS))


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
    about: dict[str, object] = {"actor": actor or None, "scope": scope or None}
    about |= {f"{INPUT}{name}": value for name, value in inputs.items() if origin(name) is None}
    return {name: value for name, value in about.items() if value is not None}
