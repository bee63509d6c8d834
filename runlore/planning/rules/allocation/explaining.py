"""Why deadlines cannot all be met, and what would help, in words."""

from dataclasses import replace
from datetime import datetime

import numpy as np

from runlore.kernel.readable import readable_duration
from runlore.planning.rules.allocation.assembling import Assembly, Obstacle
from runlore.planning.rules.allocation.bounds import earliest_ends
from runlore.planning.rules.allocation.opening_time import NEVER
from runlore.planning.rules.allocation.problem import AllocationProblem, Placement
from runlore.planning.rules.allocation.search import PlanSearch
from runlore.planning.rules.allocation.solving import TimeBudget

SHOWN = 4
TRIED_S = 2.0  # to find out whether more slots would do
MOST_SLOTS = 3  # more that are tried


def explain_overruns(assembly: Assembly, best: Placement) -> list[Obstacle]:
    """One for each task past its deadline. Its new deadline makes the plan fit, with the others."""
    ends = earliest_ends(assembly.problem)
    late = np.flatnonzero(best.end > assembly.problem.deadline)
    order = late[np.argsort(assembly.problem.deadline[late], kind="stable")]
    return [_explain(assembly, best, int(task), int(ends[task])) for task in order]


def _explain(assembly: Assembly, best: Placement, task: int, alone: int) -> Obstacle:
    problem, name = assembly.problem, assembly.tasks[task].id
    deadline = int(problem.deadline[task])
    due, ends = _clock(assembly.instant(deadline)), _clock(assembly.instant(int(best.end[task])))
    later = f"move the deadline of {name} to {ends} UTC"
    if alone > deadline:
        short = readable_duration(alone - deadline)
        chain = _chain(assembly, task)
        after = f" after {' and '.join(chain)}" if chain else ""
        reason = f"{name}{after} ends {short} past its deadline of {due} UTC, with pools all free"
        return Obstacle(name, reason, f"{later}, or make {' or '.join([*chain, name])} shorter")
    pool = "/".join(sorted(one.name for one in assembly.pools[int(best.pool[task])])[:SHOWN])
    over = int(best.end[task]) - deadline
    slots = int(problem.demand[task, best.pool[task]])
    needs = readable_duration(over * slots)
    rivals = _rivals(assembly, best, task)
    reason = f"the deadline of {name} needs {needs} more of pool {pool} before {due} UTC"
    reason += f", which {', '.join(rivals)} take" if rivals else ""
    return Obstacle(name, reason, f"{later}, or add slots to {pool}")


def _chain(assembly: Assembly, task: int) -> list[str]:
    """What it waits for, the first one first."""
    problem, ends = assembly.problem, earliest_ends(assembly.problem)
    chain: list[int] = []
    at = task
    while problem.parents[at]:
        at = max(problem.parents[at], key=lambda one: int(ends[one]))
        chain.append(at)
    return [assembly.tasks[one].id for one in chain[::-1]][-SHOWN:]


def _rivals(assembly: Assembly, best: Placement, task: int) -> list[str]:
    """Others in its pool that end before it does, the last ones first."""
    same = (best.pool == best.pool[task]) & (best.start < assembly.problem.deadline[task])
    same[task] = False
    rivals = np.flatnonzero(same)
    rivals = rivals[np.argsort(-best.end[rivals], kind="stable")]
    names = [assembly.tasks[one].id for one in rivals[:SHOWN]]
    return [*names, f"{len(rivals) - SHOWN} others"] if len(rivals) > SHOWN else names


def find_enough_slots(assembly: Assembly, best: Placement, budget: TimeBudget) -> str:
    """A pool whose few more slots let all deadlines be met, as tried; empty: none was found."""
    late = np.flatnonzero(best.end > assembly.problem.deadline)
    pools = [int(pool) for pool in np.unique(best.pool[late])]
    for more in range(1, MOST_SLOTS + 1):
        for pool in pools:
            wider = _with_slots(assembly.problem, pool, more)
            seconds = min(TRIED_S, budget.left_s)
            if budget.is_stopped or seconds == 0:
                return ""
            found = PlanSearch(wider, TimeBudget(seconds)).meet_deadlines()
            if found.overrun_s == 0:
                name = assembly.pools[pool][0].name
                return f"{more} more slot{'s' * (more > 1)} of pool {name} would meet all deadlines"
    return ""


def _with_slots(problem: AllocationProblem, pool: int, more: int) -> AllocationProblem:
    capacity = problem.capacity.copy()
    capacity[pool] += more
    return replace(problem, capacity=capacity)


def relaxed(problem: AllocationProblem, best: Placement) -> AllocationProblem:
    """With the deadlines that the explanations name."""
    deadline = np.where(problem.deadline < NEVER, np.maximum(problem.deadline, best.end), NEVER)
    return replace(problem, deadline=deadline)


def _clock(instant: datetime) -> str:
    return f"{instant:%a %Y-%m-%d %H:%M:%S}"
