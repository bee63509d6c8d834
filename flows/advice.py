"""Advice, renewed each day: what came of it, which visits are due, and what else would help.

Before it the attempts of agents at their tasks become executions, from which it learns, too.
"""

from prefect import flow

from tasks import advice, agents
from tasks.edge import flow_app


@flow(name="advise", flow_run_name="renew advice", timeout_seconds=7200)
def renew_advice(at: str | None = None) -> dict[str, int]:
    """Score past advice, keep alerts of visits that are due, and search what else would help.

    Returns how many attempts of agents were new, how many pieces of advice were scored and
    withdrawn, the scopes with a known risk and their visits, how many subjects there are, and have
    advice.

    Args:
        at: Use what was known at this ISO instant; empty: now.
    """
    with flow_app():
        recorded = {"attempts": agents.record_attempts()}
        scored = recorded | advice.score_advice(at) | advice.watch_maintenance(at)
        return scored | advice.search_advice(at)
