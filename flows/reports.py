"""Make the reports that are due, and send them."""

from prefect import flow

from tasks import reports
from tasks.edge import flow_app


@flow(name="reports", flow_run_name="make due reports", timeout_seconds=1800)
def reports_due(at: str | None = None) -> list[str]:
    """Make each report that is due once, and send what waits.

    Returns what was made, by schedule and period. Two runs at once make each report once. A report
    that fails is tried again by a later run; the others are made, and this run fails at the end.

    Args:
        at: Make those that are due at this ISO instant; empty: now.
    """
    with flow_app():
        made = reports.make(at, return_state=True)
        reports.send()
        return made.result()
