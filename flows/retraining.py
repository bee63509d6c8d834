"""Request the trainings that are due, and announce those that wait."""

from prefect import flow

from tasks.edge import flow_app
from tasks.retraining import announce, look


@flow(name="retraining", flow_run_name="request retraining {spec}", timeout_seconds=1800)
def retraining(spec: str) -> int:
    """Request a training if a spec's schedule or new outcomes make one due; announce all requests.

    Requests from HTTP or a terminal, and those whose event was lost, are announced as well.
    Returns how many were announced.

    Args:
        spec: The name of the spec, such as failure-risk.
    """
    with flow_app():
        look(spec)
        return announce()
