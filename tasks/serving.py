"""Batch scoring as a task."""

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from runlore.kernel.errors import NoChampion
from runlore.kernel.instants import now, parse
from runlore.serving.actions import scoring
from runlore.serving.actions.scoring import ScoreOutcome
from tasks.edge import task_app
from tasks.retry import RETRIES


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="score {spec}", timeout_seconds=3600)
def score(spec: str, since: str | None) -> ScoreOutcome | None:
    """None when no champion serves the spec yet."""
    began = parse(since, "since") if since else None
    with task_app() as app:
        try:
            outcome = scoring.score(app.store, app.registry, app.spec(spec), now(), began)
        except NoChampion as error:
            get_run_logger().info("%s: no champion yet: %s", spec, error)
            return None
    get_run_logger().info(
        "%s version %s: %d executions since %s, %d new on the ledger",
        spec,
        outcome.version,
        outcome.executions,
        f"{outcome.since:%Y-%m-%d %H:%M} UTC",
        outcome.scored,
    )
    return outcome
