"""The due reports as tasks: make them, and send them."""

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from runlore.alerts.delivery import parse
from runlore.kernel import instants
from runlore.kernel.errors import Refused
from runlore.reports.actions import due_reports, making, sending
from runlore.reports.views import report_files
from tasks.edge import task_app
from tasks.retry import RETRIES


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="make reports", timeout_seconds=900)
def make(at: str | None) -> list[str]:
    """Make what is due. Raises Refused when a report has failed, after the others were made."""
    with task_app() as app:
        due = instants.parse(at, "at") if at else instants.now()
        prices = making.prices_of(app.settings)
        outcomes = due_reports.make_due(app.store, app.specs, prices, due)
    for outcome in outcomes:
        get_run_logger().info(
            "%s, %s: %s",
            outcome.schedule,
            outcome.period,
            outcome.error or f"report {outcome.report}",
        )
    failed = [f"{outcome.schedule}: {outcome.error}" for outcome in outcomes if outcome.error]
    if failed:
        raise Refused("; ".join(failed))
    return [f"{outcome.schedule}, {outcome.period}" for outcome in outcomes]


@task(**RETRIES, cache_policy=NO_CACHE, task_run_name="send reports", timeout_seconds=600)
def send() -> int:
    """Send what waits; returns how many arrived."""
    with task_app() as app:
        settings = app.settings
        done = sending.send_reports(
            app.store,
            parse(settings.alert_channels),
            f"{settings.report_pages}/console/reports",
            report_files.attachments(settings),
        )
    for sent in done:
        get_run_logger().info(
            "report %d to %s: %s", sent.report, sent.channel, sent.error or "arrived"
        )
    return sum(sent.error is None for sent in done)
