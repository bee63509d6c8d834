"""`/api/v3/model-training`: request a training and follow its progress."""

from pydantic import ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store
from bentos.dialects import query_parameters, trainings
from bentos.dialects.trainings import ModelTrainingTold, TrainingWish
from bentos.http.bodies import read_body
from bentos.http.fields import Id
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from bentos.predict.live_versions import Serving
from runlore.kernel.errors import Refused
from runlore.retraining.actions import requests
from runlore.retraining.queries import Retraining
from runlore.store.engine import Store

AT = "/api/v3/model-training"
USUAL, MOST = 50, 1000


class ModelTraining(TrainingWish):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"model": "failure-risk", "requested_by": "ann", "reason": "a new kind of work"}
            ]
        }
    )

    model: Id


class ModelTrainingAccepted(ModelTrainingTold):
    """follow: the address of the training's progress."""

    follow: str


class ModelTrainings(Closed):
    """The newest first."""

    trainings: list[ModelTrainingTold]


async def every(request: Request) -> Response:
    serving: Serving = request.app.state.serving
    query = query_parameters.filters(request, {"model", "training_id", "limit"})
    names = query_parameters.models(serving, query)
    limit = query_parameters.count("limit", query.get("limit", str(USUAL)), MOST)
    number = query.get("training_id")
    if number is not None:
        training_id = query_parameters.count("training_id", number, query_parameters.LARGEST_ID)
        one = await read_store(request, lambda store: requests.show(store, training_id))
        return model_response(ModelTrainings(trainings=[trainings.training(one)]))
    spec = names[0] if "model" in query else None

    def work(store: Store) -> list[Retraining]:
        return requests.history(store, spec, limit)

    retrainings = await read_store(request, work)
    return model_response(
        ModelTrainings(trainings=[trainings.training(retraining) for retraining in retrainings])
    )


async def start(request: Request) -> Response:
    serving: Serving = request.app.state.serving
    body = ModelTraining.model_validate_json(await read_body(request))
    serving.check(body.model)
    [retraining] = await trainings.wish(request, [body.model], body)
    if retraining.state == "refused":
        raise Refused(f"{retraining.wanted.spec}: {retraining.reason}")
    follow = f"{AT}?training_id={retraining.id}"
    known = trainings.training(retraining).model_dump()
    response = model_response(ModelTrainingAccepted(**known, follow=follow), 202)
    response.headers["Location"] = follow
    return response


NUMBER = {"type": "integer", "minimum": 1}
ENDPOINTS = (
    Endpoint(
        "GET",
        AT,
        every,
        "read",
        "List the trainings that people or monitoring requested, with their progress",
        {200: ("The newest first", ModelTrainings)},
        (404, 422, 503),
        parameters=[
            in_query("model", "Of this model only", {"type": "string"}),
            in_query("training_id", "This one only", NUMBER),
            in_query("limit", "How many at most", {**NUMBER, "maximum": MOST, "default": USUAL}),
        ],
        tag=Tag.AGENT_ZERO,
    ),
    Endpoint(
        "POST",
        AT,
        start,
        "train",
        "Request a training",
        {
            202: (
                "The request is recorded; `follow` is the address of its progress",
                ModelTrainingAccepted,
            )
        },
        (400, 404, 409, 413, 422, 503),
        ModelTraining,
        tag=Tag.AGENT_ZERO,
    ),
)
