"""Make the reports that are due: each once, however often somebody is killed meanwhile."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runlore.alerts.actions.handling import raise_alert, resolve_alert
from runlore.alerts.queries import outbox
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.kernel.errors import RunloreError, describe
from runlore.reports.actions import making, scheduling
from runlore.reports.actions.composing import compose
from runlore.reports.queries import report_deliveries, report_runs
from runlore.reports.queries.report_runs import ReportRun
from runlore.reports.rules.request import ReportPrices, ReportRequest, WorkFilter
from runlore.reports.rules.schedule import KIND, ReportSchedule, period_of_run, retry_pause
from runlore.specs.model_spec import ModelSpec
from runlore.store.engine import Store

LONGEST_ERROR = 500

log = logging.getLogger("runlore.reports")


@dataclass(frozen=True)
class DueOutcome:
    """What came of a due report. report: its id. error: why it failed; then it is tried again."""

    schedule: str
    period: str
    report: int | None
    error: str | None = None


def make_due(
    store: Store, specs: Sequence[ModelSpec], prices: ReportPrices, at: datetime
) -> list[DueOutcome]:
    """Make what is due by an instant and store it, one after the other.

    A report that fails is tried again later and raises an alert at once; the others are made.
    """
    with store.begin() as connection:
        schedules = {one.id: one for one in scheduling.open_due_runs(connection, at)}
    outcomes: list[DueOutcome] = []
    tried: list[int] = []
    while True:
        with store.begin() as connection:
            run = report_runs.begin_run(connection, tried)
        if run is None:
            return outcomes
        tried.append(run.id)
        schedule = schedules.get(run.schedule_id)
        if schedule is not None:
            outcome = _try(store, specs, prices, schedule, run)
            outcomes += [] if outcome is None else [outcome]


def _try(
    store: Store,
    specs: Sequence[ModelSpec],
    prices: ReportPrices,
    schedule: ReportSchedule,
    run: ReportRun,
) -> DueOutcome | None:
    """None: somebody else makes it, or has made it."""
    period = period_of_run(schedule, run.first_day)
    try:
        number = _make(store, specs, prices, schedule, run)
    except Exception as error:  # noqa: BLE001  (whatever it is, people must hear of it)
        text = str(error) if isinstance(error, RunloreError) else describe(error)
        log.warning("report %s of %s failed: %s", schedule.name, period.name, text)
        _fail(store, schedule, run, text[:LONGEST_ERROR])
        return DueOutcome(schedule.name, period.name, None, text)
    return None if number is None else DueOutcome(schedule.name, period.name, number)


def _make(
    store: Store,
    specs: Sequence[ModelSpec],
    prices: ReportPrices,
    schedule: ReportSchedule,
    run: ReportRun,
) -> int | None:
    """Report, deliveries and the end of the run are one transaction."""
    with store.begin() as connection:
        at = report_runs.hold_run(connection, run)
        if at is None:
            return None
        period = period_of_run(schedule, run.first_day)
        request = ReportRequest(period, at, WorkFilter(**schedule.work), prices)
        document = compose(store, specs, request)
        number = making.store_report(connection, document, "schedule", schedule.id)
        report_deliveries.add_deliveries(connection, number, schedule.channels, schedule.attachment)
        report_runs.finish_run(connection, run, number)
        resolve_alert(connection, KIND, schedule.name, at)
        return number


def _fail(store: Store, schedule: ReportSchedule, run: ReportRun, error: str) -> None:
    """Raises Unavailable where the database itself is away: then the watch tells of it."""
    pause = retry_pause(run.attempts)
    with store.begin() as connection:
        report_runs.fail_run(connection, run, error, pause)
        raise_alert(connection, failure_finding(schedule, run, error), outbox.clock(connection))


def failure_finding(schedule: ReportSchedule, run: ReportRun, error: str) -> AlertFinding:
    """The alert of a report that could not be made."""
    period = period_of_run(schedule, run.first_day)
    return AlertFinding(
        KIND,
        schedule.name,
        Severity.WARNING,
        f"the report {schedule.name} of {period.name} failed: {error}",
        f"attempt {run.attempts}",
        "it is tried again; to try now: runlore reports run",
        since=run.due_at,
        evidence={"period": period.name, "attempts": run.attempts, "error": error},
    )
