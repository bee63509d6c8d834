"""What no plan can beat: each part of the objective by itself, where the others are free.

The parts are bounded apart, so the sum holds for every plan. It is tight when one plan is best in
all of them.
"""

from collections.abc import Iterator

import numpy as np

from runlore.planning.rules.allocation.opening_time import NEVER
from runlore.planning.rules.allocation.problem import AllocationProblem, Ints


def earliest_ends(problem: AllocationProblem) -> Ints:
    """(n,): when each task ends if no other is in its way."""
    ends = np.zeros(problem.tasks, dtype=np.int64)
    waiting = [len(parents) for parents in problem.parents]
    ready = [task for task, count in enumerate(waiting) if not count]
    for task in ready:
        ends[task] = _earliest_end(problem, task, ends)
        for child in problem.children[task]:
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)
    return ends


def _earliest_end(problem: AllocationProblem, task: int, ends: Ints) -> int:
    since = max([int(problem.release[task]), *(int(ends[one]) for one in problem.parents[task])])
    fixed = int(problem.fixed_pool[task])
    if fixed >= 0:
        return problem.opening[fixed].end(int(problem.work[task, fixed]))
    options = [NEVER]
    for pool in np.flatnonzero(problem.can[task]).tolist():
        opening = problem.opening[pool]
        options.append(opening.end(opening.opened(since) + int(problem.work[task, pool])))
    return min(options)


def bound_parts(problem: AllocationProblem) -> tuple[int, int, int, int]:
    """Lower bounds in whole points: of lateness, waiting, cost, finish."""
    ends, points = earliest_ends(problem), problem.points
    wait = finish = 0
    for tasks, pools in _components(problem):
        by_itself = int((ends[tasks] * points.wait[tasks]).sum())
        wait += max(by_itself, _least_weighted_ends(problem, tasks, pools))
        finish = max(finish, int(ends[tasks].max()), _least_finish(problem, tasks, pools))
    wait -= int((problem.release * points.wait).sum())
    late, cost = _late_and_cost(problem, ends)
    return late, wait, cost, finish * points.finish


def points_by_themselves(problem: AllocationProblem) -> int:
    """A lower bound of the objective if no task were in the way of another: a sum over tasks."""
    ends, points = earliest_ends(problem), problem.points
    wait = int(((ends - problem.release) * points.wait).sum())
    finish = int(ends.max(initial=0)) * points.finish
    return sum(_late_and_cost(problem, ends)) + wait + finish


def _late_and_cost(problem: AllocationProblem, ends: Ints) -> tuple[int, int]:
    points = problem.points
    late = (np.maximum(ends - problem.due, 0) * points.late).sum()
    cost = np.where(problem.can, points.cost, np.int64(1) << 50).min(axis=1).sum()
    return int(late), int(cost)


def _components(problem: AllocationProblem) -> Iterator[tuple[Ints, Ints]]:
    """Tasks and pools that have nothing to do with others."""
    can, left = problem.can, np.ones(problem.tasks, dtype=bool)
    while left.any():
        pools = can[int(np.argmax(left))]
        while True:
            tasks = can[:, pools].any(axis=1)
            wider = can[tasks].any(axis=0)
            if (wider == pools).all():
                break
            pools = wider
        if not (tasks & left).any():
            return
        left &= ~tasks
        yield np.flatnonzero(tasks), np.flatnonzero(pools)


def _areas(problem: AllocationProblem, tasks: Ints) -> Ints:
    """Slots × seconds that each takes at least."""
    area = np.where(problem.can, problem.work * problem.demand, np.int64(1) << 50)
    least: Ints = area[tasks].min(axis=1)
    return least


def _least_finish(problem: AllocationProblem, tasks: Ints, pools: Ints) -> int:
    """The first second by which the pools have had room for all of it."""
    area, since = int(_areas(problem, tasks).sum()), int(problem.release[tasks].min())
    low, high = since, NEVER
    while low < high:
        middle = (low + high) // 2
        room = sum(
            int(problem.capacity[pool])
            * (problem.opening[pool].opened(middle) - problem.opening[pool].opened(since))
            for pool in pools.tolist()
        )
        low, high = (low, middle) if room >= area else (middle + 1, high)
    return low


def _least_weighted_ends(problem: AllocationProblem, tasks: Ints, pools: Ints) -> int:
    """Of the sum of weight × end, as if all pools were one that never closes."""
    slots, weights = int(problem.capacity[pools].sum()), problem.points.wait[tasks]
    work = np.where(problem.can, problem.work, np.int64(1) << 50)[tasks].min(axis=1)
    since = int(problem.release[tasks].min())
    if (problem.demand[tasks] == 1).all():
        least = _shortest_first_in_layers(work, weights, slots)
    else:
        least = 0
    shared = _shared_machine(_areas(problem, tasks), work, weights, slots)
    return since * int(weights.sum()) + max(least, shared)


def _shortest_first_in_layers(work: Ints, weights: Ints, slots: int) -> int:
    """Shortest first is best for equal weights; weights are a sum of layers of equal ones."""
    order = np.argsort(-weights, kind="stable")
    heavy = weights[order]
    last = np.append(np.flatnonzero(np.diff(heavy)), len(heavy) - 1)
    steps = heavy[last] - np.append(heavy[last[1:]], 0)
    total = 0
    for upto, step in zip((last + 1).tolist(), steps.tolist(), strict=True):
        longest_first = np.sort(work[order[:upto]])[::-1]
        places = np.arange(upto) // slots + 1
        total += step * int((longest_first * places).sum())
    return total


def _shared_machine(area: Ints, work: Ints, weights: Ints, slots: int) -> int:
    """Eastman, Even & Isaacs, Bounds for the optimal scheduling of n jobs on m processors, 1964."""
    order = np.argsort(area / np.maximum(weights, 1), kind="stable")
    sizes, heavy = area[order].astype(np.float64), weights[order].astype(np.float64)
    middles = (np.cumsum(sizes) - sizes / 2) * heavy
    least = middles.sum() / slots + (work.astype(np.float64) * weights).sum() / 2
    return int(least * (1 - 1e-12))
