"""Is a training due, and does everybody know of those that wait?"""

from prefect import flow

from tasks.edge import flow_app
from tasks.retraining import announce, look


@flow(name="retraining", flow_run_name="retraining {spec}", timeout_seconds=1800)
def retraining(spec: str) -> int:
    """Ask for what a spec's schedule or new outcomes make due; announce all requests that wait.

    Also announces again what was asked for over HTTP or at a terminal, or whose event was lost.
    Returns how many were announced.
    """
    with flow_app():
        look(spec)
        return announce()
