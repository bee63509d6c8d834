"""Train several specs at once, in threads or on a Dask cluster, as the settings say."""

from typing import Any

from prefect import flow

from flows.runner import task_runner
from runlore import settings
from runlore.usecases import specs as catalog
from tasks import training


@flow(name="train-many", timeout_seconds=12 * 3600)
def train_many(
    specs: list[str] | None = None, accept_data: str | None = None
) -> dict[str, dict[str, Any]]:
    """Train the named specs, or all of them; returns what each came to.

    A spec that is refused does not keep the others from being trained; its version is null.
    """
    chosen = settings.read()
    names = specs or [spec.name for spec in catalog.every(chosen)]
    return each_on_a_worker.with_options(task_runner=task_runner(chosen))(names, accept_data)


@flow(name="train-many-on-workers")
def each_on_a_worker(specs: list[str], accept_data: str | None) -> dict[str, dict[str, Any]]:
    outcomes = training.train_one.map(specs, accept_data).result()
    return {outcome.spec: outcome.as_json() for outcome in outcomes}
