"""`POST /ai/learning/train-models`: train or retrain models, all of them when none is named."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response
from bentos.dialects import agent_zero_training, trainings
from bentos.dialects.trainings import ModelTrainingTold, TrainingWish
from bentos.http.bodies import read_body
from bentos.http.fields import Id
from bentos.http.routing import Endpoint, Tag
from bentos.http.schemas import Closed
from bentos.predict.live_versions import Serving
from runlore.kernel.errors import Refused

AT = "/ai/learning/train-models"
MOST_MODELS = 100


class TrainModels(TrainingWish):
    """models: none means all."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"models": ["duration"], "requested_by": "ops", "reason": "new hosts"}]
        }
    )

    models: Annotated[tuple[Id, ...], Field(max_length=MOST_MODELS)] = ()


class TrainModelsTold(Closed):
    """follow: where to see them all. Of the trainings some may be refused, with the message why."""

    status: Literal["accepted"]
    trainings: list[ModelTrainingTold]
    follow: str


async def start(request: Request) -> Response:
    serving: Serving = request.app.state.serving
    body = TrainModels.model_validate_json(await read_body(request) or b"{}")
    for name in body.models:
        serving.check(name)
    names = tuple(dict.fromkeys(body.models)) or serving.names
    retrainings = await trainings.wish(request, names, body)
    if all(retraining.state == "refused" for retraining in retrainings):
        raise Refused(
            "; ".join(
                f"{retraining.wanted.spec}: {retraining.reason}" for retraining in retrainings
            )
        )
    answer = TrainModelsTold(
        status="accepted",
        trainings=[trainings.training(retraining) for retraining in retrainings],
        follow=agent_zero_training.AT,
    )
    response = model_response(answer, 202)
    response.headers["Location"] = answer.follow
    return response


ENDPOINTS = (
    Endpoint(
        "POST",
        AT,
        start,
        "train",
        "Request trainings",
        {
            202: (
                "The requests are recorded; `follow` is the address of their progress",
                TrainModelsTold,
            )
        },
        (400, 404, 409, 413, 422, 503),
        TrainModels,
        tag=Tag.OPSCONDUCTOR,
    ),
)
