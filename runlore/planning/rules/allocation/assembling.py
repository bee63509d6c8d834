"""From tasks and pools as people give them to the numbers of a problem, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from runlore.kernel.instants import to_us
from runlore.planning.rules.allocation.opening_time import ALWAYS, NEVER
from runlore.planning.rules.allocation.problem import (
    AllocationProblem,
    Floats,
    Ints,
    Placement,
    Weights,
)
from runlore.planning.rules.allocation.task_to_place import TaskToPlace
from runlore.planning.rules.pools.opening import local_day, open_spans
from runlore.planning.rules.pools.pool import Pool

DAYS = 400  # that a plan may reach ahead
SECOND_US = 1_000_000
LEFT = 0.1  # of what it has taken, for a running task that should have ended


@dataclass(frozen=True)
class Obstacle:
    """Why a task has no place in the plan, or ends past its deadline, and what would help."""

    task: str
    reason: str
    remedy: str


@dataclass(frozen=True, eq=False)
class Assembly:
    """tasks: those of the problem, in its order. pools: of each pool of the problem, those that
    are alike in all and so were made one. obstacles: of tasks that are left out."""

    problem: AllocationProblem
    tasks: tuple[TaskToPlace, ...]
    pools: tuple[tuple[Pool, ...], ...]
    origin: datetime
    obstacles: tuple[Obstacle, ...]

    def instant(self, seconds: int) -> datetime:
        return self.origin + timedelta(seconds=int(seconds))


def assemble(
    tasks: Sequence[TaskToPlace],
    durations_s: Mapping[str, float],
    pools: Sequence[Pool],
    origin: datetime,
    weights: Weights,
) -> Assembly:
    """durations_s: by id, of a pool with a whole slot; half a slot takes twice as long."""
    obstacles = find_homeless(tasks, pools)
    left_out = {one.task for one in obstacles}
    kept = [task for task in tasks if task.id not in left_out]
    places = {task.id: at for at, task in enumerate(kept)}
    seconds = np.array([_left_s(task, durations_s[task.id], origin) for task in kept])
    table = _PoolTable(kept, seconds, pools, origin)
    problem = AllocationProblem(
        work=table.work,
        demand=table.demand,
        capacity=table.capacity,
        release=np.array([max(_seconds(task.release, origin, 0), 0) for task in kept], np.int64),
        due=np.array([_seconds(task.due, origin, NEVER) for task in kept], np.int64),
        deadline=np.array([_seconds(task.deadline, origin, NEVER) for task in kept], np.int64),
        priority=np.array([task.priority for task in kept], dtype=np.float64),
        cost=table.cost,
        before=_pairs(kept, places),
        spans=table.spans,
        fixed_pool=table.fixed,
        weights=weights,
    )
    return Assembly(problem, tuple(kept), table.pools, origin, tuple(obstacles))


def find_homeless(tasks: Sequence[TaskToPlace], pools: Sequence[Pool]) -> list[Obstacle]:
    """Tasks that no pool can run, and those that wait for them."""
    reasons: dict[str, Obstacle] = {}
    for task in tasks:
        if not any(_why_not(task, pool) == "" for pool in pools):
            reasons[task.id] = _explain_homeless(task, pools)
    is_new = True
    while is_new:
        is_new = False
        for task in tasks:
            waits = [one for one in task.after if one in reasons]
            if waits and task.id not in reasons:
                is_new = True
                reasons[task.id] = Obstacle(
                    task.id,
                    f"{task.id} waits for {waits[0]}, which has no place",
                    f"give {waits[0]} a place, or drop it from `after`",
                )
    return [reasons[task.id] for task in tasks if task.id in reasons]


def slots_of(task: TaskToPlace, pool: Pool) -> int:
    if task.slots is not None:
        return task.slots
    value = task.inputs.get(pool.slots_input) if pool.slots_input else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return max(int(np.ceil(value)), 1) if is_number else 1  # type: ignore[arg-type]


def _why_not(task: TaskToPlace, pool: Pool) -> str:
    """Empty: it can run there."""
    if task.is_running:
        return "" if pool.name == task.pool else f"{pool.name} is not where it runs"
    if not pool.serves_kind(task.kind):
        return f"{pool.name} does not serve kind {task.kind!r}"
    if missing := sorted(set(task.skills) - set(pool.skills)):
        return f"{pool.name} lacks skill {missing[0]!r}"
    slots, size = slots_of(task, pool), max(int(pool.size), 1)
    return f"{pool.name} has {size} of {slots} slots" if slots > size else ""


def _explain_homeless(task: TaskToPlace, pools: Sequence[Pool]) -> Obstacle:
    reasons = [_why_not(task, pool) for pool in pools]
    said = "; ".join(reasons[:5]) + ("; …" if len(reasons) > 5 else "")
    needs = [f"kind {task.kind!r}"] if task.kind else []
    needs += [f"skills {', '.join(task.skills)}"] if task.skills else []
    needs += [f"{task.slots} slots"] if task.slots else []
    remedy = f"add a pool named {task.pool!r}" if task.is_running else "use a pool that has "
    remedy += "" if task.is_running else (" and ".join(needs) or "a slot")
    return Obstacle(task.id, f"no pool can run {task.id}: {said or 'there is none'}", remedy)


class _PoolTable:
    """Columns of the problem. Pools that are alike in all become one with more slots."""

    def __init__(
        self, tasks: Sequence[TaskToPlace], seconds: Floats, pools: Sequence[Pool], origin: datetime
    ) -> None:
        count = len(tasks)
        groups: dict[object, list[Pool]] = {}
        columns: dict[object, tuple[Ints, Ints, Floats]] = {}
        for pool in pools:
            can = np.array([_why_not(task, pool) == "" for task in tasks], dtype=bool)
            demand = np.array([slots_of(task, pool) for task in tasks], dtype=np.int64)
            work = np.ceil(seconds / min(pool.size, 1.0)).astype(np.int64)
            cost = (pool.cost_per_hour or 0.0) * min(pool.size, 1.0) * demand * work / 3600
            work = np.where(can, np.maximum(work, 1), -1)
            hours = tuple(sorted((day, tuple(spans)) for day, spans in pool.hours.items()))
            alike: object = (hours, pool.zone, pool.holidays, work.tobytes(), cost.tobytes())
            if (demand[can] > 1).any():
                alike = pool.name
            groups.setdefault(alike, []).append(pool)
            columns[alike] = (work, demand, cost)
        self.pools = tuple(map(tuple, groups.values()))
        shape = (count, len(groups))
        self.work, self.demand = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self.cost = np.zeros(shape)
        for at, alike in enumerate(groups):
            self.work[:, at], self.demand[:, at], self.cost[:, at] = columns[alike]
        sizes = [sum(max(int(pool.size), 1) for pool in group) for group in self.pools]
        self.capacity = np.array(sizes, dtype=np.int64)
        self.spans = tuple(spans_of(group[0], origin) for group in self.pools)
        named = {pool.name: at for at, group in enumerate(self.pools) for pool in group}
        fixed = [named[task.pool or ""] if task.is_running else -1 for task in tasks]
        self.fixed = np.array(fixed, dtype=np.int64)


def spans_of(pool: Pool, origin: datetime) -> Ints:
    """Seconds from the origin between which it is open."""
    if not pool.hours and not pool.holidays:
        return ALWAYS
    spans = open_spans(pool, local_day(pool, origin), DAYS) - to_us(origin)
    spans = np.stack([-(-spans[:, 0] // SECOND_US), spans[:, 1] // SECOND_US], axis=1)
    spans = np.maximum(spans, 0)
    return spans[spans[:, 1] > spans[:, 0]]


def concrete_pools(assembly: Assembly, placement: Placement) -> list[str]:
    """The name of the pool of each task, where several alike were made one."""
    problem, names = assembly.problem, [""] * len(assembly.tasks)
    for at, group in enumerate(assembly.pools):
        inside = np.flatnonzero(placement.pool == at)
        if len(group) == 1:
            for task in inside.tolist():
                names[task] = group[0].name
            continue
        begun = problem.fixed_pool[inside] < 0
        order = inside[np.lexsort((placement.start[inside], begun))]
        slots = [pool.name for pool in group for _ in range(max(int(pool.size), 1))]
        free_at = [0] * len(slots)
        for task in order.tolist():
            mine = assembly.tasks[task]
            fitting = [
                slot
                for slot, until in enumerate(free_at)
                if until <= placement.start[task]
                and (not mine.is_running or slots[slot] == mine.pool)
            ]
            names[task] = slots[fitting[0]]
            free_at[fitting[0]] = int(placement.end[task])
    return names


def _left_s(task: TaskToPlace, duration_s: float, origin: datetime) -> float:
    """Of a running task, what it still needs."""
    if not task.is_running or task.start is None:
        return duration_s
    taken = max((origin - task.start).total_seconds(), 0.0)
    return max(duration_s - taken, LEFT * taken, 1.0)


def _seconds(instant: datetime | None, origin: datetime, none: int) -> int:
    return none if instant is None else (to_us(instant) - to_us(origin)) // SECOND_US


def _pairs(tasks: Sequence[TaskToPlace], places: Mapping[str, int]) -> Ints:
    pairs = [
        (places[one], at)
        for at, task in enumerate(tasks)
        if not task.is_running
        for one in dict.fromkeys(task.after)
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
