"""Has the world moved away from what the champion was trained on?"""

from prefect import flow

from tasks import monitoring


@flow(name="monitor", flow_run_name="monitor {spec}", timeout_seconds=2 * 3600)
def monitor(spec: str, window_days: float | None = None, at: str | None = None) -> str:
    """Compare a window (default: the spec's) before an ISO instant (default: now).

    Returns the verdict: drift, no drift, or not enough data.
    """
    return monitoring.monitor(spec, window_days, at).verdict.answer
