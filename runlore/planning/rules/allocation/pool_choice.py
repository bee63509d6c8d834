"""Which pool each task goes to, as a linear program: a bound, and where to begin.

Times within a pool are left out: only its work counts, against its opening until the last deadline
or until all is done. What remains is a generalised assignment problem; HiGHS solves its relaxation.
"""

from dataclasses import dataclass

import numpy as np

from runlore.planning.rules.allocation.bounds import earliest_ends
from runlore.planning.rules.allocation.opening_time import NEVER
from runlore.planning.rules.allocation.problem import AllocationProblem, Floats, Ints

MOST_PLACES = 60_000
SURE = 1e-6  # what a bound is lowered by, for the solver's tolerances


@dataclass(frozen=True, eq=False)
class PoolChoice:
    """pools: (n,) where most of each task goes. points: cost and finish of no plan are less.

    The bound holds for plans that meet all deadlines.
    """

    pools: Ints
    points: int


def choose_pools(problem: AllocationProblem) -> PoolChoice | None:
    """None: too large, or no plan meets all deadlines."""
    from scipy.optimize import linprog
    from scipy.sparse import coo_array, vstack

    task, pool = np.nonzero(problem.can)
    if len(task) > MOST_PLACES or (not problem.points.cost.any() and not problem.points.finish):
        return None
    count, columns = len(task), np.arange(len(task))
    area = (problem.work * problem.demand)[task, pool].astype(np.float64)
    cost = problem.points.cost[task, pool].astype(np.float64)
    unit = max(float(cost.max(initial=0)), float(problem.points.finish), 1.0)
    once = coo_array((np.ones(count), (task, columns)), shape=(problem.tasks, count + 1))
    loads = coo_array((area, (pool, columns)), shape=(problem.pools, count + 1))
    room = _room_until(problem, int(problem.deadline.max()))
    until_done = coo_array(
        (
            np.concatenate([area, -problem.capacity.astype(np.float64)]),
            (
                np.concatenate([pool, np.arange(problem.pools)]),
                np.concatenate([columns, np.full(problem.pools, count)]),
            ),
        ),
        shape=(problem.pools, count + 1),
    )
    least = int(earliest_ends(problem).max())
    solved = linprog(
        np.append(cost, problem.points.finish) / unit,
        A_ub=vstack([loads, until_done]),
        b_ub=np.concatenate([room, np.zeros(problem.pools)]),
        A_eq=once,
        b_eq=np.ones(problem.tasks),
        bounds=[(0, 1)] * count + [(least, None)],
        method="highs",
    )
    if solved.x is None:
        return None
    shares = np.zeros(problem.can.shape)
    shares[task, pool] = solved.x[:count]
    points = int(np.ceil(solved.fun * unit * (1 - SURE * 1e-3) - SURE * unit))
    return PoolChoice(shares.argmax(axis=1), points)


def _room_until(problem: AllocationProblem, clock: int) -> Floats:
    """(m,) slots × seconds of opening."""
    opened = [one.opened(min(clock, NEVER)) for one in problem.opening]
    room: Floats = problem.capacity.astype(np.float64) * np.array(opened, dtype=np.float64)
    return room
