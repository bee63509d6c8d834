"""Data quality as a task, with what is wrong where people look."""

from dataclasses import asdict

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import NoContract
from runlore.kernel.instants import now, parse
from runlore.quality.actions import window_check
from runlore.quality.actions.window_check import QualityOutcome
from runlore.quality.views import conclude
from tasks import artifacts
from tasks.edge import task_app
from tasks.retry import RETRIES


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="quality {spec}", timeout_seconds=3600)
def check_quality(spec: str, window_days: float | None, at: str | None) -> QualityOutcome | None:
    """Hold a window against the champion's data contract; None where it has none."""
    window_s = window_days * DAY_S if window_days else None
    instant = parse(at, "at") if at else now()
    with task_app() as app:
        try:
            outcome = window_check.quality(
                app.store, app.registry, app.spec(spec), instant, window_s
            )
        except NoContract as error:
            get_run_logger().warning("not checked: %s", error)
            return None
    verdict = outcome.verdict
    for reason in verdict.reasons:
        get_run_logger().warning("%s: %s", spec, reason)
    artifacts.write_page(
        f"quality-{spec}",
        f"Data of {spec}",
        conclude(spec, verdict),
        [outcome.note, artifacts.table([asdict(finding) for finding in verdict.findings])],
    )
    return outcome
