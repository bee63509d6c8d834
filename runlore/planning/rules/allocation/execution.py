"""What becomes of a plan when tasks take other than planned: its order is kept, not its times."""

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.allocation.opening_time import NEVER, OpeningTime
from runlore.planning.rules.allocation.problem import AllocationProblem, Floats, Ints


def execute(problem: AllocationProblem, order: Ints, pool: Ints, work: Ints) -> tuple[Ints, Ints]:
    """starts, ends: (w, n) of w worlds. order: tasks, parents first. work: (w, n) seconds there.

    Each task begins as soon as its parents have ended and its pool has slots free; those before it
    in the order choose first. It may begin earlier than planned.
    """
    worlds = len(work)
    starts, ends = np.zeros((2, worlds, problem.tasks), dtype=np.int64)
    free = [np.zeros((worlds, size), dtype=np.int64) for size in problem.capacity.tolist()]
    rows = np.arange(worlds)[:, None]
    for task in order.tolist():
        at = int(pool[task])
        demand, slots = int(problem.demand[task, at]), free[at]
        ready = np.full(worlds, problem.release[task])
        for parent in problem.parents[task]:
            ready = np.maximum(ready, ends[:, parent])
        opening = problem.opening[at]
        ready = opened_many(opening, ready)
        taken = np.argpartition(slots, demand - 1, axis=1)[:, :demand]
        begins = np.maximum(ready, slots[rows, taken].max(axis=1))
        slots[rows, taken] = (begins + work[:, task])[:, None]
        starts[:, task] = clock_many(opening, begins, is_end=False)
        ends[:, task] = clock_many(opening, begins + work[:, task], is_end=True)
    return starts, ends


def opened_many(opening: OpeningTime, clock: Ints) -> Ints:
    if opening.is_always:
        return clock
    opens, closes = opening.spans[:, 0], opening.spans[:, 1]
    at = np.maximum(np.searchsorted(opens, clock, side="right") - 1, 0)
    into = np.clip(clock, opens[at], closes[at]) - opens[at]
    opened: Ints = np.array(opening.before)[at] + into
    return opened


def clock_many(opening: OpeningTime, opened: Ints, *, is_end: bool) -> Ints:
    if opening.is_always:
        return opened
    before = np.array(opening.before)
    at = np.searchsorted(before[:-1], opened, side="left" if is_end else "right") - 1
    at = np.maximum(at, 0)
    clock = opening.spans[at, 0] + opened - before[at]
    reached: Ints = np.where(clock <= opening.spans[at, 1], clock, NEVER)
    return reached


def draw_work(
    quantiles: NDArray[np.float64], levels: Floats, planned: Ints, worlds: int, seed: int
) -> Ints:
    """(worlds, n) seconds. quantiles: (n, q) of durations, as shares of the planned ones."""
    random = np.random.default_rng(seed)
    shares = random.random((worlds, len(planned)))
    factors = np.empty_like(shares)
    for task in range(len(planned)):
        factors[:, task] = np.exp(np.interp(shares[:, task], levels, np.log(quantiles[task])))
    drawn: Ints = np.maximum(np.rint(factors * planned), 1).astype(np.int64)
    return drawn
