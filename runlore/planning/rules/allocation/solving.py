"""Solve a model of CP-SAT, so that it can be stopped at any time."""

import os
from dataclasses import dataclass
from threading import Thread
from time import monotonic
from typing import Any

import numpy as np

from runlore.planning.rules.allocation.exact_model import Part, PartBuilder, PartModel
from runlore.planning.rules.allocation.problem import AllocationProblem, Placement, score

SEED = 1
LARGE = 3_000  # options of a model that is not probed: it would take longer than solving


class TimeBudget:
    """Seconds to think. is_stopped: somebody does not want to wait any longer."""

    def __init__(self, seconds: float) -> None:
        self._until = monotonic() + seconds
        self.is_stopped = False

    @property
    def left_s(self) -> float:
        return 0.0 if self.is_stopped else max(self._until - monotonic(), 0.0)

    def stop(self) -> None:
        self.is_stopped = True


@dataclass(frozen=True, eq=False)
class PartSolution:
    """placement: None: no plan was found. bound: none has less. is_proven: nothing is left."""

    placement: Placement | None
    bound: int
    is_proven: bool
    is_impossible: bool


def solve_part(
    problem: AllocationProblem, part: Part, at: Placement, budget: TimeBudget, most_s: float
) -> PartSolution:
    """Plan the part anew around the rest. On Ctrl-C the budget ends, with the best so far."""
    from ortools.sat.python import cp_model

    built = PartBuilder(problem, part, at).build()
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = max(min(budget.left_s, most_s), 0.01)
    solver.parameters.num_workers = min(os.cpu_count() or 1, 8)
    solver.parameters.random_seed = SEED
    if len(built.places) > LARGE:
        solver.parameters.cp_model_probing_level = 0
    status = run_solver(solver, built.model, budget)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        is_impossible = status == cp_model.INFEASIBLE
        return PartSolution(None, 0, is_impossible, is_impossible)
    placement = _read(problem, built, at, solver)
    bound = int(np.ceil(solver.BestObjectiveBound() - 1e-6))
    return PartSolution(placement, bound, status == cp_model.OPTIMAL, is_impossible=False)


def run_solver(solver: Any, model: Any, budget: TimeBudget) -> int:  # noqa: ANN401
    """In a thread, since the solver itself does not hear Ctrl-C."""
    statuses: list[int] = []
    thread = Thread(target=lambda: statuses.append(solver.Solve(model)), daemon=True)
    thread.start()
    while thread.is_alive():
        try:
            thread.join(0.1)
            if budget.is_stopped:
                solver.StopSearch()
        except KeyboardInterrupt:
            budget.stop()
    return statuses[0]


def _read(problem: AllocationProblem, built: PartModel, at: Placement, solver: Any) -> Placement:  # noqa: ANN401
    pool, start, end = at.pool.copy(), at.start.copy(), at.end.copy()
    for (task, place), is_here in built.places.items():
        if solver.BooleanValue(is_here):
            pool[task] = place
            start[task] = solver.Value(built.starts[task])
            end[task] = solver.Value(built.ends[task])
    return score(problem, pool, start, end)
