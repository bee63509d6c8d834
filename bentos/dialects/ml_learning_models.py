"""`/api/v1/ml-learning/models`: train models of engagement, and see what matters to them."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.content_importance import FORMAT, chart_response, importance_of, is_chart
from bentos.api.store_access import model_response
from bentos.dialects import agent_zero_training, trainings
from bentos.dialects.trainings import ModelTrainingTold, TrainingWish
from bentos.dialects.words import in_its_words
from bentos.http.bodies import read_body
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from bentos.predict.live_versions import Serving
from runlore.app import open_app
from runlore.engagement.actions.models import check_threshold
from runlore.engagement.importance_views import ImportanceView
from runlore.kernel.errors import BadInput, NotFound, Refused

PREFIX = "/api/v1/ml-learning/models"
ModelType = Literal["engagement", "success_classifier"]
MODELS: dict[ModelType, str] = {
    "engagement": "engagement",
    "success_classifier": "engagement-success",
}
TYPES: dict[str, ModelType] = {name: name for name in MODELS}


class TrainEngagement(TrainingWish):
    """The last 90 days, and 50 posts with a final count at least."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"requested_by": "ann", "reason": "a new platform"}]}
    )


class TrainSuccessClassifier(TrainingWish):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"success_threshold": 5.0, "requested_by": "ann"}]}
    )

    success_threshold: Annotated[float, Field(gt=0, lt=100)] | None = Field(
        default=None, description="percent; of the setting RUNLORE_ENGAGEMENT_SUCCESS_PERCENT"
    )


class ContentTraining(ModelTrainingTold):
    """follow: the address of the training's progress."""

    follow: str


class RankedFeature(Closed):
    """feature: by its name among the 18 where it is one of them. interval: 95 %."""

    rank: int
    feature: str
    source: str = Field(description="the column that the model reads")
    importance: float
    interval: tuple[float, float]


class FeatureImportances(Closed):
    """chart: the address of the picture."""

    model_type: ModelType
    version: str | None
    algorithm: str
    score: str
    held_out_samples: int
    features: list[RankedFeature]
    chart: str


async def train_engagement(request: Request) -> Response:
    body = TrainEngagement.model_validate_json(await read_body(request) or b"{}")
    return await _started(request, MODELS["engagement"], body)


async def train_success(request: Request) -> Response:
    body = TrainSuccessClassifier.model_validate_json(await read_body(request) or b"{}")
    if body.success_threshold is not None:
        serving: Serving = request.app.state.serving
        with (
            open_app(store=serving.store, delivers=False) as app,
            in_its_words({"threshold": "success_threshold"}),
        ):
            check_threshold(app.settings.engagement_success_percent, body.success_threshold)
    return await _started(request, MODELS["success_classifier"], body)


async def _started(request: Request, name: str, body: TrainingWish) -> Response:
    serving: Serving = request.app.state.serving
    if name not in serving.names:
        raise NotFound(f"{name} is not on: add it to RUNLORE_SPECS, for all processes")
    [retraining] = await trainings.wish(request, [name], body)
    if retraining.state == "refused":
        raise Refused(f"{name}: {retraining.reason}")
    follow = f"{agent_zero_training.AT}?training_id={retraining.id}"
    known = trainings.training(retraining).model_dump()
    response = model_response(ContentTraining(**known, follow=follow), 202)
    response.headers["Location"] = follow
    return response


async def importance(request: Request) -> Response:
    asked = request.query_params.get("model_type", "engagement")
    if asked not in TYPES:
        raise BadInput(f"model_type: {asked[:40]!r} is none of {', '.join(TYPES)}", "model_type")
    model_type = TYPES[asked]
    wants_chart = is_chart(request)
    view = importance_of(request, MODELS[model_type])
    return chart_response(view) if wants_chart else model_response(_in_words(view, model_type))


def _in_words(view: ImportanceView, model_type: ModelType) -> FeatureImportances:
    return FeatureImportances(
        model_type=model_type,
        version=view.version,
        algorithm=view.candidate,
        score=view.score,
        held_out_samples=view.posts,
        features=[
            RankedFeature(
                rank=one.rank,
                feature=one.context_feature or one.feature,
                source=one.feature,
                importance=one.importance,
                interval=(one.low, one.high),
            )
            for one in view.features
        ],
        chart=f"{PREFIX}/feature-importance?model_type={model_type}&format=svg",
    )


STARTED = {202: ("The request is recorded; `follow` is its progress", ContentTraining)}
BAD = (400, 404, 409, 413, 422, 503)
TYPE = in_query("model_type", "Which model", {"type": "string", "enum": list(MODELS)})
ENDPOINTS = (
    Endpoint(
        "POST",
        f"{PREFIX}/train-engagement",
        train_engagement,
        "train",
        "Request a training of the model of engagement",
        STARTED,
        BAD,
        TrainEngagement,
        tag=Tag.ML_LEARNING,
    ),
    Endpoint(
        "POST",
        f"{PREFIX}/train-success-classifier",
        train_success,
        "train",
        "Request a training of the model of success",
        STARTED,
        BAD,
        TrainSuccessClassifier,
        tag=Tag.ML_LEARNING,
    ),
    Endpoint(
        "GET",
        f"{PREFIX}/feature-importance",
        importance,
        "read",
        "Show which features matter to a model of engagement",
        {200: ("The most important first", FeatureImportances)},
        (404, 409, 422, 503),
        parameters=[TYPE, FORMAT],
        tag=Tag.ML_LEARNING,
        name="show_feature_importance",
    ),
)
