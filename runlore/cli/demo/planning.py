"""Demo data of planning: two pools for the kinds of the log, and a plan for the night."""

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

from runlore.cli.demo.tour import ACTOR, DemoWorld

if TYPE_CHECKING:
    from runlore.planning.rules.allocation.task_to_place import TaskToPlace
    from runlore.planning.rules.pools.pool import Pool

NAMES, COST_PER_HOUR = ("machines", "overflow"), (2.5, 4.0)
USE = 0.75  # of the pools, by the demand of the last weeks
TASKS_OF_KIND, NEWEST = 3, 20
LIMIT_S = 2.0


def add_planning(world: DemoWorld) -> str:
    """Declare the pools and plan the night; a second demo leaves both as they are."""
    from runlore.planning.actions.plans import list_plans
    from runlore.planning.actions.pools import find_pools, set_pools

    store = world.app.store
    if find_pools(store, world.now) or list_plans(store, world.now, 1):
        return "planning: as it was"
    set_pools(store, _pools(world), ACTOR, world.now)
    pools = find_pools(store, world.now)
    tasks = _tasks(world)
    if not tasks:
        return f"planning: {len(pools)} pools"
    number = _plan(world, tasks, pools)
    return f"planning: {len(pools)} pools, plan {number} of {len(tasks)} tasks for the night"


def _pools(world: DemoWorld) -> "list[Pool]":
    """As large as the demand of the last weeks needs, with a budget of what that costs."""
    from dataclasses import replace

    from runlore.planning.actions.capacity import CapacityQuery, plan_capacity
    from runlore.planning.actions.pools import set_pools
    from runlore.planning.queries.finished_tasks import read_kinds
    from runlore.planning.rules.pools.pool import Pool

    kinds, store = read_kinds(world.app.store, world.now), world.app.store
    halves = (kinds[: ceil(len(kinds) / 2)], kinds[ceil(len(kinds) / 2) :])
    pools = [
        Pool(name, 1, tuple(half), cost_per_hour=cost)
        for name, half, cost in zip(NAMES, halves, COST_PER_HOUR, strict=True)
        if half
    ]
    set_pools(store, pools, ACTOR, world.now)
    sized = []
    query = CapacityQuery(has_waiting=False)
    for pool, made in zip(pools, plan_capacity(store, query, world.now), strict=True):
        size = max(ceil((made.outcomes[0].utilisation or 0.0) / USE), 1)
        month = 0.9 * size * USE * 730.5 * (pool.cost_per_hour or 0.0)
        sized.append(replace(pool, size=size, budget_per_month=float(round(month, -1))))
    return sized


def _tasks(world: DemoWorld) -> "Sequence[TaskToPlace]":
    """Some of each kind, as long as the last ones took in the middle."""
    from statistics import median

    from runlore.planning.actions.estimates import DURATION
    from runlore.planning.queries.finished_tasks import read_finished, read_kinds
    from runlore.planning.rules.allocation.task_to_place import TaskToPlace

    store, tasks = world.app.store, []
    for kind in read_kinds(store, world.now):
        rows = read_finished(store, kind, DURATION, world.now, NEWEST)
        amounts = [row.amount for row in rows if row.amount]
        tasks += [
            TaskToPlace(
                f"{kind}-{number + 1}"[:200],
                kind,
                row.actor or None,
                row.scope or None,
                dict(row.inputs),
                duration_s=median(amounts),
                priority=float(number + 1),
            )
            for number, row in enumerate(rows[-TASKS_OF_KIND:])
            if amounts
        ]
    return tasks


def _plan(world: DemoWorld, tasks: "Sequence[TaskToPlace]", pools: "Sequence[Pool]") -> int:
    from runlore.kernel import instants
    from runlore.planning.actions.allocation import AllocationRequest, allocate
    from runlore.planning.actions.plans import keep_plan
    from runlore.planning.allocation_views import plan_as_json, show_plan

    request = AllocationRequest(tasks, pools, limit_s=LIMIT_S)
    made = allocate(world.app.store, request, world.now)
    return keep_plan(world.app.store, plan_as_json(show_plan(made)), ACTOR, instants.now())
