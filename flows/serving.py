"""Predict for the latest executions and record the answers on the ledger."""

from prefect import flow

from tasks import serving
from tasks.edge import flow_app


@flow(name="score", flow_run_name="score {spec}", timeout_seconds=2 * 3600)
def score(spec: str, since: str | None = None) -> int | None:
    """Predict for executions that have no prediction yet, and record the answers on the ledger.

    Returns the number of new ledger entries; None if the spec has no champion yet.

    Args:
        spec: The name of the spec, such as failure-risk.
        since: Only executions submitted since this ISO instant; empty: since one day ago.
    """
    with flow_app():
        outcome = serving.score(spec, since)
        return None if outcome is None else outcome.scored
