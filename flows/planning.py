"""Plan ahead: capacity of pools, the open work of each night, promises of estimates."""

from prefect import flow

from runlore.planning.actions.estimates import DURATION
from runlore.planning.actions.nightly_plan import LIMIT_S
from tasks import nightly_plan, planning
from tasks.edge import flow_app


@flow(name="capacity", flow_run_name="watch capacity", timeout_seconds=1800)
def watch_capacity(at: str | None = None) -> dict[str, int]:
    """Forecast demand on each pool; keep alerts open where it exceeds capacity or a budget.

    Returns how many pools there are, how many are or will soon be full, and how many over budget.

    Args:
        at: Use what was known at this ISO instant; empty: now.
    """
    with flow_app():
        return planning.watch_capacity(at)


@flow(name="nightly-plan", flow_run_name="plan open work", timeout_seconds=3600)
def plan_night(at: str | None = None, limit_s: float = LIMIT_S) -> int | None:
    """Plan executions without an outcome in the pools that are declared.

    Kinds that cannot be estimated are left out. Returns the number of the plan, if there is one.

    Args:
        at: Plan from this ISO instant on; empty: now.
        limit_s: How long to search, in seconds.
    """
    with flow_app():
        number = nightly_plan.plan_open_work(at, limit_s)
        if number is not None:
            nightly_plan.show(number)
        return number


@flow(name="promises", flow_run_name="learn promises", timeout_seconds=7200)
def learn_promises(at: str | None = None, measure: str = DURATION) -> float | None:
    """Learn from the whole log which estimates come within 15 %.

    Returns the share that can be promised; nothing where the log is too small.

    Args:
        at: Use what was known at this ISO instant; empty: now.
        measure: duration_s, or the name of a number in outcomes.
    """
    with flow_app():
        return planning.learn_promises(at, measure)
