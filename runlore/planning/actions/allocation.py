"""Plan which task runs where and when, beside the plans that need no solver."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

import numpy as np

from runlore.kernel.errors import BadInput, Refused
from runlore.planning.actions.estimates import (
    EstimatorCache,
    PlannedTask,
    TaskEstimate,
    estimate_task,
)
from runlore.planning.actions.pools import find_pools
from runlore.planning.rules.allocation.assembling import Assembly, Obstacle, assemble
from runlore.planning.rules.allocation.execution import draw_work, execute
from runlore.planning.rules.allocation.explaining import explain_overruns, find_enough_slots
from runlore.planning.rules.allocation.list_scheduling import place_at_starts
from runlore.planning.rules.allocation.opening_time import NEVER
from runlore.planning.rules.allocation.problem import Floats, Ints, Placement, Weights, score
from runlore.planning.rules.allocation.search import PlanSearch, Progress, SearchResult
from runlore.planning.rules.allocation.solving import SEED, TimeBudget
from runlore.planning.rules.allocation.task_to_place import TaskToPlace, check_tasks
from runlore.planning.rules.pools.pool import Pool
from runlore.store.engine import Store

WORLDS = 200  # in which durations are drawn
LIMIT_S = 10.0
LONGEST_LIMIT_S = 3_600.0


@dataclass(frozen=True)
class AllocationRequest:
    """pools: None: those that are declared. quantile: of estimates, that is planned with."""

    tasks: Sequence[TaskToPlace]
    pools: Sequence[Pool] | None = None
    weights: Weights = field(default_factory=Weights)
    limit_s: float = LIMIT_S
    quantile: float = 0.5

    def __post_init__(self) -> None:
        check_tasks(self.tasks)
        if not 0 < self.limit_s <= LONGEST_LIMIT_S:
            raise BadInput(
                f"limit: {self.limit_s:g} s is not above 0 and up to {LONGEST_LIMIT_S:g} s", "limit"
            )
        if not 0.05 <= self.quantile <= 0.95:
            raise BadInput(f"quantile: {self.quantile:g} is not from 0.05 to 0.95", "quantile")
        if self.weights.wait <= 0 and self.weights.finish <= 0:
            raise BadInput(
                "weights: wait or finish must be above 0, or tasks may end never", "wait"
            )


@dataclass(frozen=True, eq=False)
class TaskDuration:
    """planned_s: what is planned with. estimate: None: the duration was given."""

    planned_s: float
    estimate: TaskEstimate | None


@dataclass(frozen=True, eq=False)
class SimulatedEnds:
    """points: by plan, (w,) objectives; ends: (w, n) of ours. In the same w worlds."""

    points: Mapping[str, Floats]
    ends: Ints


@dataclass(frozen=True, eq=False)
class MadePlan:
    """others: plans to compare with, by name. obstacles: of tasks without a place or in time."""

    request: AllocationRequest
    assembly: Assembly
    durations: Mapping[str, TaskDuration]
    result: SearchResult
    others: Mapping[str, Placement]
    simulated: SimulatedEnds
    obstacles: tuple[Obstacle, ...]
    advice: str
    seconds: float


def allocate(
    store: Store,
    request: AllocationRequest,
    at: datetime,
    cache: EstimatorCache | None = None,
    progress: Progress | None = None,
) -> MadePlan:
    """Plan from an instant on, with what was known then. Ctrl-C gives the best so far.

    Raises:
        BadInput, NotFound: pools are missing; a kind without duration_s is not in the log.
        Refused: a kind cannot be estimated; running tasks need more slots than there are.
    """
    pools = find_pools(store, at) if request.pools is None else list(request.pools)
    if not pools:
        raise BadInput(
            "pools: none is given and none declared: `runlore plan pools --set`", "pools"
        )
    durations = find_durations(store, request, at, cache or EstimatorCache())
    return make_plan(request, durations, pools, at, progress)


def make_plan(
    request: AllocationRequest,
    durations: Mapping[str, TaskDuration],
    pools: Sequence[Pool],
    at: datetime,
    progress: Progress | None = None,
) -> MadePlan:
    """The same from durations that are known. Raises Refused."""
    began, budget = monotonic(), TimeBudget(request.limit_s)
    seconds = {name: one.planned_s for name, one in durations.items()}
    assembly = assemble(request.tasks, seconds, pools, at, request.weights)
    _check_running(assembly)
    if not assembly.tasks:
        said = "; ".join(f"{one.reason} ({one.remedy})" for one in assembly.obstacles[:3])
        raise Refused(f"no task can be planned: {said}")
    present = _present(assembly)
    result = PlanSearch(assembly.problem, budget, progress, present).run()
    obstacles, advice = list(assembly.obstacles), ""
    if result.best.overrun_s:
        obstacles += explain_overruns(assembly, result.best)
        advice = find_enough_slots(assembly, result.best, TimeBudget(min(request.limit_s, 10.0)))
    others = {"first come": result.first_come, "greedy": result.greedy}
    if present is not None:
        others["present"] = present
    simulated = _simulate(assembly, durations, result.best, others)
    return MadePlan(
        request,
        assembly,
        durations,
        result,
        others,
        simulated,
        tuple(obstacles),
        advice,
        monotonic() - began,
    )


def find_durations(
    store: Store, request: AllocationRequest, at: datetime, cache: EstimatorCache
) -> dict[str, TaskDuration]:
    """By id: as given, or estimated from the log as known at an instant."""
    durations = {}
    for task in request.tasks:
        if task.duration_s is not None:
            durations[task.id] = TaskDuration(task.duration_s, None)
            continue
        planned = PlannedTask(
            task.kind, actor=task.actor, scope=task.scope, inputs=dict(task.inputs)
        )
        made = estimate_task(store, planned, at, cache)
        durations[task.id] = TaskDuration(_quantile(made, request.quantile), made)
    return durations


def _quantile(made: TaskEstimate, level: float) -> float:
    quantiles = made.estimate.quantiles
    levels = sorted(quantiles)
    logs = np.log([quantiles[one] for one in levels])
    return float(np.exp(np.interp(level, levels, logs)))


def _check_running(assembly: Assembly) -> None:
    problem = assembly.problem
    for pool, group in enumerate(assembly.pools):
        begun = problem.fixed_pool == pool
        needed, size = int(problem.demand[begun, pool].sum()), int(problem.capacity[pool])
        if needed > size:
            raise Refused(
                f"running tasks need {needed} slots of pool {group[0].name}, which has {size};"
                " correct its size, or the status of the tasks"
            )


def _present(assembly: Assembly) -> Placement | None:
    """The user's plan, if each task has a pool and a start: kept in its order, never earlier."""
    named = {pool.name: at for at, group in enumerate(assembly.pools) for pool in group}
    pools = [named.get(task.pool or "", -1) for task in assembly.tasks]
    if any(task.start is None for task in assembly.tasks) or -1 in pools:
        return None
    if not assembly.problem.can[np.arange(len(pools)), pools].all():
        return None
    starts = [
        0
        if task.is_running or task.start is None
        else max(int((task.start - assembly.origin).total_seconds()), 0)
        for task in assembly.tasks
    ]
    return place_at_starts(assembly.problem, pools, np.array(starts, dtype=np.int64))


