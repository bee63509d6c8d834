"""Has the world moved away from the training, and is what was served what the log says?"""

from prefect import flow

from tasks import alerts, monitoring


@flow(name="monitor", flow_run_name="monitor {spec}", timeout_seconds=2 * 3600)
def monitor(spec: str, window_days: float | None = None, at: str | None = None) -> str:
    """Compare a window (default: the spec's) before an ISO instant (default: now).

    Also compares the features that were served with those that the log gives, and drops what is
    too old from the ledger. Returns the verdict: drift, no drift, or not enough data.
    """
    try:
        monitoring.compare_features(spec, window_days)
        return monitoring.monitor(spec, window_days, at).verdict.answer
    finally:
        alerts.deliver()
