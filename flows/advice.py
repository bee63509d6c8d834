"""Advice, renewed each day: what came of it, and what else would help."""

from prefect import flow

from tasks import advice
from tasks.edge import flow_app


@flow(name="advise", flow_run_name="renew advice", timeout_seconds=7200)
def renew_advice(at: str | None = None) -> dict[str, int]:
    """Score past advice, withdraw what does not hold, and search all subjects that are due.

    Returns how many were scored and withdrawn, how many subjects there are, and have advice.

    Args:
        at: Use what was known at this ISO instant; empty: now.
    """
    with flow_app():
        return advice.score_advice(at) | advice.search_advice(at)
