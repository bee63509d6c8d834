"""Plans that need no solver: what every other plan is compared with."""

import numpy as np

from runlore.planning.rules.allocation.list_scheduling import place_in_order
from runlore.planning.rules.allocation.opening_time import NEVER
from runlore.planning.rules.allocation.problem import AllocationProblem, Ints, Placement


def first_come(problem: AllocationProblem) -> Placement:
    """First come, first served: in the order of release, then as listed; gaps are filled."""
    return place_in_order(problem, problem.release.tolist())


def greedy(problem: AllocationProblem) -> Placement:
    """The best of: earliest deadline, most weight per slot-hour, per hour, longest first."""
    plans = [place_in_order(problem, keys.tolist()) for keys in _orders(problem)]
    return min(plans, key=lambda plan: (plan.overrun_s, plan.points))


def _orders(problem: AllocationProblem) -> list[Ints]:
    """Keys of orders, (n,) each; what others wait for counts with those that wait."""
    work = np.where(problem.can, problem.work, np.int64(1) << 50).min(axis=1)
    wanted, behind = np.minimum(problem.due, problem.deadline), work.copy()
    weight = problem.priority.copy()
    for task in _children_first(problem):
        for child in problem.children[task]:
            wanted[task] = min(wanted[task], wanted[child] - work[child])
            behind[task] = max(behind[task], work[task] + behind[child])
            weight[task] = max(weight[task], problem.priority[child])
    rank = np.lexsort((work / weight, wanted))
    by_deadline = np.empty_like(rank)
    by_deadline[rank] = np.arange(len(rank))
    area = np.where(problem.can, problem.work * problem.demand, np.int64(1) << 50).min(axis=1)
    return [by_deadline, area / weight, work / weight, -behind]


def deadlines_of_chains(problem: AllocationProblem) -> Ints:
    """(n,) by when each task must end, so that those that wait for it can be in time."""
    work = np.where(problem.can, problem.work, np.int64(1) << 50).min(axis=1)
    ends = problem.deadline.copy()
    for task in _children_first(problem):
        for child in problem.children[task]:
            ends[task] = min(ends[task], ends[child] - work[child])
    return np.where(ends < NEVER // 2, ends, NEVER)


def _children_first(problem: AllocationProblem) -> list[int]:
    waiting = [len(children) for children in problem.children]
    order = [task for task, count in enumerate(waiting) if not count]
    for task in order:
        for parent in problem.parents[task]:
            waiting[parent] -= 1
            if not waiting[parent]:
                order.append(parent)
    return order
