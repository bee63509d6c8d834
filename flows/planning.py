"""Plan ahead: look at the capacity of pools."""

from prefect import flow

from tasks import planning
from tasks.edge import flow_app


@flow(name="capacity", flow_run_name="watch capacity", timeout_seconds=1800)
def watch_capacity(at: str | None = None) -> dict[str, int]:
    """Forecast demand on each pool, and keep an alert open where it will exceed capacity.

    Returns how many pools there are, and how many are or will soon be full.

    Args:
        at: Use what was known at this ISO instant; empty: now.
    """
    with flow_app():
        return planning.watch_capacity(at)
