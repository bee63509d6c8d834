"""The best plan within a time limit, and how far from the best possible it is at most."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec

import numpy as np

from runlore.planning.rules.allocation.baselines import deadlines_of_chains, first_come, greedy
from runlore.planning.rules.allocation.bounds import (
    bound_parts,
    earliest_ends,
    points_by_themselves,
)
from runlore.planning.rules.allocation.exact_model import Part, count_options
from runlore.planning.rules.allocation.list_scheduling import settle
from runlore.planning.rules.allocation.neighbourhoods import choose_part
from runlore.planning.rules.allocation.opening_time import NEVER
from runlore.planning.rules.allocation.pool_choice import choose_pools
from runlore.planning.rules.allocation.pool_loads import deadline_loads, fill_pools
from runlore.planning.rules.allocation.problem import AllocationProblem, Ints, Placement
from runlore.planning.rules.allocation.solving import SEED, TimeBudget, solve_part

WHOLE = 4_000  # options up to which all tasks are planned at once
WHOLE_TASKS = 400
AT_ONCE = 300  # options up to which nothing else is tried first
ROUND_S = 2.0
PROVEN = 1e-6  # the gap that counts as none: the bound of a linear program is not exact
Progress = Callable[[Placement], None]


@dataclass(frozen=True, eq=False)
class SearchResult:
    """bound: no plan has fewer points. is_impossible: proven that deadlines cannot all be met."""

    best: Placement
    first_come: Placement
    greedy: Placement
    bound: int
    is_impossible: bool
    was_stopped: bool

    @property
    def gap(self) -> float:
        """By what share the best possible plan may be better at most; 0: proven."""
        gap = (self.best.points - self.bound) / max(self.best.points, 1)
        return gap if gap > PROVEN else 0.0


class PlanSearch:
    """Baselines first; then all at once where that is small, else part after part."""

    def __init__(
        self,
        problem: AllocationProblem,
        budget: TimeBudget,
        progress: Progress | None = None,
        present: Placement | None = None,
    ) -> None:
        self.problem, self.budget, self.progress = problem, budget, progress
        self.baselines = first_come(problem), greedy(problem)
        starts = [*self.baselines, *([] if present is None else [present])]
        self.best = min(starts, key=lambda plan: (plan.overrun_s, plan.points))
        late, wait, cost, finish = bound_parts(problem)
        self.bound = late + wait + cost + finish
        self.bound_in_time = self.bound
        choice = choose_pools(problem)
        if choice is not None:
            self.bound_in_time += max(choice.points - cost - finish, 0)
            self._begin_with(choice.pools)
        self.least_overrun = int(np.maximum(earliest_ends(problem) - problem.deadline, 0).sum())
        self.random = np.random.default_rng(SEED)
        self.has_solver = _has_solver()

    def _begin_with(self, pools: Ints) -> None:
        """Tasks in those pools, in the order of each plan so far."""
        if not self.problem.can[np.arange(self.problem.tasks), pools].all():
            return
        for plan in self.baselines:
            moved = replace(plan, pool=pools)
            settled = settle(self.problem, moved)
            if settled.is_better(self.best):
                self.best = settled

    def run(self) -> SearchResult:
        try:
            if self.has_solver and (self.problem.fixed_pool < 0).any():
                self.meet_deadlines()
                self._improve()
        except KeyboardInterrupt:
            self.budget.stop()
        return SearchResult(
            self.best,
            *self.baselines,
            bound=min(self._bound_now(), self.best.points),
            is_impossible=self.least_overrun > 0,
            was_stopped=self.budget.is_stopped,
        )

    def meet_deadlines(self) -> Placement:
        """The plan that is past deadlines by the least time, of those that were found."""
        if self.has_solver and self.best.overrun_s > self.least_overrun:
            self._meet_deadlines()
        return self.best

    def _meet_deadlines(self) -> None:
        """With at most half of the time. What is past a deadline is made as little as can be."""
        latest = np.full(self.problem.tasks, 2 * int(self.best.end.max()))
        whole = replace(self._whole(latest), is_overrun=True)
        seconds = self.budget.left_s / 2
        until = self.budget.left_s - seconds
        self._fill_pools(until if self._is_at_once(whole) else until / 2)
        if self.best.overrun_s <= self.least_overrun:
            return
        if not self._is_at_once(whole):
            self._improve_parts(latest, until + seconds / 3, is_overrun=True)
        if self.best.overrun_s > self.least_overrun and self._fits_at_once(whole):
            solved = solve_part(self.problem, whole, self.best, self.budget, seconds)
            if solved.placement is not None:
                self.least_overrun = max(self.least_overrun, solved.bound)
                self._take(solved.placement)
        self._improve_parts(latest, until, is_overrun=True)

    def _fill_pools(self, until_s: float) -> None:
        """Pools by their loads alone, then each in the order of deadlines."""
        due = deadlines_of_chains(self.problem)
        loads = deadline_loads(self.problem, due)
        pools = fill_pools(loads, self.best.pool, self.random, self.budget, until_s)
        for keys in (due, self.best.start):
            filled = settle(self.problem, replace(self.best, pool=pools, start=keys))
            if filled.is_better(self.best):
                self._take(filled)

    def _improve(self) -> None:
        latest = self._latest_ends()
        whole = self._whole(latest)
        if not self._is_at_once(whole):
            self._improve_parts(latest, self.budget.left_s / 2)
        if not self._is_best and self._fits_at_once(whole) and self.budget.left_s > 0:
            solved = solve_part(self.problem, whole, self.best, self.budget, NEVER)
            if solved.placement is not None:
                self._take(solved.placement)
                self.bound = max(self.bound, solved.bound + self._points_begun())
        self._improve_parts(latest, 0.0)

    def _is_at_once(self, whole: Part) -> bool:
        return count_options(self.problem, whole) <= AT_ONCE

    def _fits_at_once(self, whole: Part) -> bool:
        is_small = len(whole.tasks) <= WHOLE_TASKS
        return is_small and count_options(self.problem, whole) <= WHOLE

    def _improve_parts(self, latest: Ints, until_s: float, *, is_overrun: bool = False) -> None:
        """Until so much time is left. Parts grow while they are solved to their end in time."""
        share = 0.4
        while self.budget.left_s > until_s and not self._is_done(is_overrun=is_overrun):
            part = choose_part(self.problem, self.best, latest, self.random, share)
            part = replace(part, is_overrun=is_overrun)
            solved = solve_part(self.problem, part, self.best, self.budget, ROUND_S)
            share = min(max(share * (1.05 if solved.is_proven else 0.8), 0.1), 1.0)
            if solved.placement is not None:
                self._take(solved.placement)

    def _is_done(self, *, is_overrun: bool) -> bool:
        return self.best.overrun_s <= self.least_overrun if is_overrun else self._is_best

    def _take(self, placement: Placement) -> None:
        settled = settle(self.problem, placement)
        better = min(placement, settled, key=lambda plan: (plan.overrun_s, plan.points))
        if better.is_better(self.best) or (better.overrun_s, better.points) == (
            self.best.overrun_s,
            self.best.points,
        ):
            if self.progress is not None and better.is_better(self.best):
                self.progress(better)
            self.best = better

    @property
    def _is_best(self) -> bool:
        return self.best.points - self._bound_now() <= PROVEN * self.best.points

    def _bound_now(self) -> int:
        """Of plans that meet all deadlines, if the best so far does."""
        return self.bound if self.best.overrun_s else max(self.bound, self.bound_in_time)

    def _whole(self, latest: Ints) -> Part:
        tasks = [int(one) for one in np.flatnonzero(self.problem.fixed_pool < 0)]
        return Part(tasks, latest, self.problem.can)

    def _points_begun(self) -> int:
        """Of tasks that have begun: they are in no model."""
        points, begun = self.problem.points, np.flatnonzero(self.problem.fixed_pool >= 0)
        end, pool = self.best.end[begun], self.best.pool[begun]
        late = np.maximum(end - self.problem.due[begun], 0) * points.late[begun]
        wait = (end - self.problem.release[begun]) * points.wait[begun]
        return int((late + wait + points.cost[begun, pool]).sum())

    def _latest_ends(self) -> Ints:
        """(n,): a task that ends later alone makes a plan worse than the best so far.

        A task past its deadline may end as it does, no later.
        """
        problem, best = self.problem, self.best
        spare = max(best.points - points_by_themselves(problem), 0)
        waits = problem.points.wait
        latest = earliest_ends(problem) + spare // np.maximum(waits, 1) + 1
        latest = np.where(waits == 0, 2 * int(best.end.max()), latest)
        is_over = best.end > problem.deadline
        latest = np.where(is_over, best.end, np.minimum(latest, problem.deadline))
        return np.maximum(latest, best.end)


def _has_solver() -> bool:
    return find_spec("ortools") is not None
