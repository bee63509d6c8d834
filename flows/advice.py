"""Advice, renewed each day: what came of it, which visits are due, and what else would help."""

from prefect import flow

from tasks import advice
from tasks.edge import flow_app


@flow(name="advise", flow_run_name="renew advice", timeout_seconds=7200)
def renew_advice(at: str | None = None) -> dict[str, int]:
    """Score past advice, keep alerts of visits that are due, and search what else would help.

    Returns how many were scored and withdrawn, the scopes with a known risk and their visits, how
    many subjects there are, and have advice.

    Args:
        at: Use what was known at this ISO instant; empty: now.
    """
    with flow_app():
        scored = advice.score_advice(at) | advice.watch_maintenance(at)
        return scored | advice.search_advice(at)
