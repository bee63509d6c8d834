"""`GET /ai/learning/stats`: how much was learned from, and how good what was learned is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store
from bentos.dialects import query_parameters, scores
from bentos.dialects.scores import ModelDrift, ModelMetric
from bentos.http.routing import Endpoint, Tag
from bentos.http.schemas import Closed
from bentos.http.timed_cache import TimedCache
from bentos.predict.live_versions import Serving
from runlore.advice.actions.track_record import KindRecord
from runlore.kernel import instants
from runlore.planning.actions.recommendations import GroupOutcome
from runlore.reports.actions.learned import LearnedModels, learned
from runlore.reports.actions.overview import SpecOverview, SpecWatch
from runlore.reports.queries.month_scores import MonthScore
from runlore.reports.queries.totals import LogTotals, PredictionTotals

STATS = "/ai/learning/stats"
MAX_AGE_S = 15.0


class LearningExecutions(Closed):
    """success_rate: of those that finished. users: whoever they were recorded for."""

    total: int
    finished: int
    succeeded: int
    success_rate: float | None
    users: int
    first_at: datetime | None
    last_at: datetime | None


class LearningPredictions(Closed):
    """refused: requests that could not be answered; they are on record, too."""

    total: int
    refused: int
    last_at: datetime | None


class LearningAnomalies(Closed):
    active: int
    resolved: int
    last_at: datetime | None


class LearningMetrics(Closed):
    series: int
    points: int
    last_at: datetime | None


class MonthAccuracy(Closed):
    """value: the mean of the month's windows, weighed by their outcomes; measured, no estimates."""

    metric: str
    month: datetime = Field(description="its start")
    value: float
    outcomes: int
    versions: list[str] = Field(description="that answered")


class AdviceEffect(Closed):
    """Plain counts of the runs of recommended kinds, 90 days before and after."""

    recommendations: int
    runs_before: int
    failed_before: int
    runs_after: int
    failed_after: int


class LearningAdvice(Closed):
    """Recommendations to projects. not_followed: dismissed, or not decided."""

    issued: int
    dismissed: int
    followed: AdviceEffect
    not_followed: AdviceEffect


class AdviceKind(Closed):
    """Advice to users, kinds and hosts about one change. runs_with, runs_without: since it was
    given, as advised and otherwise. held: of `judged`, those whose promised direction came true."""

    change: str = Field(description="hour, weekday, host, input, size, retry or order")
    measure: str
    given: int
    followed: int
    dismissed: int
    withdrawn: int
    runs_with: int
    failed_with: int
    runs_without: int
    failed_without: int
    judged: int
    held: int
    is_withdrawn: bool = Field(description="such advice is no longer shown")


class LearningModel(Closed):
    """accuracy: of its predictions, once what they were about was over."""

    model: str
    status: Literal["ready", "untrained"]
    version: str | None
    last_trained: datetime | None
    predictions: int
    accuracy: list[ModelMetric]
    accuracy_by_month: list[MonthAccuracy] = Field(description="of two years, the oldest first")
    drift: ModelDrift | None
    anomalies: list[str] = Field(description="types of those that are active")


class LearningStats(Closed):
    """as_of: when it was counted, which is not done for everybody who asks."""

    as_of: datetime
    executions: LearningExecutions
    predictions: LearningPredictions
    anomalies: LearningAnomalies
    system_metrics: LearningMetrics
    models: list[LearningModel]
    advice: LearningAdvice
    advice_by_kind: list[AdviceKind]


async def stats(request: Request) -> Response:
    query_parameters.filters(request, ())
    state = request.app.state
    if not hasattr(state, "learning_stats"):
        state.learning_stats = TimedCache[LearnedModels](MAX_AGE_S)
    cache: TimedCache[LearnedModels] = state.learning_stats
    serving: Serving = state.serving
    at = instants.now()
    figures = await cache.get(
        lambda: read_store(request, lambda store: learned(store, serving.names, at))
    )
    return model_response(_stats(figures))


def _stats(figures: LearnedModels) -> LearningStats:
    totals = figures.totals
    answers = {answer.spec: answer for answer in totals.answers}
    return LearningStats(
        as_of=figures.at,
        executions=_executions(totals),
        predictions=LearningPredictions(
            total=sum(answer.answered for answer in totals.answers),
            refused=sum(answer.refused for answer in totals.answers),
            last_at=max((answer.last_at for answer in totals.answers), default=None),
        ),
        anomalies=LearningAnomalies(
            active=totals.anomalies.active,
            resolved=totals.anomalies.resolved,
            last_at=totals.anomalies.last_at,
        ),
        system_metrics=LearningMetrics(
            series=totals.metrics.series,
            points=totals.metrics.points,
            last_at=totals.metrics.last_at,
        ),
        models=[
            _model(standing, watched, answers.get(standing.spec), figures.months)
            for standing, watched in figures.models
        ],
        advice=LearningAdvice(
            issued=figures.advice.issued,
            dismissed=figures.advice.dismissed,
            followed=_effect(figures.advice.followed),
            not_followed=_effect(figures.advice.others),
        ),
        advice_by_kind=[_advice_kind(one) for one in figures.advice_kinds],
    )


def _executions(totals: LogTotals) -> LearningExecutions:
    figures = totals.executions
    return LearningExecutions(
        total=figures.total,
        finished=figures.finished,
        succeeded=figures.succeeded,
        success_rate=figures.succeeded / figures.finished if figures.finished else None,
        users=figures.actors,
        first_at=figures.first_at,
        last_at=figures.last_at,
    )


def _effect(group: GroupOutcome) -> AdviceEffect:
    return AdviceEffect(**{name: getattr(group, name) for name in AdviceEffect.model_fields})


def _advice_kind(one: KindRecord) -> AdviceKind:
    return AdviceKind(
        change=one.lever,
        measure=one.measure,
        given=one.advice,
        followed=one.followed,
        dismissed=one.dismissed,
        withdrawn=one.withdrawn,
        runs_with=one.did_runs,
        failed_with=one.did_failed,
        runs_without=one.did_not_runs,
        failed_without=one.did_not_failed,
        judged=one.judged,
        held=one.held,
        is_withdrawn=one.is_withdrawn,
    )


def _model(
    standing: SpecOverview,
    watched: SpecWatch,
    answers: PredictionTotals | None,
    months: Sequence[MonthScore],
) -> LearningModel:
    champion = standing.champion
    return LearningModel(
        model=standing.spec,
        status="ready" if champion else "untrained",
        version=champion.version if champion else None,
        last_trained=standing.trained.at if standing.trained else None,
        predictions=answers.answered if answers else 0,
        accuracy=scores.metrics(watched.measured),
        accuracy_by_month=[
            MonthAccuracy(
                metric=one.score,
                month=one.month,
                value=one.value,
                outcomes=one.outcomes,
                versions=one.versions,
            )
            for one in months
            if one.spec == standing.spec
        ],
        drift=scores.drift(watched),
        anomalies=list(standing.alerts),
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        STATS,
        stats,
        "read",
        "How much was learned from, and how good the models are",
        {200: ("The figures", LearningStats)},
        (422, 503),
        tag=Tag.OPSCONDUCTOR,
    ),
)
