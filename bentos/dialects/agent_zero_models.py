"""`/api/v3/model-status` and `/api/v3/model-performance`: what serves, and how good it is."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store
from bentos.dialects import query_parameters, scores
from bentos.dialects.scores import ModelDrift, ModelMetric, ModelWindow
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from bentos.predict.live_versions import Live, Serving
from runlore.kernel.instants import from_us
from runlore.reports.actions import overview
from runlore.reports.actions.overview import SpecOverview, SpecWatch

STATUS, PERFORMANCE = "/api/v3/model-status", "/api/v3/model-performance"
PERCENT = 100.0


class ModelData(Closed):
    """What the version that answers learned from, and what it scored on later work."""

    algorithm: str
    rows: int
    data_from: datetime
    data_until: datetime
    metrics: dict[str, float]


class ModelChallenger(Closed):
    """shadow: it repeats all answers of the serving version, for nobody but the record."""

    version: str
    traffic_percentage: float
    shadow: bool


class ModelStatusTold(Closed):
    """loading: a version serves by the record, and this process is about to answer with it."""

    model: str
    status: Literal["serving", "loading", "untrained"]
    predicts: str | None = Field(description="the unit of its answers")
    version: str | None
    serving_since: datetime | None
    changed_by: str | None
    change_reason: str | None
    last_trained: datetime | None = Field(description="when a version last passed its gates")
    training_data: ModelData | None
    challenger: ModelChallenger | None
    open_alerts: list[str]


class ModelStatuses(Closed):
    models: list[ModelStatusTold]


class ModelPerformanceTold(Closed):
    """metrics: of the newest window with enough known outcomes; estimates before there is one."""

    model: str
    version: str | None
    measured_at: datetime | None
    metrics: list[ModelMetric]
    drift: ModelDrift | None
    windows: list[ModelWindow]


class ModelPerformances(Closed):
    models: list[ModelPerformanceTold]


async def status(request: Request) -> Response:
    serving: Serving = request.app.state.serving
    names = query_parameters.models(serving, query_parameters.filters(request, {"model"}))
    rows = await read_store(request, lambda store: overview.standing(store, names))
    models = [_status(row, serving.live.get(row.spec)) for row in rows]
    return model_response(ModelStatuses(models=models))


async def performance(request: Request) -> Response:
    serving: Serving = request.app.state.serving
    names = query_parameters.models(serving, query_parameters.filters(request, {"model"}))
    rows = await read_store(
        request, lambda store: [overview.watched(store, name) for name in names]
    )
    return model_response(ModelPerformances(models=[_performance(row) for row in rows]))


def _status(row: SpecOverview, live: Live | None) -> ModelStatusTold:
    champion, challenger = row.champion, row.challenger
    version = live.bundle.version if live else champion.version if champion else None
    is_current = champion is not None and champion.version == version
    change = champion if is_current else None
    return ModelStatusTold(
        model=row.spec,
        status="serving" if live else "loading" if champion else "untrained",
        predicts=live.unit if live else None,
        version=version,
        serving_since=change.at if change else None,
        changed_by=change.actor if change else None,
        change_reason=change.reason if change else None,
        last_trained=row.trained.at if row.trained else None,
        training_data=_data(live.bundle.description) if live else None,
        challenger=challenger
        and ModelChallenger(
            version=str(challenger.version),
            traffic_percentage=row.arms.share * PERCENT,
            shadow=row.arms.shadow,
        ),
        open_alerts=list(row.alerts),
    )


def _data(description: Any) -> ModelData | None:  # noqa: ANN401  (JSON)
    """None of a version that was not trained here."""
    training = description.get("training")
    if training is None:
        return None
    measured = description["test_scores"][description["candidate"]]
    return ModelData(
        algorithm=description["candidate"],
        rows=training["rows"],
        data_from=from_us(training["first_us"]),
        data_until=from_us(training["last_us"]),
        metrics={name: value for name, value in measured.items() if value is not None},
    )


def _performance(row: SpecWatch) -> ModelPerformanceTold:
    newest = row.scores[0] if row.scores else None
    return ModelPerformanceTold(
        model=row.spec,
        version=newest.version if newest else None,
        measured_at=newest.at if newest else None,
        metrics=scores.metrics(row.measured),
        drift=scores.drift(row),
        windows=scores.windows(row),
    )


MODEL = in_query("model", "This model only", {"type": "string"})
BAD = (404, 422, 503)
ENDPOINTS = (
    Endpoint(
        "GET",
        STATUS,
        status,
        "read",
        "What serves, what it learned from, and what challenges it",
        {200: ("The models", ModelStatuses)},
        BAD,
        parameters=[MODEL],
        tag=Tag.AGENT_ZERO,
    ),
    Endpoint(
        "GET",
        PERFORMANCE,
        performance,
        "read",
        "How good answers were, and whether what comes in has drifted",
        {200: ("The models", ModelPerformances)},
        BAD,
        parameters=[MODEL],
        tag=Tag.AGENT_ZERO,
    ),
)
