"""Carry out a requested training: contract, training, comparison with the champion.

An automation starts it for every event `runlore.retraining.wanted` (deployments/prefect.yaml).
"""

from typing import Any

from prefect import flow
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows.training import train
from tasks import retraining
from tasks.edge import flow_app

NOTHING = "nothing to do: it has begun, has ended, or another one of its spec runs"


def run_name() -> str:
    """What a run is called: by its request, where it has one."""
    request = flow_run.parameters.get("request")
    return "retrain: oldest request" if request is None else f"retrain: request {request}"


@flow(name="retrain", flow_run_name=run_name, timeout_seconds=5 * 3600)
def retrain(request: int | None = None) -> Any:  # noqa: ANN401  (a state stands for a refusal)
    """Carry out a training request; `runlore retrain list` shows them.

    A request trains once, however often this runs. Fails with the reasons when the data, the gates
    or the comparison with the champion refuse it; the champion keeps serving.

    Args:
        request: The number of the request; empty: the oldest that waits.
    """
    with flow_app():
        begun = retraining.begin(request)
        if begun is None:
            return Completed(message=NOTHING)
        state: Any = train(begun.spec, begun.accept_data, begun.until_seq, return_state=True)
        outcome = state.result(raise_on_failure=False)
        ending = retraining.end(begun, outcome)
        if ending.state == "done":
            return outcome
        return Failed(message=f"{ending.state}: {ending.reason}")