def _simulate(
    assembly: Assembly,
    durations: Mapping[str, TaskDuration],
    best: Placement,
    others: Mapping[str, Placement],
) -> SimulatedEnds:
    """In the same drawn worlds, each plan in its own order."""
    problem, rows = assembly.problem, np.arange(len(assembly.tasks))
    levels, relative = _relative_quantiles(assembly, durations)
    points, ends = {}, np.zeros((1, len(rows)), dtype=np.int64)
    worlds = WORLDS if (relative != 1).any() else 1
    for name, plan in {**others, "plan": best}.items():
        work = draw_work(relative, levels, problem.work[rows, plan.pool], worlds, SEED)
        order = np.lexsort((plan.end, plan.start, problem.fixed_pool < 0))
        _, ends = execute(problem, order, plan.pool, work)
        ends = np.minimum(ends, NEVER)
        scored = [score(problem, plan.pool, plan.start, one).objective for one in ends]
        points[name] = np.array(scored)
    return SimulatedEnds(points, ends)


def _relative_quantiles(
    assembly: Assembly, durations: Mapping[str, TaskDuration]
) -> tuple[Floats, Floats]:
    """(q,) levels and (n, q) quantiles of durations, as shares of what is planned with."""
    estimates = [durations[task.id].estimate for task in assembly.tasks]
    known = next((one.estimate.quantiles for one in estimates if one is not None), {0.5: 1.0})
    levels = np.array(sorted(known))
    relative = np.ones((len(estimates), len(levels)))
    for at, (task, made) in enumerate(zip(assembly.tasks, estimates, strict=True)):
        if made is not None:
            planned = durations[task.id].planned_s
            relative[at] = [made.estimate.quantiles[level] / planned for level in levels]
    return levels, relative
