"""One look at a rollout as a task, with its timeline and its progress where people look."""

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_progress_artifact
from prefect.cache_policies import NO_CACHE

from runlore.kernel.instants import now, parse
from runlore.rollout.actions import steps
from runlore.rollout.actions.steps import RolloutContext, RolloutLook
from runlore.rollout.views import report
from tasks.edge import task_app
from tasks.retry import RETRIES


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="decide on {spec}", timeout_seconds=600)
def look(spec: str, at: str | None) -> RolloutLook | None:
    """None when no rollout goes on."""
    with task_app() as app:
        context = RolloutContext(app.store, app.registry, app.settings.home / "serving")
        current = steps.look(context, app.spec(spec), parse(at, "at") if at else now())
    if current is None:
        get_run_logger().info("%s: no rollout goes on", spec)
        return None
    newest = current.state.newest
    tell = get_run_logger().warning if newest.is_alert else get_run_logger().info
    tell("%s: %s at %d %%: %s", spec, newest.action, newest.step, "; ".join(newest.reasons))
    headline = report.headline(current)
    create_markdown_artifact(report.markdown(current), key=f"rollout-{spec}", description=headline)
    create_progress_artifact(float(newest.step), key=f"rollout-share-{spec}", description=headline)
    return current
