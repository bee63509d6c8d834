"""Plans whose best is known, plans that cannot be, and plans carried out with true durations.

    python bench/allocation.py known [--instances N] [--limit CPU_S] [--only FAMILY]
    python bench/allocation.py infeasible [--instances N]
    python bench/allocation.py replay LOG.swf.gz [--days N] [--limit CPU_S]

The best plan of a `known` instance follows from how it is made:
packing     every pool is cut into tasks without rest, half the other pools can take each: finish
shortest    alike slots, more priority for shorter tasks, due when shortest first ends them
assignment  equal tasks, each pool full at its deadline, costs with prices that prove the best one
chains      tasks that wait for others along a plan without rest, one chain through all of it
deadlines   as packing, each task due by the end of its shift of a plan without rest

A replay takes the jobs of each day together as if planned the night after. Estimates are the mean
of the user's last two finished jobs by then, at most the request. Each plan's order is carried out
with the true durations.
"""

import argparse
import gzip
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time

import numpy as np

from runlore.planning.actions.allocation import AllocationRequest, TaskDuration, make_plan
from runlore.planning.allocation_views import show_plan
from runlore.planning.rules.allocation.execution import execute
from runlore.planning.rules.allocation.opening_time import ALWAYS, NEVER
from runlore.planning.rules.allocation.problem import AllocationProblem, Weights
from runlore.planning.rules.allocation.search import PlanSearch
from runlore.planning.rules.allocation.solving import TimeBudget
from runlore.planning.rules.allocation.task_to_place import TaskToPlace
from runlore.planning.rules.pools.pool import Pool

Random = np.random.Generator
SIZES = ((40, 4, 0.75), (200, 10, 0.2), (1000, 50, 0.05))  # tasks, pools, share of instances
AT = datetime(2026, 11, 30, 8, tzinfo=UTC)


