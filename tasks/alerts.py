"""Alerts that a run raised go out from the run itself; what it cannot send, the dispatcher does."""

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from runlore.alerts.actions import delivery
from tasks.edge import task_app


@task(cache_policy=NO_CACHE, task_run_name="deliver alerts", timeout_seconds=120)
def deliver() -> int:
    """How many messages arrived; what failed is tried again elsewhere and fails no run."""
    with task_app() as app:
        done = delivery.right_away(app.store, app.settings.alert_channels)
    logger = get_run_logger()
    for each in done:
        told = (each.alert, each.event, each.channel, each.error or "arrived")
        logger.info("alert %d %s to %s: %s", *told)
    return sum(each.error is None for each in done)
