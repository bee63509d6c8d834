"""Which part of a plan is planned anew next: whole pools, or what happens around an instant."""

from collections.abc import Sequence

import numpy as np

from runlore.planning.rules.allocation.exact_model import Part, count_options
from runlore.planning.rules.allocation.problem import AllocationProblem, Ints, Placement

MOST_TASKS = 120
MOST_OPTIONS = 1_200
FEWEST_POOLS = 4  # each task may go to, beside the one where it is


def choose_part(
    problem: AllocationProblem,
    at: Placement,
    latest: Ints,
    random: np.random.Generator,
    share: float,
) -> Part:
    """share: of the most tasks, between 0 and 1."""
    most = max(int(MOST_TASKS * share), 4)
    if problem.pools > 1 and random.random() < 0.6:
        tasks, pools = _of_pools(problem, at, random, most)
    else:
        tasks = _around_instant(problem, at, random, most)
        chosen = random.permutation(problem.pools)[: max(MOST_OPTIONS // most, FEWEST_POOLS)]
        pools = np.union1d(chosen, at.pool[tasks])
    part = _part(problem, at, latest, tasks, pools)
    while count_options(problem, part) > MOST_OPTIONS and len(part.tasks) > 4:
        part = _part(problem, at, latest, part.tasks[: len(part.tasks) // 2], pools)
    return part


def _part(
    problem: AllocationProblem, at: Placement, latest: Ints, tasks: Sequence[int], pools: Ints
) -> Part:
    places = np.zeros_like(problem.can)
    rows = np.array(tasks, dtype=np.int64)
    places[np.ix_(rows, pools)] = problem.can[np.ix_(rows, pools)]
    places[rows, at.pool[rows]] = True
    return Part(tasks, latest, places)


def _of_pools(
    problem: AllocationProblem, at: Placement, random: np.random.Generator, most: int
) -> tuple[list[int], Ints]:
    """The pool that ends last or another, the one that ends first, and more at random."""
    ends = np.zeros(problem.pools, dtype=np.int64)
    np.maximum.at(ends, at.pool, at.end)
    first = int(ends.argmax()) if random.random() < 0.7 else int(random.integers(problem.pools))
    others = random.permutation(problem.pools).tolist()
    chosen: list[int] = []
    tasks: list[int] = []
    for pool in dict.fromkeys([first, int(ends.argmin()), *others]):
        inside = _free(problem, at.pool == pool)
        if chosen and len(tasks) + len(inside) > most:
            break
        chosen.append(pool)
        tasks += inside
    if len(tasks) > most:
        tasks = random.permutation(tasks)[:most].tolist()
    return tasks, np.array(chosen)


def _around_instant(
    problem: AllocationProblem, at: Placement, random: np.random.Generator, most: int
) -> list[int]:
    tasks = np.array(_free(problem, np.ones(problem.tasks, dtype=bool)))
    by_start = tasks[np.argsort(at.start[tasks], kind="stable")]
    first = int(random.integers(max(len(by_start) - most, 0) + 1))
    return [int(one) for one in by_start[first : first + most]]


def _free(problem: AllocationProblem, chosen: np.ndarray) -> list[int]:
    return [int(one) for one in np.flatnonzero(chosen & (problem.fixed_pool < 0))]
