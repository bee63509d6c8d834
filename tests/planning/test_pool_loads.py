"""Pools filled by deadlines: loads against schedules that are simply carried out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlore.planning.rules.allocation.opening_time import ALWAYS, NEVER
from runlore.planning.rules.allocation.pool_loads import deadline_loads, fill_pools
from runlore.planning.rules.allocation.problem import AllocationProblem, Weights
from runlore.planning.rules.allocation.search import PlanSearch
from runlore.planning.rules.allocation.solving import TimeBudget

pytest.importorskip("ortools")


def problem_of(work: np.ndarray, deadline: np.ndarray, pools: int) -> AllocationProblem:
    tasks = len(work)
    return AllocationProblem(
        work=np.repeat(work[:, None], pools, axis=1),
        demand=np.ones((tasks, pools), np.int64),
        capacity=np.ones(pools, np.int64),
        release=np.zeros(tasks, np.int64),
        due=np.full(tasks, NEVER),
        deadline=deadline,
        priority=np.ones(tasks),
        cost=np.zeros((tasks, pools)),
        before=np.zeros((0, 2), np.int64),
        spans=(ALWAYS,) * pools,
        fixed_pool=np.full(tasks, -1),
        weights=Weights(wait=0, finish=1),
    )


@given(st.integers(0, 2**20), st.integers(1, 12), st.integers(1, 3))
def test_loads_fit_in_just_if_the_order_of_deadlines_is_in_time(
    seed: int, tasks: int, pools: int
) -> None:
    rng = np.random.default_rng(seed)
    work = rng.integers(1, 9, tasks)
    deadline = np.where(rng.random(tasks) < 0.8, rng.integers(1, 40, tasks), NEVER)
    where = rng.integers(0, pools, tasks)
    loads = deadline_loads(problem_of(work, deadline, pools), deadline)
    clock, is_late = np.zeros(pools), False
    for task in np.argsort(deadline, kind="stable"):
        clock[where[task]] += work[task]
        is_late |= clock[where[task]] > deadline[task]
    assert loads.excess(where).any() == is_late


@settings(max_examples=5)
@given(st.integers(0, 2**20))
def test_pools_without_rest_are_filled_so_that_no_deadline_is_missed(seed: int) -> None:
    """Each pool is cut into tasks; every task ends at most at the end of its shift."""
    rng, pools, each, length, shift = np.random.default_rng(seed), 3, 8, 480, 160
    work, end = [], []
    for _ in range(pools):
        edges = np.sort(rng.choice(np.arange(1, length), each - 1, replace=False)).tolist()
        work += np.diff([0, *edges, length]).tolist()
        end += [*edges, length]
    deadline = np.minimum(-(-np.array(end) // shift) * shift, length)
    problem = problem_of(np.array(work), deadline, pools)
    loads = deadline_loads(problem, deadline)
    start = np.zeros(pools * each, dtype=np.int64)
    filled = fill_pools(loads, start, np.random.default_rng(1), TimeBudget(5.0), 0.0)
    assert not loads.excess(filled).any()
    result = PlanSearch(problem, TimeBudget(5.0)).run()
    assert (result.best.overrun_s, result.best.end.max()) == (0, length)
