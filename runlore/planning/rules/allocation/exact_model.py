"""A part of the tasks as a model of CP-SAT; the others stay where they are.

Each pool has its own time axis, its opening time; tasks meet in clock time. Source: Laborie et
al., IBM ILOG CP optimizer for scheduling, 2018 (optional intervals); OR-tools solves it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runlore.planning.rules.allocation.opening_time import NEVER
from runlore.planning.rules.allocation.problem import AllocationProblem, Ints, Placement


@dataclass(frozen=True, eq=False)
class PartModel:
    """model: of OR-tools. starts, ends: its variables; places: by task and pool, booleans."""

    model: Any
    starts: Mapping[int, Any]
    ends: Mapping[int, Any]
    places: Mapping[tuple[int, int], Any]


@dataclass(frozen=True, eq=False)
class Part:
    """tasks: those that are free. latest: (n,) by when each must end. pools: (n, m) where.

    is_overrun: time past deadlines is minimised, not the objective.
    """

    tasks: Sequence[int]
    latest: Ints
    pools: np.ndarray[Any, np.dtype[np.bool_]]
    is_overrun: bool = False


def count_options(problem: AllocationProblem, part: Part) -> int:
    """How large the model would be: places, by spans of opening."""
    spans = np.array([min(len(one), 60) for one in problem.spans])
    return int((part.pools[list(part.tasks)] * spans).sum())


class PartBuilder:
    def __init__(self, problem: AllocationProblem, part: Part, at: Placement) -> None:
        from ortools.sat.python import cp_model

        self.problem, self.part, self.at = problem, part, at
        self.model = cp_model.CpModel()
        self.starts: dict[int, Any] = {}
        self.ends: dict[int, Any] = {}
        self.places: dict[tuple[int, int], Any] = {}
        self.intervals: dict[int, list[tuple[Any, int]]] = {}
        self.loads: dict[int, list[Any]] = {}
        self.free = set(part.tasks)
        self.horizon = int(max(part.latest[list(part.tasks)].max(), at.end.max()))

    def build(self) -> PartModel:
        for task in self.part.tasks:
            self._add_task(task)
        for task in self.part.tasks:
            self._add_order(task)
        finish = self._add_finish()
        self._add_pools(finish)
        self.model.Minimize(self._overrun() if self.part.is_overrun else self._points(finish))
        return PartModel(self.model, self.starts, self.ends, self.places)

    def _add_task(self, task: int) -> None:
        problem, latest = self.problem, int(self.part.latest[task])
        start = self.model.NewIntVar(int(problem.release[task]), latest, "")
        pools = np.flatnonzero(self.part.pools[task]).tolist()
        works = {int(problem.work[task, pool]) for pool in pools}
        is_plain = len(works) == 1 and all(problem.opening[pool].is_always for pool in pools)
        if is_plain:
            end = start + works.pop()
            self.model.Add(end <= latest)
        else:
            end = self.model.NewIntVar(0, latest, "")
        self.starts[task], self.ends[task] = start, end
        self.model.AddHint(start, int(self.at.start[task]))
        for pool in pools:
            self._add_place(task, pool, is_plain=is_plain)
        self.model.AddExactlyOne([self.places[task, pool] for pool in pools])

    def _add_place(self, task: int, pool: int, *, is_plain: bool) -> None:
        problem, model = self.problem, self.model
        work, demand = int(problem.work[task, pool]), int(problem.demand[task, pool])
        is_here = model.NewBoolVar("")
        model.AddHint(is_here, int(self.at.pool[task] == pool))
        opened = self.starts[task]
        if not problem.opening[pool].is_always:
            opened = self._opened(task, pool, is_here)
        elif not is_plain:
            model.Add(self.ends[task] == opened + work).OnlyEnforceIf(is_here)
        interval = model.NewOptionalFixedSizeIntervalVar(opened, work, is_here, "")
        self.places[task, pool] = is_here
        self.intervals.setdefault(pool, []).append((interval, demand))
        self.loads.setdefault(pool, []).append(work * demand * is_here)

    def _opened(self, task: int, pool: int, is_here: Any) -> Any:  # noqa: ANN401
        """When it begins in the pool's opening time, tied to its start and end by the clock."""
        opening, model = self.problem.opening[pool], self.model
        work = int(self.problem.work[task, pool])
        first = opening.opened(int(self.problem.release[task]))
        last = max(opening.opened(int(self.part.latest[task])) - work, first)
        opened = model.NewIntVar(first, last, "")
        begins, closes = [], []
        for at, since in enumerate(opening.before[:-1]):
            until, shift = opening.before[at + 1], opening.opens[at] - since
            if since <= last and until > first:
                is_in = model.NewBoolVar("")
                begins.append(is_in)
                model.AddLinearConstraint(opened, since, until - 1).OnlyEnforceIf(is_in)
                model.Add(self.starts[task] == opened + shift).OnlyEnforceIf(is_in, is_here)
            if since < last + work and until >= first + work:
                is_in = model.NewBoolVar("")
                closes.append(is_in)
                bounds = (since + 1 - work, until - work)
                model.AddLinearConstraint(opened, *bounds).OnlyEnforceIf(is_in)
                model.Add(self.ends[task] == opened + work + shift).OnlyEnforceIf(is_in, is_here)
        model.AddExactlyOne([*begins, is_here.Not()])
        model.AddExactlyOne([*closes, is_here.Not()])
        return opened

    def _add_order(self, task: int) -> None:
        for parent in self.problem.parents[task]:
            ends = self.ends.get(parent, int(self.at.end[parent]))
            self.model.Add(self.starts[task] >= ends)
        for child in self.problem.children[task]:
            if child not in self.free:
                self.model.Add(self.ends[task] <= int(self.at.start[child]))

    def _add_finish(self) -> Any:  # noqa: ANN401
        begun = self.problem.fixed_pool >= 0
        least = int(self.at.end[begun].max(initial=0))
        finish = self.model.NewIntVar(least, self.horizon, "")
        for task in self.part.tasks:
            self.model.Add(finish >= self.ends[task])
        return finish

    def _add_pools(self, finish: Any) -> None:  # noqa: ANN401
        stays = [task for task in range(self.problem.tasks) if task not in self.free]
        for task in stays:
            pool = int(self.at.pool[task])
            if pool in self.intervals:
                opening, work = self.problem.opening[pool], int(self.problem.work[task, pool])
                until = opening.opened(int(self.at.end[task]))
                demand = int(self.problem.demand[task, pool])
                fixed = self.model.NewFixedSizeIntervalVar(until - work, work, "")
                self.intervals[pool].append((fixed, demand))
        for pool, intervals in self.intervals.items():
            capacity = int(self.problem.capacity[pool])
            if capacity == 1:
                self.model.AddNoOverlap([interval for interval, _ in intervals])
            else:
                demands = [demand for _, demand in intervals]
                self.model.AddCumulative([one for one, _ in intervals], demands, capacity)
            if self.problem.opening[pool].is_always:
                self.model.Add(sum(self.loads[pool]) <= capacity * finish)

    def _overrun(self) -> Any:  # noqa: ANN401
        return sum(
            self._beyond(task, int(self.problem.deadline[task]))
            for task in self.part.tasks
            if self.problem.deadline[task] < NEVER
        )

    def _points(self, finish: Any) -> Any:  # noqa: ANN401
        points, terms = self.problem.points, []
        for task in self.part.tasks:
            terms.append(
                int(points.wait[task]) * (self.ends[task] - int(self.problem.release[task]))
            )
            if self.problem.due[task] < NEVER:
                beyond = self._beyond(task, int(self.problem.due[task]))
                terms.append(int(points.late[task]) * beyond)
        for (task, pool), is_here in self.places.items():
            if points.cost[task, pool]:
                terms.append(int(points.cost[task, pool]) * is_here)
        return sum(terms) + points.finish * finish

    def _beyond(self, task: int, instant: int) -> Any:  # noqa: ANN401
        """By how much it ends after that."""
        beyond = self.model.NewIntVar(0, max(int(self.part.latest[task]) - instant, 0), "")
        self.model.Add(beyond >= self.ends[task] - instant)
        return beyond
