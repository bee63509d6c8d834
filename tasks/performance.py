"""Performance as a task, with the verdicts where people look."""

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from runlore.kernel.durations import DAY_S
from runlore.kernel.instants import now, parse
from runlore.performance.actions import windows
from runlore.performance.actions.windows import PerformanceOutcome
from runlore.performance.views import conclude
from tasks import artifacts
from tasks.edge import task_app
from tasks.retry import RETRIES


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="performance {spec}", timeout_seconds=3600)
def measure_performance(spec: str, window_days: float | None, at: str | None) -> PerformanceOutcome:
    """Score the champion's answers by what is known of them by now."""
    window_s = window_days * DAY_S if window_days else None
    with task_app() as app:
        outcome = windows.performance(
            app.store,
            app.registry,
            app.spec(spec),
            parse(at, "at") if at else now(),
            app.settings.reports,
            window_s,
        )
        pages = app.settings.pages_within_prefect
    lines = [f"- {floor.answer}: {floor.reason}" for floor in outcome.floors]
    lines += [f"- {regression.answer}: {regression.reason}" for regression in outcome.regressions]
    get_run_logger().info("%s: %s", spec, conclude(outcome))
    for line in lines:
        get_run_logger().info("%s: %s", spec, line)
    artifacts.write_page(
        f"performance-{spec}",
        f"{spec} version {outcome.version}",
        conclude(outcome),
        [
            outcome.note,
            artifacts.picture("Scores window by window", outcome.plot),
            "\n".join(lines),
            artifacts.links_of_spec(pages, spec),
        ],
    )
    return outcome
