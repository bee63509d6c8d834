"""Train a spec; register the best candidate if it passes its gates, refuse it otherwise."""

from typing import Any

from prefect import flow
from prefect.states import Failed

from runlore.log.reader import shared_reading
from runlore.quality.actions.contract import refuse_bad
from runlore.training.rules.fitting import in_order
from runlore.training.rules.split import divide
from tasks import training
from tasks.edge import flow_app


@flow(name="train", flow_run_name="train {spec}", timeout_seconds=4 * 3600)
def train(
    spec: str,
    accept_data: str | None = None,
    until_seq: int | None = None,
    sources: list[str] | None = None,
    accept_leaks: dict[str, str] | None = None,
) -> Any:  # noqa: ANN401  (a state stands for a refusal)
    """Train all candidates of a spec, and register the best one if it passes its gates.

    Fails with the reasons if data since the champion's training breaks the data contract, and with
    the numbers if the best candidate does not pass its gates or does not beat the champion.

    Args:
        spec: The name of the spec, such as failure-risk.
        accept_data: Why to train although new data breaks the data contract.
        until_seq: Train on the log as it was until the fact of this number; empty: all of it.
        sources: Learn from executions of these sources only; empty: as the spec says.
        accept_leaks: Inputs to learn from although they seem to give the outcome away, each with
            the reason. It holds for later trainings, too.
    """
    with flow_app():
        with shared_reading():
            checked = training.check_data(spec, accept_data, sources)
            refuse_bad(checked)
            if accept_leaks:
                training.accept_leaks(spec, accept_leaks)
            extract = training.extract(spec, until_seq, checked, sources)
        division = divide(extract.spec, extract.data)
        done: dict[Any, Any] = {}
        for kind in in_order(extract.spec):
            done[kind] = training.fit_candidate(extract, division, kind, dict(done))
        trained = training.finish(extract, division, done)
        outcome = training.record(extract, trained, checked)
        if outcome.passed:
            return outcome.as_json()
        return Failed(message=outcome.refusal, data=outcome.as_json())
