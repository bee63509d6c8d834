"""`GET /api/v1/ml-learning/optimize/{context_id}`: what to change about a post."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.projects import TEXT
from bentos.api.store_access import model_response
from bentos.api.suggestions import SOURCE, TARGET, suggestion_request, suggestions_view
from bentos.dialects import query_parameters
from bentos.http.routing import Endpoint, Tag, in_path
from bentos.http.schemas import Closed
from runlore.engagement.suggestion_views import SuggestionEntry
from runlore.kernel import instants

PATH = "/api/v1/ml-learning/optimize/{context_id}"
Kind = Literal["timing", "hashtags", "content_length", "media", "call_to_action"]
TYPES: Mapping[str, Kind] = {
    "hour": "timing",
    "hashtag_count": "hashtags",
    "hashtag": "hashtags",
    "content_length": "content_length",
    "has_media": "media",
    "has_call_to_action": "call_to_action",
}


class OptimizationRecommendation(Closed):
    """expected_gain: points of the engagement rate; low, high: 90 %. null: a rule of thumb."""

    type: Kind
    priority: Literal["high", "medium", "low"]
    recommendation: str
    current_value: str
    recommended_value: str
    basis: Literal["data", "rule of thumb"]
    expected_gain: float | None
    low: float | None
    high: float | None
    reason: str
    suggestion_id: int | None


class ContentOptimization(Closed):
    """target_reachable: null where no target was given, or too few posts are final."""

    context_id: str
    persona_id: str
    platform: str
    current_score: float | None
    expected_engagement_rate: float | None
    target_score: float | None
    target_reachable: bool | None
    target_answer: str
    target_changes: list[str]
    recommendations: list[OptimizationRecommendation]
    overridden_rules: list[str]
    sample_size: int
    searched_at: datetime | None
    message: str = Field(description="why the data support nothing; else empty")


async def optimize(request: Request) -> Response:
    query_parameters.filters(request, ("target_score", "source"))
    wanted = suggestion_request(request, request.path_params["context_id"], instants.now())
    view = await suggestions_view(request, wanted)
    target = view.target
    return model_response(
        ContentOptimization(
            context_id=view.context_id,
            persona_id=view.persona,
            platform=view.platform,
            current_score=view.score,
            expected_engagement_rate=view.expected_rate,
            target_score=wanted.target,
            target_reachable=None if target is None else not target.answer.startswith("not"),
            target_answer=target.answer if target else "",
            target_changes=list(target.levers) if target else [],
            recommendations=[_row(one) for one in view.suggestions],
            overridden_rules=list(view.overridden),
            sample_size=view.posts,
            searched_at=view.searched_at,
            message=view.reason,
        )
    )


def _row(one: SuggestionEntry) -> OptimizationRecommendation:
    return OptimizationRecommendation(
        type=TYPES[one.lever.partition(":")[0]],
        priority=one.priority,
        recommendation=one.text,
        current_value=one.current,
        recommended_value=one.value,
        basis=one.basis,
        expected_gain=one.gain,
        low=one.low,
        high=one.high,
        reason=one.why,
        suggestion_id=one.id,
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        PATH,
        optimize,
        "read",
        "What to change about a post, and whether a score can be reached",
        {200: ("By data first, then rules of thumb", ContentOptimization)},
        (404, 422, 503),
        parameters=[in_path("context_id", "Of the post in its source", TEXT), TARGET, SOURCE],
        tag=Tag.ML_LEARNING,
    ),
)
