"""Training requests over HTTP and their progress, in the terms that the products share.

This process records a request; a Prefect worker carries it out.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from starlette.requests import Request

from bentos.api.store_access import write_store
from bentos.dialects import query_parameters
from bentos.http.fields import InputName, Name
from bentos.http.identity import actor_of
from bentos.http.schemas import Closed
from runlore.app import open_app
from runlore.kernel import instants
from runlore.kernel.errors import Refused
from runlore.retraining.actions import requests
from runlore.retraining.actions.requests import RetrainingCause
from runlore.retraining.queries import Retraining, State
from runlore.store.engine import Store
from runlore.training.actions import leak_check

Progress = Literal["queued", "running", "completed", "refused", "failed"]
PROGRESS: dict[State, Progress] = {
    "wanted": "queued",
    "announced": "queued",
    "started": "running",
    "done": "completed",
    "refused": "refused",
    "failed": "failed",
}
SOME_REASON = "asked for over HTTP"
NO_REGISTRY = (
    "a packaged version knows no registry and trains nothing; ask the service of `runlore serve`"
)


class ModelTrainingStep(Closed):
    at: datetime
    status: Progress
    message: str


class ModelTrainingTold(Closed):
    """message: what was said last of it. new_outcomes: known since the model learned last."""

    training_id: int
    model: str
    status: Progress
    trigger: str
    requested_by: str
    reason: str
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    message: str
    new_outcomes: int
    history: list[ModelTrainingStep] = Field(description="oldest first")


AcceptedLeaks = Annotated[
    dict[InputName, Annotated[Name, Field(min_length=1, max_length=500)]],
    Field(
        max_length=100,
        description="inputs to learn from although they seem to give the outcome away, each with"
        " the reason; this holds for later trainings, too",
    ),
]


class TrainingWish(Closed):
    """What requests of both products have in common."""

    requested_by: query_parameters.Person = "api"
    reason: Annotated[Name, Field(max_length=500)] = ""
    accept_leaks: AcceptedLeaks = Field(default_factory=dict)


async def wish(request: Request, models: Sequence[str], body: TrainingWish) -> list[Retraining]:
    """Request a training of each model; returns the current one where a training is in progress.

    With a key, its owner is recorded as the requester, whatever the body says. Raises Refused in a
    Bento, which has no registry.
    """
    at = instants.now()

    def work(store: Store) -> list[Retraining]:
        with open_app(store=store, delivers=False) as app:
            try:
                versions = app.registry
            except ModuleNotFoundError as error:
                raise Refused(NO_REGISTRY) from error
            specs = [app.spec(name) for name in models]
            actor = actor_of(request, body.requested_by)
            for spec in specs:
                leak_check.accept(store, spec, body.accept_leaks, actor, at)
            wish = RetrainingCause("person", actor, body.reason or SOME_REASON)
            return [requests.request(store, versions, s, wish, at).retraining for s in specs]

    return await write_store(request, work)


def training(retraining: Retraining) -> ModelTrainingTold:
    order = retraining.wanted
    steps = [
        ModelTrainingStep(at=step.at, status=PROGRESS[step.state], message=step.reason)
        for step in retraining.steps
    ]
    began = [step.at for step in steps if step.status == "running"]
    is_over = PROGRESS[retraining.state] in ("completed", "refused", "failed")
    return ModelTrainingTold(
        training_id=retraining.id,
        model=order.spec,
        status=PROGRESS[retraining.state],
        trigger=order.trigger,
        requested_by=order.actor,
        reason=order.reason,
        requested_at=order.at,
        started_at=began[0] if began else None,
        finished_at=steps[-1].at if is_over else None,
        message=retraining.reason,
        new_outcomes=order.new_labels,
        history=steps,
    )
