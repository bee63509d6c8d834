"""Forecast series, score and train that, look for regressions and for limits that come near."""

from prefect import flow

from tasks import signals
from tasks.edge import flow_app


@flow(name="series", flow_run_name="watch series", timeout_seconds=9000)
def watch_series(at: str | None = None) -> dict[str, int]:
    """Renew series of executions, score, look for what is unusual, forecast, measure health.

    Series specs that are due are trained before they are forecast. Two runs at once score and
    issue each forecast once. Returns how many points changed, how many forecasts were scored and
    issued, how many regressions stand, how many series are at or near their limit, how many scopes
    have anomalies, how many specs were trained, and of how many scopes health is measured.

    Args:
        at: Use what was known at this ISO instant; empty: now.
    """
    with flow_app():
        return {
            "renewed": signals.renew_execution_series(),
            "scored": signals.score(at),
            "regressions": signals.watch_regressions(at),
            "limits": signals.watch_limits(at),
            "anomalies": signals.watch_anomalies(at),
            "trained": signals.train(at),
            "issued": signals.issue(at),
            "health": signals.measure_health(at),
        }
