"""A slot for each visit, or none: the choice with the most gain that slots have room for."""

from typing import Any

import numpy as np

from runlore.planning.rules.allocation.problem import Floats, Ints
from runlore.planning.rules.allocation.solving import SEED, TimeBudget, run_solver

POINTS = 1_000_000  # that the largest gain counts
NONE = -1


def choose_slots(gains: Floats, room: Ints, budget: TimeBudget) -> Ints:
    """(n,): the slot of each of n, or -1; by CP-SAT.

    gains: (n, m) of each slot beside none; those that are not above 0 are not chosen. room: (m,)
    how many fit into each slot. Without a proof within the budget, the best found so far; at worst
    that of the greedy rule.
    """
    from ortools.sat.python import cp_model

    start = choose_greedily(gains, room)
    largest = float(gains.max(initial=0.0))
    if largest <= 0:
        return start
    model = cp_model.CpModel()
    points = np.floor(np.maximum(gains, 0) / largest * POINTS).astype(np.int64)
    chosen = {(int(i), int(j)): model.NewBoolVar("") for i, j in np.argwhere(points > 0)}
    for at, slots in enumerate(points > 0):
        model.AddAtMostOne([chosen[at, int(slot)] for slot in np.flatnonzero(slots)])
    for slot, column in enumerate((points > 0).T):
        wanted = np.flatnonzero(column)
        if len(wanted) > room[slot]:
            model.Add(sum(chosen[int(at), slot] for at in wanted) <= int(room[slot]))
    for (at, slot), variable in chosen.items():
        model.AddHint(variable, int(start[at] == slot))
    model.Maximize(sum(int(points[key]) * variable for key, variable in chosen.items()))
    return _solve(model, chosen, start, budget)


def choose_greedily(gains: Floats, room: Ints) -> Ints:
    """The largest gain first, each in its best slot that has room."""
    left, slots = room.copy(), np.full(len(gains), NONE, dtype=np.int64)
    for flat in np.argsort(-gains, axis=None, kind="stable").tolist():
        at, slot = divmod(flat, gains.shape[1])
        if gains[at, slot] <= 0:
            break
        if slots[at] == NONE and left[slot] > 0:
            slots[at] = slot
            left[slot] -= 1
    return slots


def _solve(
    model: Any,  # noqa: ANN401
    chosen: dict[tuple[int, int], Any],
    start: Ints,
    budget: TimeBudget,
) -> Ints:
    from ortools.sat.python import cp_model

    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = max(budget.left_s, 0.01)
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = SEED
    if run_solver(solver, model, budget) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return start
    slots = np.full(len(start), NONE, dtype=np.int64)
    for (at, slot), variable in chosen.items():
        if solver.BooleanValue(variable):
            slots[at] = slot
    return slots
