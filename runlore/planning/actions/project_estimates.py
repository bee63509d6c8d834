"""Estimate what a project will take, from its tasks and what they wait for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.planning.actions.estimates import (
    DURATION,
    LEVELS,
    EstimatorCache,
    KindEstimator,
    PlannedTask,
    TaskEstimate,
    learned_kind,
)
from runlore.planning.rules.projects.precedence import order_tasks
from runlore.planning.rules.projects.simulation import (
    AlikeTasks,
    ProjectRuns,
    run_project,
    simulate_amounts,
)
from runlore.planning.rules.promise import WITHIN
from runlore.store.engine import Store

MOST_TASKS_OF_PROJECT = 500


@dataclass(frozen=True)
class ProjectTask:
    """A task with a name. after: ids of the tasks that end before it starts."""

    id: str
    task: PlannedTask
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProjectAmount:
    """value: the median. within_15: the simulated share within 15 % of it; no promise."""

    value: float
    quantiles: Mapping[float, float]
    within_15: float


@dataclass(frozen=True, eq=False)
class ProjectEstimate:
    """total: the sum of all tasks. span: from the first start to the last end; None: not a time.

    critical: (n,) how often a task is on the longest path. correlations: of errors, by kind.
    """

    tasks: Sequence[ProjectTask]
    parts: Sequence[TaskEstimate]
    total: ProjectAmount
    span: ProjectAmount | None
    critical: Sequence[float]
    correlations: Mapping[str, float]
    has_order: bool


def estimate_project(
    store: Store, tasks: Sequence[ProjectTask], at: datetime, cache: EstimatorCache | None = None
) -> ProjectEstimate:
    """Estimate 1 to 500 tasks of one measure, and all of them together.

    Raises:
        BadInput: too many tasks, two with one id, unknown ids in `after`, or a cycle.
        NotFound, Refused: like `estimate_task`, with the id of the task.
    """
    if not 1 <= len(tasks) <= MOST_TASKS_OF_PROJECT:
        raise BadInput(f"tasks: {len(tasks)} are given; give 1 to {MOST_TASKS_OF_PROJECT}", "tasks")
    order = order_tasks([one.id for one in tasks], [one.after for one in tasks])
    by_kind: dict[str, list[int]] = {}
    for place, one in enumerate(tasks):
        by_kind.setdefault(one.task.kind, []).append(place)
    learned = {
        kind: _learned(store, tasks[places[0]], at, cache) for kind, places in by_kind.items()
    }
    parts: dict[int, TaskEstimate] = {}
    alike = []
    for kind, places in by_kind.items():
        planned = [tasks[place].task for place in places]
        alike.append(_alike(learned[kind], planned, places))
        described = [task.description for task in planned]
        made = learned[kind].estimator.estimate_all(described, LEVELS)
        for place, task, estimate in zip(places, planned, made, strict=True):
            parts[place] = TaskEstimate(task, learned[kind], estimate)
    places_by_id = {one.id: place for place, one in enumerate(tasks)}
    after = [[places_by_id[name] for name in one.after] for one in tasks]
    runs = run_project(simulate_amounts(alike), order, after)
    return _summarise(tasks, [parts[place] for place in range(len(tasks))], runs)


def _learned(
    store: Store, one: ProjectTask, at: datetime, cache: EstimatorCache | None
) -> KindEstimator:
    try:
        return learned_kind(store, one.task, at, cache)
    except (NotFound, Refused) as error:
        raise type(error)(f"task {one.id!r}: {error}") from error


def _alike(learned: KindEstimator, planned: Sequence[PlannedTask], places: list[int]) -> AlikeTasks:
    estimator = learned.estimator
    located = estimator.locate([task.description for task in planned])
    return AlikeTasks(
        np.array(places), located.answers, located.scales, estimator.spread, estimator.shared
    )


def _summarise(
    tasks: Sequence[ProjectTask], parts: Sequence[TaskEstimate], runs: ProjectRuns
) -> ProjectEstimate:
    is_time = tasks[0].task.measure == DURATION
    correlations = {part.task.kind: part.learned.estimator.shared.mean for part in parts}
    return ProjectEstimate(
        tasks,
        parts,
        _amount(runs.total),
        _amount(runs.span) if is_time else None,
        runs.critical.tolist(),
        correlations,
        any(one.after for one in tasks),
    )


def _amount(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> ProjectAmount:
    middle = float(np.median(values))
    found = np.quantile(values, LEVELS).tolist()
    within = float((np.abs(values - middle) <= WITHIN * values).mean())
    return ProjectAmount(middle, dict(zip(LEVELS, found, strict=True)), within)
