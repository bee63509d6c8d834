"""Plan the open work of the log: executions without an outcome, in the pools declared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runlore.kernel.errors import BadInput, NotFound, Refused
from runlore.planning.actions.allocation import AllocationRequest, MadePlan, allocate
from runlore.planning.actions.estimates import EstimatorCache, PlannedTask
from runlore.planning.actions.pools import find_pools
from runlore.planning.queries.open_work import OpenTask, read_open
from runlore.planning.rules.allocation.assembling import slots_of
from runlore.planning.rules.allocation.task_to_place import MOST_TASKS, TaskToPlace
from runlore.planning.rules.pools.pool import Pool
from runlore.store.engine import Store

OPEN_FOR = timedelta(days=14)  # what was submitted earlier is taken for lost
LIMIT_S = 60.0


@dataclass(frozen=True, eq=False)
class NightlyPlan:
    """made: None: there is nothing to plan. left_out: kind -> why its work is not in the plan."""

    made: MadePlan | None
    left_out: Mapping[str, str]


def plan_open_work(store: Store, at: datetime, limit_s: float = LIMIT_S) -> NightlyPlan:
    """Kinds that cannot be estimated are left out, and named."""
    pools = find_pools(store, at)
    if not pools:
        return NightlyPlan(None, {"": "no pool is declared: `runlore plan pools --set FILE.json`"})
    rows = read_open(store, at, at - OPEN_FOR, MOST_TASKS)
    cache = EstimatorCache()
    left_out: dict[str, str] = {}
    for kind in sorted({row.kind for row in rows}):
        try:
            cache.get(store, PlannedTask(kind), at)
        except (NotFound, Refused, BadInput) as error:
            left_out[kind] = str(error)
    tasks = to_tasks([row for row in rows if row.kind not in left_out], pools)
    if not tasks:
        return NightlyPlan(None, left_out)
    request = AllocationRequest(tasks, pools, limit_s=limit_s)
    return NightlyPlan(allocate(store, request, at, cache), left_out)


def to_tasks(rows: Sequence[OpenTask], pools: Sequence[Pool]) -> list[TaskToPlace]:
    """The log does not say where a task runs: in the first pool that serves it and has room."""
    free = {pool.name: max(int(pool.size), 1) for pool in pools}
    seen: set[str] = set()
    tasks = []
    for row in rows:
        name = row.source_id
        if name in seen:
            name = f"{row.source}/{row.source_id} {row.submitted:%Y-%m-%dT%H:%M:%S}"
        seen.add(name)
        task = TaskToPlace(
            name[:200], row.kind, row.actor or None, row.scope or None, dict(row.inputs)
        )
        tasks.append(task if row.started is None else _running(task, row, pools, free))
    return tasks


def _running(
    task: TaskToPlace, row: OpenTask, pools: Sequence[Pool], free: dict[str, int]
) -> TaskToPlace:
    for pool in pools:
        slots = slots_of(task, pool)
        if pool.serves_kind(task.kind) and free[pool.name] >= slots:
            free[pool.name] -= slots
            values = {**vars(task), "pool": pool.name, "start": row.started, "is_running": True}
            return TaskToPlace(**values)
    return task
