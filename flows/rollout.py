"""Advance, hold, roll back or promote a challenger by the evidence."""

from prefect import flow

from tasks.edge import flow_app
from tasks.rollout import look


@flow(name="rollout", flow_run_name="rollout {spec}", timeout_seconds=1800)
def rollout(spec: str, at: str | None = None) -> str:
    """Decide on the newest rollout of a spec by what is known.

    Returns the decision, or "nothing" if no rollout is in progress. Two runs at once decide once.

    Args:
        spec: The name of the spec, such as failure-risk.
        at: Decide by what was known at this ISO instant; empty: now.
    """
    with flow_app():
        decided = look(spec, at)
        return "nothing" if decided is None else decided.state.newest.action
