"""Notice due reports that nobody makes, because the worker or the Prefect server is away."""

import logging
import time
from dataclasses import dataclass, field

from runlore.alerts.actions.handling import raise_alert
from runlore.alerts.queries import outbox
from runlore.alerts.rules.finding import AlertFinding, Severity
from runlore.kernel.errors import Unavailable
from runlore.reports.actions import scheduling
from runlore.reports.queries import report_runs
from runlore.reports.queries.report_runs import LateRun
from runlore.reports.rules.schedule import KIND, NOTICED_S
from runlore.store.engine import Store

CHECK_S = 10.0

log = logging.getLogger("runlore.reports")


@dataclass
class ReportWatch:
    """Notes what is due, and opens an alert where a report waits for too long."""

    store: Store
    patience_s: float = NOTICED_S
    _checked_at: float = field(default=-CHECK_S)

    def check(self) -> None:
        """At most every CHECK_S. A database that is away is left to the log."""
        if time.monotonic() < self._checked_at + CHECK_S:
            return
        self._checked_at = time.monotonic()
        try:
            find_late(self.store, self.patience_s)
        except Unavailable as error:
            log.warning("due reports are not watched: %s", error)


def find_late(store: Store, patience_s: float = NOTICED_S) -> list[LateRun]:
    """Note what is due, and raise an alert for what nobody has made for so long."""
    with store.begin() as connection:
        now = outbox.clock(connection)
        scheduling.open_due_runs(connection, now)
        late = report_runs.late_runs(connection, patience_s)
        by_name = {run.name: run for run in late}
        for name in sorted(by_name):
            raise_alert(connection, _finding(by_name[name]), now)
    return late


def _finding(run: LateRun) -> AlertFinding:
    times = f"{run.attempts} times"
    begun = f"it was begun {times} and not ended" if run.attempts else "nobody has begun it"
    return AlertFinding(
        KIND,
        run.name,
        Severity.WARNING,
        f"the report {run.name} for the period from {run.first_day} is due and was not made:"
        f" {begun}",
        "certain",
        "see that the worker runs: runlore status; to make it now: runlore reports run",
        since=run.due_at,
        evidence={"first_day": run.first_day.isoformat(), "attempts": run.attempts},
    )
