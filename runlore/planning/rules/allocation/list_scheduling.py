"""A plan from an order of tasks: each is put where it adds least, in the first gap.

A serial schedule-generation scheme: Kolisch, Serial and parallel resource-constrained project
scheduling methods revisited, 1996.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from heapq import heapify, heappop, heappush

import numpy as np

from runlore.planning.rules.allocation.problem import AllocationProblem, Ints, Placement, score
from runlore.planning.rules.allocation.slot_timeline import SlotTimeline


class GapFiller:
    """Puts tasks into pools, one by one; parents come first."""

    def __init__(self, problem: AllocationProblem) -> None:
        self.problem = problem
        self.timelines = [SlotTimeline(size) for size in problem.capacity.tolist()]
        self.pool = np.full(problem.tasks, -1)
        self.start, self.end = np.zeros((2, problem.tasks), dtype=np.int64)
        self.finish = 0

    def put(self, task: int, within: int | None = None) -> None:
        """within: the only pool that it may go to."""
        problem = self.problem
        ready = max(
            [int(problem.release[task]), *(int(self.end[one]) for one in problem.parents[task])]
        )
        pools = np.flatnonzero(problem.can[task]).tolist() if within is None else [within]
        options = [self._option(task, pool, ready) for pool in pools]
        _, _, end, pool, opened = min(options)
        self.take(task, pool, opened, end, ready)

    def take(self, task: int, pool: int, opened: int, end: int, ready: int = 0) -> None:
        """opened: the second of the pool's opening at which work begins."""
        work, demand = int(self.problem.work[task, pool]), int(self.problem.demand[task, pool])
        self.timelines[pool].occupy(opened, opened + work, demand)
        self.pool[task], self.end[task] = pool, end
        start = self.problem.opening[pool].start(opened)
        self.start[task] = min(max(start, ready), end)
        self.finish = max(self.finish, end)

    def _option(self, task: int, pool: int, ready: int) -> tuple[int, int, int, int, int]:
        """Overrun, points, end, pool, and when it begins in opening time."""
        problem, points = self.problem, self.problem.points
        opening, work = problem.opening[pool], int(problem.work[task, pool])
        since, demand = opening.opened(ready), int(problem.demand[task, pool])
        opened = self.timelines[pool].first_gap(since, work, demand)
        end = opening.end(opened + work)
        added = (
            max(end - int(problem.due[task]), 0) * int(points.late[task])
            + (end - int(problem.release[task])) * int(points.wait[task])
            + max(end - self.finish, 0) * points.finish
            + int(points.cost[task, pool])
        )
        return max(end - int(problem.deadline[task]), 0), added, end, pool, opened


def place_in_order(problem: AllocationProblem, keys: Iterable[float]) -> Placement:
    """By ascending key, of those whose parents are placed. keys: (n,)."""
    return _place(problem, order_of(problem, list(keys)), None)


def settle(problem: AllocationProblem, placement: Placement) -> Placement:
    """The same pools and order, with each task as early as it goes: none ends later."""
    return _place(problem, order_of(problem, placement.start.tolist()), placement.pool.tolist())


def place_at_starts(problem: AllocationProblem, pools: Sequence[int], starts: Ints) -> Placement:
    """A given plan: in its pools and order, no task before its start, none over another."""
    later = replace(problem, release=np.maximum(problem.release, starts))
    placed = _place(later, order_of(later, starts.tolist()), pools)
    return score(problem, placed.pool, placed.start, placed.end)


def _place(
    problem: AllocationProblem, order: Sequence[int], pools: Sequence[int] | None
) -> Placement:
    filler = GapFiller(problem)
    for task in order:
        fixed = int(problem.fixed_pool[task])
        if fixed >= 0:
            filler.take(task, fixed, 0, problem.opening[fixed].end(int(problem.work[task, fixed])))
        else:
            filler.put(task, None if pools is None else pools[task])
    return score(problem, filler.pool, filler.start, filler.end)


def order_of(problem: AllocationProblem, keys: Sequence[float]) -> list[int]:
    """Tasks in which parents come first, those that have begun before all others."""
    begun = problem.fixed_pool >= 0
    order = np.flatnonzero(begun).tolist()
    waiting = [sum(not begun[one] for one in parents) for parents in problem.parents]
    ready = [(keys[task], task) for task in np.flatnonzero(~begun).tolist() if not waiting[task]]
    heapify(ready)
    while ready:
        _, task = heappop(ready)
        order.append(task)
        for child in problem.children[task]:
            waiting[child] -= 1
            if not waiting[child] and not begun[child]:
                heappush(ready, (keys[child], child))
    return order
