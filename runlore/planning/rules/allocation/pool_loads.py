"""Which pool each task goes to so that deadlines are met: only loads count, not the order.

In a pool of one slot, tasks without release or parents are all in time, in the order of their
deadlines, if and only if the work due by each deadline fits in before it (Jackson, Scheduling a
production line to minimize maximum tardiness, 1955). So no intervals are needed: some pools at a
time are filled anew by CP-SAT. For other tasks and pools it is a place to begin.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runlore.planning.rules.allocation.opening_time import NEVER
from runlore.planning.rules.allocation.problem import AllocationProblem, Ints
from runlore.planning.rules.allocation.solving import SEED, TimeBudget

Random = np.random.Generator
POOLS = (2, 2, 2, 4)  # that are filled anew at once, as is drawn
MOST_TASKS = 150
ROUND_S = 1.0
MOST_IDLE = 100  # rounds without a gain


@dataclass(frozen=True, eq=False)
class DeadlineLoads:
    """tasks: those with a deadline. due: (n,) by when each must end. instants: (k,) that occur.

    room: (m, k) slot-seconds of each pool until then.
    """

    problem: AllocationProblem
    tasks: Ints
    due: Ints
    instants: Ints
    room: Ints

    def excess(self, pools: Ints) -> Ints:
        """(m, k) slot-seconds that do not fit in. pools: (n,) of each task."""
        where = pools[self.tasks]
        loads = np.zeros(self.room.shape, dtype=np.int64)
        at = np.searchsorted(self.instants, self.due[self.tasks])
        np.add.at(loads, (where, at), self.area[self.tasks, where])
        return np.maximum(loads.cumsum(axis=1) - self.room, 0)

    @property
    def area(self) -> Ints:
        return self.problem.work * self.problem.demand


def deadline_loads(problem: AllocationProblem, due: Ints) -> DeadlineLoads:
    """due: (n,) deadlines, of parents early enough for their children; NEVER: none."""
    tasks = np.flatnonzero(due < NEVER)
    instants = np.unique(due[tasks])
    room = [
        [size * opening.opened(max(instant, 0)) for instant in instants.tolist()]
        for size, opening in zip(problem.capacity.tolist(), problem.opening, strict=True)
    ]
    return DeadlineLoads(problem, tasks, due, instants, np.array(room, dtype=np.int64))


def fill_pools(
    loads: DeadlineLoads, pools: Ints, random: Random, budget: TimeBudget, until_s: float
) -> Ints:
    """(n,) pools with less work beyond deadlines, from those of a plan; until so much time is left.

    Rounds that change nothing move tasks, too, so that the search does not stand still.
    """
    best, excess, idle = pools.copy(), loads.excess(pools), 0
    while excess.any() and budget.left_s > until_s and idle < MOST_IDLE:
        moved = _refill(loads, best, _choose(excess, random), random, budget)
        after = loads.excess(moved)
        idle = 0 if after.sum() < excess.sum() else idle + 1
        if after.sum() <= excess.sum():
            best, excess = moved, after
    return best


def _choose(excess: Ints, random: Random) -> list[int]:
    """A pool that has too much, and others, those with room first."""
    over = excess.sum(axis=1).astype(np.float64)
    first = int(random.choice(len(over), p=over / over.sum()))
    others = [one for one in random.permutation(len(over)).tolist() if one != first]
    others.sort(key=lambda one: over[one] > 0)
    return [first, *others[: int(random.choice(POOLS)) - 1]]


def _refill(
    loads: DeadlineLoads, pools: Ints, chosen: Sequence[int], random: Random, budget: TimeBudget
) -> Ints:
    """Divide the tasks of some pools anew among them, with the least work beyond deadlines."""
    from ortools.sat.python import cp_model

    mine = loads.tasks[np.isin(pools[loads.tasks], chosen)]
    free = random.permutation(mine[loads.problem.fixed_pool[mine] < 0])[:MOST_TASKS]
    model, places = cp_model.CpModel(), {}
    for task in free.tolist():
        for pool in chosen:
            if loads.problem.can[task, pool]:
                places[task, pool] = model.NewBoolVar("")
                model.AddHint(places[task, pool], int(pools[task] == pool))
        model.AddExactlyOne([places[task, pool] for pool in chosen if (task, pool) in places])
    stays = np.setdiff1d(mine, free)
    beyond = [
        one
        for pool in chosen
        for one in _add_pool(model, places, loads, pool, stays[pools[stays] == pool])
    ]
    model.Minimize(sum(beyond))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = max(min(budget.left_s, ROUND_S), 0.01)
    solver.parameters.random_seed = SEED
    solver.parameters.num_workers = 1
    moved = pools.copy()
    if solver.Solve(model) in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        for (task, pool), is_here in places.items():
            if solver.BooleanValue(is_here):
                moved[task] = pool
    return moved


def _add_pool(
    model: Any,  # noqa: ANN401
    places: dict[tuple[int, int], Any],
    loads: DeadlineLoads,
    pool: int,
    stays: Ints,
) -> list[Any]:
    """What is due by each deadline fits in, or is beyond. stays: tasks that cannot leave."""
    area, beyond = loads.area[:, pool], []
    due = [
        (loads.due[task], int(area[task]), here)
        for (task, at), here in places.items()
        if at == pool
    ]
    for instant, room in zip(loads.instants.tolist(), loads.room[pool].tolist(), strict=True):
        left = room - int(area[stays[loads.due[stays] <= instant]].sum())
        terms = [(size, here) for until, size, here in due if until <= instant]
        most = sum(size for size, _ in terms) - left
        if most > 0:
            over = model.NewIntVar(0, most, "")
            model.Add(sum(size * here for size, here in terms) <= left + over)
            beyond.append(over)
    return beyond
