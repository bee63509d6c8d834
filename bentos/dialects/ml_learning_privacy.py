"""`/api/v1/ml-learning/cross-persona`: learning across personas, in the words of its spec."""

from datetime import UTC, datetime, time
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.private_aggregates import (
    NAME,
    PROBLEMS,
    QUESTION,
    PlatformTier,
    aggregate_answer,
    benchmark_answer,
    report_view,
)
from bentos.api.store_access import model_response
from bentos.http.routing import Endpoint, Tag, in_path
from bentos.http.schemas import Closed
from runlore.privacy.aggregate_views import AggregateView, show_aggregate, show_benchmark
from runlore.privacy.budget_views import PrivacyReportView

PREFIX = "/api/v1/ml-learning/cross-persona"


class EngagementStatistics(Closed):
    """null: suppressed. interval: 95 %, of the noise alone. In percent."""

    avg_engagement_rate: float | None
    interval: list[float] | None
    std_engagement_rate: float | None


class OptimalHour(Closed):
    hour: int
    share: float | None = Field(description="of the personas whose best it is; null: suppressed")


class EffectiveHashtag(Closed):
    hashtag: str
    persona_count: int = Field(description="noisy")
    engagement_lift: float = Field(description="percentage points beside their other posts")
    interval: list[float]


class CrossPersonaAggregate(Closed):
    platform: str | None
    days: int
    as_of: datetime = Field(description="what was known then")
    is_cached: bool = Field(description="told before, at no further cost")
    suppressed: bool
    persona_count: float | None = Field(description="noisy; null: suppressed")
    engagement: EngagementStatistics
    optimal_hours: list[OptimalHour]
    effective_hashtags: list[EffectiveHashtag]
    notes: list[str]


class CrossPersonaBenchmark(Closed):
    persona_id: str
    platform: str | None
    days: int
    as_of: datetime
    persona_engagement_rate: float = Field(description="percent; exact")
    posts: int
    avg_engagement_rate: float | None
    percentile: float | None
    percentile_interval: list[float] | None
    z_score: float | None
    performance_tier: PlatformTier | None
    recommendations: list[str]
    notes: list[str]


class SpecMechanism(Closed):
    tells: str
    mechanism: str
    noise_scale: float
    sensitivity: str
    share: float = Field(description="of the loss of an aggregate")


class CrossPersonaPrivacy(Closed):
    epsilon: float
    delta: float
    k_anonymity: int = Field(description="personas of a shared hashtag, at least")
    min_personas: int = Field(description="of an aggregate")
    unit: str
    accounting: Literal["zCDP; OpenDP's conversion to epsilon and delta"]
    mechanisms: list[SpecMechanism]
    epsilon_spent: float
    epsilon_remaining: float
    aggregates_remaining: int
    renewed: datetime
    assumptions: list[str]


async def aggregate(request: Request) -> Response:
    return model_response(_aggregate(show_aggregate(await aggregate_answer(request))))


async def benchmark(request: Request) -> Response:
    view = show_benchmark(await benchmark_answer(request, request.path_params["persona_id"]))
    percentile = view.percentile
    body = CrossPersonaBenchmark(
        persona_id=view.persona,
        platform=view.platform,
        days=view.days,
        as_of=view.until,
        persona_engagement_rate=view.own_rate,
        posts=view.own_posts,
        avg_engagement_rate=view.mean_rate.value if view.mean_rate else None,
        percentile=percentile.value if percentile else None,
        percentile_interval=[percentile.low, percentile.high] if percentile else None,
        z_score=view.z_score,
        performance_tier=view.tier,
        recommendations=list(view.advice),
        notes=list(view.reasons),
    )
    return model_response(body)


async def privacy_report(request: Request) -> Response:
    return model_response(_privacy(await report_view(request, "")))


def _aggregate(view: AggregateView) -> CrossPersonaAggregate:
    mean = view.mean_rate
    return CrossPersonaAggregate(
        platform=view.platform,
        days=view.days,
        as_of=view.until,
        is_cached=not view.is_new,
        suppressed=view.is_suppressed,
        persona_count=view.personas.value if view.personas else None,
        engagement=EngagementStatistics(
            avg_engagement_rate=mean.value if mean else None,
            interval=[mean.low, mean.high] if mean else None,
            std_engagement_rate=view.sd_between_personas,
        ),
        optimal_hours=[OptimalHour(hour=one.hour, share=one.share) for one in view.hours],
        effective_hashtags=[
            EffectiveHashtag(
                hashtag=one.hashtag,
                persona_count=one.personas,
                engagement_lift=one.lift.value,
                interval=[one.lift.low, one.lift.high],
            )
            for one in view.hashtags
        ],
        notes=list(view.reasons),
    )


def _privacy(view: PrivacyReportView) -> CrossPersonaPrivacy:
    return CrossPersonaPrivacy(
        epsilon=view.epsilon,
        delta=view.delta,
        k_anonymity=view.least_hashtag_personas,
        min_personas=view.least_personas,
        unit=view.unit,
        accounting="zCDP; OpenDP's conversion to epsilon and delta",
        mechanisms=[
            SpecMechanism(
                tells=one.tells,
                mechanism=one.noise,
                noise_scale=one.scale,
                sensitivity=one.sensitivity,
                share=one.share,
            )
            for one in view.mechanisms
        ],
        epsilon_spent=view.epsilon_spent,
        epsilon_remaining=view.epsilon_left,
        aggregates_remaining=view.aggregates_left,
        renewed=datetime.combine(view.renewed, time(), UTC),
        assumptions=list(view.assumptions),
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        f"{PREFIX}/aggregate",
        aggregate,
        "read",
        "Tell what holds across personas",
        {200: ("Noisy figures; 409: the month's budget is spent", CrossPersonaAggregate)},
        PROBLEMS,
        parameters=QUESTION,
        tag=Tag.ML_LEARNING,
    ),
    Endpoint(
        "GET",
        f"{PREFIX}/benchmark/{{persona_id}}",
        benchmark,
        "read",
        "Say where a persona stands",
        {200: ("Beside noisy figures of all", CrossPersonaBenchmark)},
        PROBLEMS,
        parameters=[in_path("persona_id", "Whose posts", NAME), *QUESTION],
        tag=Tag.ML_LEARNING,
    ),
    Endpoint(
        "GET",
        f"{PREFIX}/privacy-report",
        privacy_report,
        "read",
        "Say what is promised, spent and left",
        {200: ("Budget, mechanisms and assumptions", CrossPersonaPrivacy)},
        (422, 503),
        tag=Tag.ML_LEARNING,
    ),
)
