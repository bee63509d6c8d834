"""The best plan within a time limit, and how far from the best possible it is at most."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec

import numpy as np

from runlore.planning.rules.allocation.baselines import first_come, greedy
from runlore.planning.rules.allocation.bounds import (
    earliest_ends,
    least_points,
    points_by_themselves,
)
from runlore.planning.rules.allocation.exact_model import Part, count_options
from runlore.planning.rules.allocation.list_scheduling import settle
from runlore.planning.rules.allocation.neighbourhoods import choose_part
from runlore.planning.rules.allocation.opening_time import NEVER
from runlore.planning.rules.allocation.problem import AllocationProblem, Ints, Placement
from runlore.planning.rules.allocation.solving import SEED, TimeBudget, solve_part

WHOLE = 4_000  # options up to which all tasks are planned at once
WHOLE_TASKS = 400
ROUND_S = 4.0
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
        if self.best.points <= self.bound:
            return 0.0
        return (self.best.points - self.bound) / max(self.best.points, 1)


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
        self.bound = least_points(problem)
        self.least_overrun = int(np.maximum(earliest_ends(problem) - problem.deadline, 0).sum())
        self.random = np.random.default_rng(SEED)
        self.has_solver = _has_solver()

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
            bound=min(self.bound, self.best.points) if not self.best.overrun_s else self.bound,
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
        if count_options(self.problem, whole) <= WHOLE:
            solved = solve_part(self.problem, whole, self.best, self.budget, seconds)
            if solved.placement is not None:
                self.least_overrun = max(self.least_overrun, solved.bound)
                self._take(solved.placement)
            return
        until = self.budget.left_s - seconds
        while self.best.overrun_s > self.least_overrun and self.budget.left_s > until:
            part = choose_part(self.problem, self.best, latest, self.random, 1.0)
            part = replace(part, is_overrun=True)
            solved = solve_part(self.problem, part, self.best, self.budget, ROUND_S)
            if solved.placement is not None:
                self._take(solved.placement)

    def _improve(self) -> None:
        latest = self._latest_ends()
        whole = self._whole(latest)
        is_small = count_options(self.problem, whole) <= WHOLE and self.problem.tasks <= WHOLE_TASKS
        if is_small:
            self._improve_whole(whole)
            return
        share = 1.0
        while self.budget.left_s > 0 and not self._is_best:
            part = choose_part(self.problem, self.best, latest, self.random, share)
            solved = solve_part(self.problem, part, self.best, self.budget, ROUND_S)
            share = min(max(share * (1.1 if solved.is_proven else 0.8), 0.1), 1.0)
            if solved.placement is not None:
                self._take(solved.placement)

    def _improve_whole(self, whole: Part) -> None:
        if self._is_best or self.budget.left_s == 0:
            return
        solved = solve_part(self.problem, whole, self.best, self.budget, NEVER)
        if solved.placement is not None:
            self._take(solved.placement)
            self.bound = max(self.bound, solved.bound + self._points_begun())

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
        return self.best.points <= self.bound

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
