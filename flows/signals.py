"""Forecast series, score the forecasts whose time has come, and look for regressions."""

from prefect import flow

from tasks import signals
from tasks.edge import flow_app


@flow(name="series", flow_run_name="watch series", timeout_seconds=9000)
def watch_series(at: str | None = None) -> dict[str, int]:
    """Score first, then look for regressions, then forecast.

    Two runs at once score and issue each forecast once. Returns how many were scored and issued,
    and how many regressions stand.

    Args:
        at: Use what was known at this ISO instant; empty: now.
    """
    with flow_app():
        return {
            "scored": signals.score(at),
            "regressions": signals.watch_regressions(at),
            "issued": signals.issue(at),
        }
