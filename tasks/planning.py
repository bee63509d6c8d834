"""Planning as tasks: the capacity of pools is watched, promises are learned."""

from datetime import datetime
from io import BytesIO

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from runlore.kernel import instants
from runlore.kernel.conclusion import NOTHING_TO_DO, Conclusion, listed
from runlore.kernel.errors import Refused
from runlore.planning.actions import budget_alerts, capacity_alerts, promises
from runlore.planning.actions.capacity import PoolCapacity
from tasks.artifacts import picture, table, write_page
from tasks.edge import task_app
from tasks.retry import RETRIES

MOST_DRAWN = 6


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="watch capacity", timeout_seconds=1200)
def watch_capacity(at: str | None) -> dict[str, int]:
    """Writes a page of load and capacity."""
    with task_app() as app:
        plans = capacity_alerts.watch_capacity(app.store, _instant(at))
    due, over = capacity_alerts.due_pools(plans), budget_alerts.due_budgets(plans)
    text = "of %d pools %d are or will soon be full, %d over budget"
    get_run_logger().info(text, len(plans), len(due), len(over))
    if plans:
        _write(plans, due, over)
    return {"pools": len(plans), "due": len(due), "over_budget": len(over)}


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="learn promises", timeout_seconds=6600)
def learn_promises(at: str | None, measure: str) -> float | None:
    """Returns the share of tasks that would have been promised."""
    with task_app() as app:
        try:
            learned = promises.learn_promises_again(app.store, measure, _instant(at))
        except Refused as refused:
            get_run_logger().info("nothing is learned: %s", refused)
            return None
    share = float(learned.scores["all"]["share"])
    get_run_logger().info("%.1f %% of %d tasks can be promised", 100 * share, learned.tasks)
    return share


def _write(plans: list[PoolCapacity], due: list[PoolCapacity], over: list[PoolCapacity]) -> None:
    from runlore.planning.actions.capacity_text import tabulate_pool
    from runlore.planning.capacity_plots import draw_capacity

    troubles = (("demand exceeds capacity, or soon will", due), ("the budget is short", over))
    said = [
        f"{listed(tuple(one.pool.name for one in pools))}: {trouble}."
        for trouble, pools in troubles
        if pools
    ]
    conclusion = (
        Conclusion(" ".join(said), "See the alerts.")
        if said
        else Conclusion(f"{len(plans)} pools have room.", NOTHING_TO_DO)
    )
    drawn = BytesIO()
    draw_capacity((due + [one for one in plans if one not in due])[:MOST_DRAWN]).savefig(drawn)
    rows = [tabulate_pool(one) for one in plans]
    parts = (table(rows), picture("Load", drawn.getvalue()))
    write_page("capacity", "Capacity", conclusion, parts)


def _instant(at: str | None) -> datetime:
    return instants.parse(at, "at") if at else instants.now()
