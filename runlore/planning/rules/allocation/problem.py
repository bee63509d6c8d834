"""What is to be planned, as numbers: tasks, pools and weights."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.allocation.opening_time import OpeningTime

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

POINTS = 1000  # a weight of 1 in whole points: the solver counts in integers
HOUR_S = 3600


@dataclass(frozen=True)
class Weights:
    """What an hour, or a unit of cost, counts in the objective.

    late: an hour of a task past its due date, times its priority. wait: an hour from the release
    of a task until its end, times its priority. finish: an hour until all is done. cost: a unit.
    """

    late: float = 10.0
    wait: float = 1.0
    finish: float = 0.0
    cost: float = 1.0


@dataclass(frozen=True, eq=False)
class ObjectivePoints:
    """What counts, in whole points. late, wait: (n,) a second. finish: a second. cost: (n, m)."""

    late: Ints
    wait: Ints
    finish: int
    cost: Ints


@dataclass(frozen=True, eq=False)
class AllocationProblem:
    """n tasks, m pools; seconds from the origin, the instant from which is planned.

    work: (n, m) seconds of opening time that a task takes in a pool; -1: it cannot run there.
    demand: (n, m) slots. capacity: (m,). release, due, deadline: (n,); NEVER: there is none.
    priority: (n,). cost: (n, m). before: (k, 2) pairs, the first ends before the second starts.
    spans: of each pool, (s, 2) open from, to. fixed_pool: (n,) where it runs already, from the
    origin on with the work that is left; -1: it has not begun.
    """

    work: Ints
    demand: Ints
    capacity: Ints
    release: Ints
    due: Ints
    deadline: Ints
    priority: Floats
    cost: Floats
    before: Ints
    spans: tuple[Ints, ...]
    fixed_pool: Ints
    weights: Weights = field(default_factory=Weights)

    @property
    def tasks(self) -> int:
        return len(self.work)

    @property
    def pools(self) -> int:
        return len(self.capacity)

    @cached_property
    def can(self) -> NDArray[np.bool_]:
        """(n, m): where a task may run."""
        can = (self.work >= 0) & (self.demand <= self.capacity)
        fixed = np.flatnonzero(self.fixed_pool >= 0)
        can[fixed] = False
        can[fixed, self.fixed_pool[fixed]] = True
        return can

    @cached_property
    def points(self) -> ObjectivePoints:
        return ObjectivePoints(
            late=whole_points(self.weights.late * self.priority),
            wait=whole_points(self.weights.wait * self.priority),
            finish=int(whole_points(np.array([self.weights.finish]))[0]),
            cost=whole_points(self.weights.cost * self.cost * HOUR_S),
        )

    @cached_property
    def opening(self) -> tuple[OpeningTime, ...]:
        return tuple(map(OpeningTime, self.spans))

    @cached_property
    def parents(self) -> tuple[tuple[int, ...], ...]:
        return _grouped(self.before[:, 1], self.before[:, 0], self.tasks)

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        return _grouped(self.before[:, 0], self.before[:, 1], self.tasks)


@dataclass(frozen=True, eq=False)
class Placement:
    """pool, start, end: (n,). overrun_s: past deadlines, in all. points: the objective."""

    pool: Ints
    start: Ints
    end: Ints
    overrun_s: int
    points: int

    @property
    def objective(self) -> float:
        return in_weights(self.points)

    def is_better(self, other: "Placement") -> bool:
        return (self.overrun_s, self.points) < (other.overrun_s, other.points)


def whole_points(values: Floats) -> Ints:
    return np.rint(values * POINTS).astype(np.int64)


def in_weights(points: float) -> float:
    """ObjectivePoints of the solver as the objective that people read: hours and units of cost."""
    return points / (POINTS * HOUR_S)


def score(problem: AllocationProblem, pool: Ints, start: Ints, end: Ints) -> Placement:
    """What a plan is worth, whoever made it."""
    points, rows = problem.points, np.arange(problem.tasks)
    late = np.maximum(end - problem.due, 0) * points.late
    wait = (end - problem.release) * points.wait
    finish = int(end.max(initial=0)) * points.finish
    total = int(late.sum() + wait.sum() + points.cost[rows, pool].sum()) + finish
    overrun = int(np.maximum(end - problem.deadline, 0).sum())
    return Placement(pool, start, end, overrun, total)


def _grouped(keys: Ints, values: Ints, count: int) -> tuple[tuple[int, ...], ...]:
    groups: list[list[int]] = [[] for _ in range(count)]
    for key, value in zip(keys.tolist(), values.tolist(), strict=True):
        groups[key].append(value)
    return tuple(map(tuple, groups))
