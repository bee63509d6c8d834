"""Learn across personas with noise: rounds of local updates, each released once."""

from typing import Any

from prefect import flow
from prefect.states import Completed, Failed

from runlore.engagement.actions.federated_publishing import FederatedOutcome
from runlore.kernel.errors import RunloreError, Unavailable
from runlore.privacy.rules.federated.training import batches_of
from tasks import federated
from tasks.edge import flow_app

NOTHING = "nothing to do: no federated training waits"


@flow(name="federate", flow_run_name="federated training", timeout_seconds=4 * 3600)
def federate(training: int | None = None) -> Any:  # noqa: ANN401  (a state stands for a refusal)
    """Carry out a federated training; one that was cut off goes on, and pays nothing again.

    Fails with the reasons when the budget, the number of personas or the gates refuse it.

    Args:
        training: The number of the training; empty: the oldest that has not ended.
    """
    with flow_app():
        number = federated.choose(training)
        if number is None:
            return Completed(message=NOTHING)
        try:
            outcome = _train(number)
        except Unavailable:
            raise  # a later run goes on
        except RunloreError as error:
            federated.end(number, error)
            return Failed(message=str(error))
        if outcome.passed:
            return outcome.as_json()
        return Failed(message="; ".join(outcome.reasons), data=outcome.as_json())


def _train(training: int) -> FederatedOutcome:
    opened = federated.open_training(training)
    while (number := opened.next_round) is not None:
        opened = federated.without_leavers(opened, number)
        updates = [
            federated.update(opened, number, first, after)
            for first, after in batches_of(opened.personas)
        ]
        opened = federated.finish_round(opened, number, updates)
    opened = federated.without_leavers(opened, len(opened.models))
    each = [federated.persona_gains(opened, *places) for places in batches_of(opened.personas)]
    return federated.conclude(training, federated.close(opened, each))