class CpuBudget(TimeBudget):
    """Seconds of processor time: the clock says little on a machine that others use."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self._until = process_time() + seconds

    @property
    def left_s(self) -> float:
        return max(self._until - process_time(), 0.0)


@dataclass(frozen=True, eq=False)
class KnownInstance:
    problem: AllocationProblem
    best: int


def problem_of(work: np.ndarray, **more: object) -> AllocationProblem:
    tasks, pools = work.shape
    values: dict = {
        "work": work,
        "demand": np.ones((tasks, pools), np.int64),
        "capacity": np.ones(pools, np.int64),
        "release": np.zeros(tasks, np.int64),
        "due": np.full(tasks, NEVER),
        "deadline": np.full(tasks, NEVER),
        "priority": np.ones(tasks),
        "cost": np.zeros((tasks, pools)),
        "before": np.zeros((0, 2), np.int64),
        "spans": (ALWAYS,) * pools,
        "fixed_pool": np.full(tasks, -1),
        "weights": Weights(wait=0, finish=1),
    }
    return AllocationProblem(**values | more)


def cut(random: Random, tasks: int, pools: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """pool, work, end of tasks that fill all pools for as long; in random order."""
    each, length = tasks // pools, 3600 * (tasks // pools)
    pool, work, end = [], [], []
    for one in range(pools):
        edges = np.sort(random.choice(np.arange(1, length // 60), each - 1, replace=False)) * 60
        edges = np.concatenate([[0], edges, [length]])
        pool += [one] * each
        work += np.diff(edges).tolist()
        end += edges[1:].tolist()
    order = random.permutation(tasks)
    return np.array(pool)[order], np.array(work)[order], np.array(end)[order], length


def half(random: Random, work: np.ndarray, pool: np.ndarray, pools: int) -> np.ndarray:
    can = random.random((len(work), pools)) < 0.5
    can[np.arange(len(work)), pool] = True
    return np.where(can, work[:, None], -1)


def packing(random: Random, tasks: int, pools: int) -> KnownInstance:
    pool, work, _, length = cut(random, tasks, pools)
    return KnownInstance(problem_of(half(random, work, pool, pools)), length * 1000)


def deadlines(random: Random, tasks: int, pools: int) -> KnownInstance:
    pool, work, end, length = cut(random, tasks, pools)
    shift = 8 * 3600
    due = np.minimum(-(-end // shift) * shift, length)
    problem = problem_of(half(random, work, pool, pools), deadline=due)
    return KnownInstance(problem, length * 1000)


def chains(random: Random, tasks: int, pools: int) -> KnownInstance:
    pool, work, end, length = cut(random, tasks, pools)
    start, pairs = end - work, []
    for task in range(tasks):
        ended = np.flatnonzero(end <= start[task])
        if pool[task] == 0 and start[task] > 0:
            pairs.append((int(ended[(pool[ended] == 0) & (end[ended] == start[task])][0]), task))
        elif len(ended) and random.random() < 0.5:
            pairs.append((int(random.choice(ended)), task))
    before = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return KnownInstance(problem_of(half(random, work, pool, pools), before=before), length * 1000)


def shortest(random: Random, tasks: int, pools: int) -> KnownInstance:
    work = np.sort(random.integers(600, 20_000, tasks))
    priority = np.sort(random.integers(1, 6, tasks))[::-1].astype(float)
    free, end = np.zeros(pools, np.int64), np.zeros(tasks, np.int64)
    for task in range(tasks):
        slot = int(free.argmin())
        free[slot] += work[task]
        end[task] = free[slot]
    order = random.permutation(tasks)
    problem = problem_of(
        work[order][:, None],
        capacity=np.array([pools]),
        priority=priority[order],
        due=end[order],
        weights=Weights(),
    )
    return KnownInstance(problem, int((end * priority).sum()) * 1000)


def assignment(random: Random, tasks: int, pools: int) -> KnownInstance:
    each, work = tasks // pools, 3600
    mine = np.repeat(np.arange(pools), each)
    prices, own = random.integers(0, 20, pools), random.integers(1, 20, tasks)
    above = random.integers(0, 30, (tasks, pools))
    above[np.arange(tasks), mine] = 0
    cost = (own[:, None] + prices[None, :] + above).astype(float)
    problem = problem_of(
        np.full((tasks, pools), work),
        deadline=np.full(tasks, each * work),
        cost=cost,
        weights=Weights(),
    )
    waits = pools * work * each * (each + 1) // 2
    best = int(cost[np.arange(tasks), mine].sum()) * 3600 + waits
    return KnownInstance(problem, best * 1000)


FAMILIES: dict[str, Callable[[Random, int, int], KnownInstance]] = {
    one.__name__: one for one in (packing, shortest, assignment, chains, deadlines)
}


def known(instances: int, limit: float, only: str | None) -> None:
    families = {name: one for name, one in FAMILIES.items() if only in (None, name)}
    print("family        size  n   at best  gap mean / max    proven  stated gap  cpu s med / max")
    for name, make in families.items():
        for tasks, pools, share in SIZES:
            count = max(round(instances / len(FAMILIES) * share), 1)
            rows = [
                _solve(make(np.random.default_rng(seed), tasks, pools), limit)
                for seed in range(count)
            ]
            gaps, stated, cpu, missed = (np.array(column) for column in zip(*rows, strict=True))
            print(
                f"{name:11} {tasks:5}×{pools:<2} {count:3} {(gaps == 0).mean():8.0%}"
                f"  {gaps.mean():8.3%} / {gaps.max():.3%} {(stated == 0).mean():8.0%}"
                f" {stated.mean():10.3%} {np.median(cpu):9.1f} / {cpu.max():.1f}"
                f"{f'  past deadlines: {int(missed.sum())}' if missed.any() else ''}",
                flush=True,
            )


def _solve(instance: KnownInstance, limit: float) -> tuple[float, float, float, bool]:
    began = process_time()
    result = PlanSearch(instance.problem, CpuBudget(limit)).run()
    gap = (result.best.points - instance.best) / instance.best
    missed = result.best.overrun_s > 0
    assert missed or gap >= 0, "better than the best: the instance or the score is wrong"
    assert result.bound <= instance.best, "the bound is above the best plan"
    return max(gap, 0.0), result.gap, process_time() - began, missed


def infeasible(instances: int) -> None:
    explained = helped = named = 0
    for seed in range(instances):
        tasks, pools = _too_much(np.random.default_rng(seed))
        made = _plan(tasks, pools)
        told = {one.task for one in made.obstacles if one.reason and one.remedy}
        placed = {task.id for task in made.assembly.tasks}
        late = {
            made.assembly.tasks[at].id
            for at in np.flatnonzero(made.result.best.end > made.assembly.problem.deadline)
        }
        missing = {task.id for task in tasks} - placed
        explained += bool(told) and told == late | missing
        named += bool(made.advice)
        helped += not _plan(*_with_remedies(made, tasks, pools)).obstacles
    print(f"{instances} infeasible: {explained} explained, {helped} feasible with the remedies;")
    print(f"for {named} a number of slots was named that would do as well")


def _too_much(random: Random) -> tuple[list[TaskToPlace], list[Pool]]:
    """More work due than there is room, a chain that is too long, or a skill that nobody has."""
    pools = [Pool(f"p{one}", 1) for one in range(int(random.integers(1, 4)))]
    works = random.integers(1800, 9000, int(random.integers(6, 14)))
    kind = random.choice(["work", "chain", "skill"])
    tight = int(works.sum() / len(pools) * random.uniform(0.5, 0.95))
    tasks = []
    for at, work in enumerate(works.tolist()):
        deadline = None
        if kind == "work":
            deadline = AT + timedelta(seconds=max(tight, int(works.max())))
        elif kind == "chain" and at == 3:
            deadline = AT + timedelta(seconds=int(works[:4].sum() * random.uniform(0.3, 0.98)))
        tasks.append(
            TaskToPlace(
                f"T{at}",
                duration_s=float(work),
                after=(f"T{at - 1}",) if kind == "chain" and 0 < at < 4 else (),
                deadline=deadline,
                skills=("welding",) if kind == "skill" and at % 4 == 0 else (),
            )
        )
    if kind == "work" and len(pools) * max(tight, int(works.max())) >= works.sum():
        return _too_much(random)
    return tasks, pools


def _plan(tasks: Sequence[TaskToPlace], pools: Sequence[Pool]):
    durations = {task.id: TaskDuration(task.duration_s or 1.0, None) for task in tasks}
    return make_plan(AllocationRequest(tasks, pools, limit_s=2.0), durations, pools, AT)


def _with_remedies(made, tasks: list[TaskToPlace], pools: list[Pool]):
    """Deadlines and skills as the explanations say: read out of their words."""
    later = {}
    for one in made.obstacles:
        if "move the deadline" in one.remedy:
            text = one.remedy.split(" UTC")[0].split(" to ")[1]
            later[one.task] = datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    skills = {"welding"} if any("skills welding" in one.remedy for one in made.obstacles) else ()
    shown = {task.id: task for task in show_plan(made).tasks}
    moved = []
    for task in tasks:
        values = {"deadline": later.get(task.id, task.deadline)}
        if task.id in shown:  # the plan that was shown, as the present one
            values |= {"pool": shown[task.id].pool, "start": shown[task.id].start}
        moved.append(replace(task, **values))
    return moved, [replace(pool, skills=tuple(skills)) for pool in pools]


def replay(path: Path, days: int, limit: float) -> None:
    jobs, slots = read_jobs(path)
    chosen = np.unique(jobs["day"])
    chosen = chosen[int(len(chosen) * 0.7) :]
    step = max(len(chosen) // days, 1)
    hours: dict[str, list[float]] = defaultdict(list)
    for day in chosen[::step][:days].tolist():
        batch = jobs["day"] == day
        for name, total in _one_night(jobs, batch, slots, limit).items():
            hours[name].append(total)
    ours, random = np.array(hours.pop("plan")), np.random.default_rng(0)
    print(
        f"{path.name.split('-')[0]}: {len(ours)} days, {slots} slots; hours until the end of jobs"
    )
    for name, values in hours.items():
        theirs = np.array(values)
        picks = random.integers(len(ours), size=(2000, len(ours)))
        saved = 1 - ours[picks].sum(axis=1) / theirs[picks].sum(axis=1)
        low, high = np.quantile(saved, [0.025, 0.975])
        print(
            f"  {name:12} {theirs.sum():9.0f} h, plan {ours.sum():9.0f} h: saved"
            f" {1 - ours.sum() / theirs.sum():.1%} (95 %: {low:.1%} to {high:.1%})"
        )


def _one_night(jobs, batch: np.ndarray, slots: int, limit: float) -> dict[str, float]:
    estimate, true = jobs["estimate"][batch], jobs["run"][batch]
    problem = problem_of(
        estimate[:, None],
        demand=jobs["processors"][batch][:, None],
        capacity=np.array([slots]),
        weights=Weights(),
    )
    result = PlanSearch(problem, CpuBudget(limit)).run()
    plans = {"first come": result.first_come, "greedy": result.greedy, "plan": result.best}
    totals = {}
    for name, plan in plans.items():
        order = np.lexsort((plan.end, plan.start))
        _, ends = execute(problem, order, plan.pool, true[None, :])
        totals[name] = float(ends.sum() / 3600)
    return totals


def read_jobs(path: Path) -> tuple[dict[str, np.ndarray], int]:
    """Estimates are of what was known at the end of the day of submission."""
    with gzip.open(path, "rt", encoding="latin-1") as lines:
        rows = np.array([line.split() for line in lines if line[:1] != ";" and line.strip()])
    rows = rows.astype(np.float64).astype(np.int64)
    submit, wait, run, used, asked = rows[:, 1], rows[:, 2], rows[:, 3], rows[:, 4], rows[:, 8]
    fine = (run > 0) & (used > 0)
    submit, wait, run, used, asked = (one[fine] for one in (submit, wait, run, used, asked))
    user, day = rows[fine, 11], submit // 86_400
    ended = submit + wait + run
    estimate = np.where(asked > 0, asked, 86_400)
    for one in np.unique(user):
        mine = np.flatnonzero(user == one)
        by_end = mine[np.argsort(ended[mine], kind="stable")]
        known = np.searchsorted(ended[by_end], (day[mine] + 1) * 86_400)
        for job, count in zip(mine.tolist(), known.tolist(), strict=True):
            last = by_end[max(count - 2, 0) : count]
            if len(last):
                estimate[job] = min(int(run[last].mean()), estimate[job])
    slots = int(used.max())
    values = {"day": day, "run": run, "processors": used, "estimate": np.maximum(estimate, 1)}
    return values, slots


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["known", "infeasible", "replay"])
    parser.add_argument("log", type=Path, nargs="?")
    parser.add_argument("--instances", type=int)
    parser.add_argument("--limit", type=float)
    parser.add_argument("--days", type=int, default=40)
    parser.add_argument("--only", choices=list(FAMILIES))
    given = parser.parse_args()
    if given.part == "known":
        known(given.instances or 200, given.limit or 10.0, given.only)
    elif given.part == "infeasible":
        infeasible(given.instances or 100)
    else:
        replay(given.log, given.days, given.limit or 3.0)


if __name__ == "__main__":
    main()
