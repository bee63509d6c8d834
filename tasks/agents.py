"""Work of agents as tasks of a flow: record their attempts as executions."""

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from runlore.agents.actions import recording
from runlore.kernel import instants
from tasks.edge import task_app
from tasks.retry import RETRIES


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="record attempts", timeout_seconds=3600)
def record_attempts() -> int:
    """Returns how many are new."""
    with task_app() as app:
        new = recording.record_attempts(app.store, instants.now()).new
    get_run_logger().info("%d attempts are new", new)
    return new
