"""Forecast the series of the series specs, and score the forecasts whose time has come."""

from prefect import flow

from tasks import signals
from tasks.edge import flow_app


@flow(name="forecasts", flow_run_name="issue and score forecasts", timeout_seconds=9000)
def forecasts(at: str | None = None) -> dict[str, int]:
    """Score first, then issue. Two runs at once score and issue each forecast once.

    Args:
        at: Use what was known at this ISO instant; empty: now.
    """
    with flow_app():
        return {"scored": signals.score(at), "issued": signals.issue(at)}
