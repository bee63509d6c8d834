"""Train several specs at once, in threads or on a Dask cluster, as the settings say."""

from prefect import flow

from flows.runner import task_runner
from runlore import settings
from runlore.usecases import specs as catalog
from tasks import training


@flow(name="train-many", timeout_seconds=12 * 3600)
def train_many(specs: list[str] | None = None) -> dict[str, str | None]:
    """Train the named specs, or all of them; returns the version that each gave.

    A spec that is refused does not keep the others from being trained; it gives null.
    """
    chosen = settings.read()
    names = specs or [spec.name for spec in catalog.every(chosen)]
    return each_on_a_worker.with_options(task_runner=task_runner(chosen))(names)


@flow(name="train-many-on-workers")
def each_on_a_worker(specs: list[str]) -> dict[str, str | None]:
    outcomes = training.train_one.map(specs).result()
    return {outcome.spec: outcome.version for outcome in outcomes}
