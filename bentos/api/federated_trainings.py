"""Request a federated training over HTTP, and see what came of it."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store, write_store
from bentos.http.bodies import read_body
from bentos.http.identity import actor_of
from bentos.http.parameters import number_of, read_as_of
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from runlore.engagement import federated_views
from runlore.engagement.actions import federated
from runlore.engagement.federated_views import FederatedTrainingView
from runlore.kernel import instants
from runlore.privacy.rules.federated.policy import FederatedPolicy
from runlore.store.engine import Store

BY_HTTP = "http"


class FederatedTrainingRequest(Closed):
    """All have a usual value: `{}` is a request."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"rounds": 3, "epsilon": 0.5}]})

    rounds: Annotated[int, Field(ge=1, le=20)] = 3
    epsilon: Annotated[
        float, Field(gt=0, le=10, description="of the whole training, for each persona")
    ] = 0.5
    delta: Annotated[float, Field(gt=0, le=1e-3)] = 1e-5
    family: Annotated[
        Literal["linear", "logistic"],
        Field(description="linear: the engagement rate; logistic: whether it is a success"),
    ] = "linear"
    averaging: Annotated[
        Literal["mean", "trimmed_mean"],
        Field(description="trimmed_mean resists hostile updates, and is less exact"),
    ] = "mean"


class FederatedReleaseBody(Closed):
    part: Literal["opening", "mean", "round", "closing"]
    released_at: datetime
    rho: float = Field(description="its share of the zCDP budget")


class FederatedTrainingBody(Closed):
    """All figures about personas have noise."""

    id: int
    spec: str
    status: Literal["requested", "running", "done", "refused", "failed"]
    reason: str
    requested_by: str
    requested_at: datetime
    state_at: datetime
    as_of: datetime = Field(description="posts as known then")
    epsilon: float
    delta: float
    rounds: int
    family: Literal["linear", "logistic"]
    averaging: Literal["mean", "trimmed_mean"]
    releases: list[FederatedReleaseBody]
    personas: float | None = Field(description="about how many take part")
    refused: float | None = Field(description="about how many sent what was refused")
    scores: dict[str, float] | None = Field(
        description="gains on later posts, and their least values at 95 %"
    )
    version: str | None = Field(description="in the registry")


class FederatedTrainingPage(Closed):
    trainings: list[FederatedTrainingBody] = Field(description="the newest first, 200 at most")


async def start(request: Request) -> Response:
    body = FederatedTrainingRequest.model_validate_json(await read_body(request))
    policy = FederatedPolicy(**body.model_dump())
    actor = actor_of(request, BY_HTTP)
    at = instants.now()

    def work(store: Store) -> FederatedTrainingView:
        training = federated.request_training(store, policy, actor, at, at)
        return federated_views.show_training(store, training.id)

    return model_response(_body(await write_store(request, work)), 202)


async def show(request: Request) -> Response:
    training = number_of(request.path_params["id"], "a federated training")
    view = await read_store(request, lambda store: federated_views.show_training(store, training))
    return model_response(_body(view))


async def listing(request: Request) -> Response:
    at = read_as_of(request)
    views = await read_store(request, lambda store: federated_views.list_trainings(store, at))
    return model_response(FederatedTrainingPage(trainings=[_body(view) for view in views]))


def _body(view: FederatedTrainingView) -> FederatedTrainingBody:
    return FederatedTrainingBody.model_validate(asdict(view))


ENDPOINTS = (
    Endpoint(
        "POST",
        "/privacy/federated-trainings",
        start,
        "train",
        "Request a training across personas, with noise that hides each of them",
        {202: ("A worker carries it out; nothing is charged before", FederatedTrainingBody)},
        (400, 413, 422, 503),
        FederatedTrainingRequest,
        tag=Tag.PRIVACY,
        name="start_federated_training",
    ),
    Endpoint(
        "GET",
        "/privacy/federated-trainings",
        listing,
        "read",
        "List the federated trainings",
        {200: ("The newest first", FederatedTrainingPage)},
        (422, 503),
        parameters=[in_query("as_of", "Those requested until then", {"type": "string"})],
        tag=Tag.PRIVACY,
        name="read_federated_trainings",
    ),
    Endpoint(
        "GET",
        "/privacy/federated-trainings/{id}",
        show,
        "read",
        "Say how a federated training stands, and what it released",
        {200: ("As it stands now", FederatedTrainingBody)},
        (404, 422, 503),
        parameters=[in_path("id", "The number of the training", {"type": "integer"})],
        tag=Tag.PRIVACY,
        name="read_federated_training",
    ),
)
