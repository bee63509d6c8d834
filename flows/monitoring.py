"""Check a spec for drift, performance, data quality and skew between served features and log."""

from prefect import flow

from runlore.log.reader import shared_reading
from tasks import monitoring, performance, quality, retraining
from tasks.edge import flow_app


@flow(name="monitor", flow_run_name="monitor {spec}", timeout_seconds=2 * 3600)
def monitor(spec: str, window_days: float | None = None, at: str | None = None) -> str:
    """Compare the newest executions with what the champion was trained on.

    It also compares served features with the log, deletes expired months of the ledger, and checks
    the window against the champion's data contract. Drift, or a score below its floor, requests a
    training.
    Returns the verdict: drift, no drift, not enough data, or no champion yet. If a step fails, the
    others still run and a training may still be requested; the run fails at the end.

    Args:
        spec: The name of the spec, such as failure-risk.
        window_days: The length of the window in days; empty: as the spec says.
        at: The end of the window, an ISO instant; empty: now.
    """
    with flow_app(), shared_reading():
        if not monitoring.has_champion(spec):
            monitoring.compare_features(spec, window_days)
            return "no champion yet"
        compared = monitoring.compare_features(spec, window_days, return_state=True)
        monitored = monitoring.monitor(spec, window_days, at, return_state=True)
        scored = performance.measure_performance(spec, window_days, at, return_state=True)
        checked = quality.check_quality(spec, window_days, at, return_state=True)
        drift = monitored.result() if monitored.is_completed() else None
        scores = scored.result() if scored.is_completed() else None
        retraining.ask(spec, drift, scores)
        retraining.announce()
        compared.result()
        scored.result()
        checked.result()
        return monitored.result().verdict.answer
