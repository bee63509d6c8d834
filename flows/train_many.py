"""Train several specs at once, in threads or on a Dask cluster, as the settings say."""

from typing import Any

from prefect import flow, unmapped

from flows.runner import task_runner
from runlore.kernel.errors import RunloreError
from runlore.training.actions.training import TrainOutcome
from tasks import training
from tasks.edge import flow_app


@flow(name="train-many", flow_run_name="train several specs", timeout_seconds=12 * 3600)
def train_many(
    specs: list[str] | None = None,
    accept_data: str | None = None,
    sources: list[str] | None = None,
    accept_leaks: dict[str, str] | None = None,
) -> dict[str, dict[str, Any]]:
    """Train the named specs, or all of them; returns what each came to.

    A spec that is refused does not keep the others from being trained; its version is null. One
    that fails otherwise fails the run when all have ended.

    Args:
        specs: The names of the specs; empty: all.
        accept_data: Why to train although new data breaks the data contract.
        sources: Learn from executions of these sources only; empty: as the specs say.
        accept_leaks: Inputs to learn from although they seem to give the outcome away, each with
            the reason.
    """
    with flow_app() as app:
        app.hold_embedded_server()
        names = specs or [spec.name for spec in app.specs]
        on_workers = each_on_a_worker.with_options(task_runner=task_runner(app.settings))
        return on_workers(names, accept_data, sources, accept_leaks)


@flow(name="train-many-on-workers", flow_run_name="train on workers")
def each_on_a_worker(
    specs: list[str],
    accept_data: str | None,
    sources: list[str] | None = None,
    accept_leaks: dict[str, str] | None = None,
) -> dict[str, dict[str, Any]]:
    for_all = unmapped(sources), unmapped(accept_leaks)
    trainings = training.train_one.map(specs, accept_data, *for_all)
    results = {s: t.result(raise_on_failure=False) for s, t in zip(specs, trainings, strict=True)}
    return {spec: _outcome(spec, result).as_json() for spec, result in results.items()}


def _outcome(spec: str, result: TrainOutcome | BaseException) -> TrainOutcome:
    if isinstance(result, RunloreError):
        return TrainOutcome.of_error(spec, result)
    if isinstance(result, BaseException):
        raise result
    return result
