"""A federated training as tasks: open, update by batches of personas, release, judge."""

from collections.abc import Sequence
from typing import Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from runlore.engagement.actions import federated, federated_publishing
from runlore.engagement.actions.federated import OpenedTraining
from runlore.engagement.actions.federated_publishing import FederatedOutcome
from runlore.engagement.queries.federated import FederatedState
from runlore.engagement.rules.federated.model import FederatedModel
from runlore.kernel.errors import Refused
from runlore.kernel.instants import now
from runlore.privacy.rules.federated.clipping import ClippedUpdates
from runlore.privacy.rules.federated.local_updates import Values
from runlore.privacy.rules.federated.training import update_batch
from runlore.privacy.rules.policy import PrivacyPolicy
from runlore.settings import Settings
from tasks import artifacts
from tasks.edge import task_app
from tasks.retry import RETRIES

# What is passed on is not yet noisy: it stays in this process, and is never written.
IN_MEMORY: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False}


@task(**RETRIES, **IN_MEMORY, task_run_name="choose a training", timeout_seconds=600)
def choose(training: int | None) -> int | None:
    """The one that is named, or the oldest that has not ended; None: nothing waits."""
    with task_app() as app:
        return federated.unfinished(app.store, training)


@task(**RETRIES, **IN_MEMORY, task_run_name="charge and open", timeout_seconds=3600)
def open_training(training: int) -> OpenedTraining:
    with task_app() as app:
        opened = federated.open_training(app.store, training, budget_of(app.settings), now())
    get_run_logger().info(
        "about %.0f personas; %d rounds are released", opened.counts.personas, len(opened.models)
    )
    return opened


@task(**RETRIES, **IN_MEMORY, task_run_name="leave out who left", timeout_seconds=600)
def without_leavers(opened: OpenedTraining, number: int) -> OpenedTraining:
    with task_app() as app:
        return federated.without_leavers(app.store, opened, number)


@task(**IN_MEMORY, task_run_name="round {number}: personas from {first}", timeout_seconds=1800)
def update(opened: OpenedTraining, number: int, first: int, after: int) -> ClippedUpdates:
    rows = opened.rows.teaching.batch(first, after)
    return update_batch(rows, opened.model, number, opened.policy)


@task(**RETRIES, **IN_MEMORY, task_run_name="release round {number}", timeout_seconds=600)
def finish_round(
    opened: OpenedTraining, number: int, batches: Sequence[ClippedUpdates]
) -> OpenedTraining:
    with task_app() as app:
        return federated.finish_round(app.store, opened, batches, now())


@task(**IN_MEMORY, task_run_name="gains: personas from {first}", timeout_seconds=1800)
def persona_gains(opened: OpenedTraining, first: int, after: int) -> Values:
    return federated.persona_gains(opened, first, after)


@task(**RETRIES, **IN_MEMORY, task_run_name="release gains", timeout_seconds=600)
def close(opened: OpenedTraining, each: Sequence[Values]) -> FederatedModel:
    with task_app() as app:
        return federated.close(app.store, opened, each, now())


@task(**RETRIES, **IN_MEMORY, task_run_name="judge and register", timeout_seconds=1800)
def conclude(training: int, model: FederatedModel) -> FederatedOutcome:
    with task_app() as app:
        outcome = federated_publishing.conclude_training(
            app.store, app.registry, training, model, now()
        )
    artifacts.write_page(
        f"federated-{training}",
        f"Federated training {training}",
        federated_publishing.conclude(outcome),
        [artifacts.bullets(outcome.reasons)],
    )
    return outcome


@task(**RETRIES, **IN_MEMORY, task_run_name="end", timeout_seconds=600)
def end(training: int, error: Exception) -> None:
    """Write down that it was refused, or failed and may not go on."""
    with task_app() as app:
        state: FederatedState = "refused" if isinstance(error, Refused) else "failed"
        federated.end_training(app.store, training, state, str(error), now())


def budget_of(settings: Settings) -> PrivacyPolicy:
    """What a persona may lose in a month."""
    return PrivacyPolicy(
        settings.privacy_epsilon, settings.privacy_delta, settings.privacy_aggregates
    )
