"""`GET /api/v1/ml-learning/score/{context_id}`: scores of content, in the words of their spec."""

from datetime import datetime
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.content_scores import SOURCE, Level, Method, score_view
from bentos.api.projects import AS_OF, TEXT
from bentos.api.store_access import model_response
from bentos.dialects.words import in_its_words
from bentos.http.routing import Endpoint, Tag, in_path
from bentos.http.schemas import Closed
from runlore.engagement.score_views import ScoreView

TierWord = Literal["excellent", "good", "average", "below_average", "poor"]
TIER_WORDS: dict[str, TierWord] = {
    "excellent": "excellent",
    "good": "good",
    "average": "average",
    "below average": "below_average",
    "poor": "poor",
}


class ScoreFactor(Closed):
    factor: str
    effect: float
    description: str


class PredictiveScore(Closed):
    """predicted_engagement_rate: percent. expected_percentile: where it will end, 80 %."""

    context_id: str
    persona_id: str
    platform: str
    scored_at: datetime
    score: float = Field(description="0 to 100: the share of comparable posts with less forecast")
    tier: TierWord
    confidence: Level
    method: Method = Field(description="rules: not calibrated; replay: scored after publication")
    top_fifth_probability: float | None
    expected_percentile: tuple[float, float] | None
    predicted_engagement_rate: float | None
    success_probability: float | None
    factors: list[ScoreFactor]
    comparable_posts: int
    message: str = Field(description="why rules of thumb were used; else empty")
    actual_engagement_rate: float | None
    actual_percentile: float | None
    follow: str | None = Field(description="the prediction on the ledger")


async def score(request: Request) -> Response:
    with in_its_words({"id": "context_id"}):
        view = await score_view(request, request.path_params["context_id"])
    return model_response(_in_words(view))


def _in_words(view: ScoreView) -> PredictiveScore:
    bounds = None if view.low is None or view.high is None else (view.low, view.high)
    return PredictiveScore(
        context_id=view.context_id,
        persona_id=view.persona,
        platform=view.platform,
        scored_at=view.at,
        score=view.score,
        tier=TIER_WORDS[view.tier],
        confidence=view.confidence,
        method=view.method,
        top_fifth_probability=view.top_fifth,
        expected_percentile=bounds,
        predicted_engagement_rate=view.forecast,
        success_probability=view.success_probability,
        factors=[
            ScoreFactor(factor=one.name, effect=one.effect, description=one.text)
            for one in view.reasons
        ],
        comparable_posts=view.comparable_posts,
        message=view.why_rules,
        actual_engagement_rate=view.engagement_rate,
        actual_percentile=view.ended_at,
        follow=None if view.prediction_id is None else f"/predictions/{view.prediction_id}",
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/v1/ml-learning/score/{context_id:path}",
        score,
        "predict",
        "Score a piece of content among comparable posts",
        {200: ("The score, on record", PredictiveScore)},
        (404, 422, 503),
        parameters=[in_path("context_id", "Of the post in its source", TEXT), SOURCE, AS_OF],
        tag=Tag.ML_LEARNING,
        name="score_content",
    ),
)
