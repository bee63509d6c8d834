"""Retention of personal data as a task."""

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from runlore.kernel import instants
from runlore.privacy.actions.retention import expire
from tasks.edge import task_app
from tasks.retry import RETRIES


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="expire", timeout_seconds=3600)
def expire_personal_data(at: str | None, *, dry_run: bool) -> dict[str, int]:
    """Source -> rows that expired."""
    instant = instants.parse(at, "at") if at else instants.now()
    with task_app() as app:
        sources, days = app.settings.personal_sources, app.settings.personal_days
        expired = expire(app.store, sources, days, instant, dry_run=dry_run)
    for one in expired:
        get_run_logger().info("%s: %d rows older than %d days", one.source, one.rows, one.days)
    return {one.source: one.rows for one in expired}
