"""Where a forecast of a piece of content stands among comparable posts."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from runlore.engagement.actions.score_reference import POLICY, ScoreReference
from runlore.engagement.rules.scores.comparable import (
    Level,
    PostValues,
    even_places,
    group_sizes,
)
from runlore.engagement.rules.scores.history import comparable_outcomes, recent_forecasts
from runlore.engagement.rules.scores.promise import Confidence, confidence_of
from runlore.kernel.instants import to_us

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ContentPlace:
    """score: 0..100, among recent forecasts. low, high: 0..100, where it will end, 80 %.

    top_fifth: the promised chance. posts: comparable ones; level: the narrowest that counts.
    """

    score: float
    low: float
    high: float
    confidence: Confidence
    top_fifth: float
    level: Level
    posts: int


def place_forecast(
    reference: ScoreReference,
    context: "pd.Series[Any]",
    at: datetime,
    forecast: float,
    bounds: tuple[float, float],
) -> ContentPlace:
    """forecast, bounds: of the engagement rate. at: whose posts are recent."""
    recent = recent_forecasts(reference.history, to_us(at), POLICY)
    asked = _like(context, forecast)
    score = 100 * even_places(recent, asked, POLICY.pooling)
    low, high = place_outcomes(reference, context, at, *bounds)
    groups = group_sizes(recent, context["persona"], context["platform"])
    return ContentPlace(
        float(score[0]),
        low,
        high,
        confidence_of(low, high),
        float(reference.promise.top_fifth(score)[0]),
        groups.level(POLICY.pooling),
        len(recent),
    )


def place_outcomes(
    reference: ScoreReference, context: "pd.Series[Any]", at: datetime, *rates: float
) -> list[float]:
    """0..100: where engagement rates stand among comparable posts around an instant."""
    posts = comparable_outcomes(reference.history, to_us(at), POLICY)
    places = even_places(posts, _like(context, *rates), POLICY.pooling)
    return [100 * float(place) for place in places]


def why_no_place(reference: ScoreReference, at: datetime) -> str:
    """Why a forecast cannot be placed; empty: it can."""
    recent = len(recent_forecasts(reference.history, to_us(at), POLICY))
    posts = min(reference.promise.posts, recent)
    if posts >= POLICY.least_tested:
        return ""
    return (
        f"{posts} posts that the champion has not learned from have a forecast and a final"
        f" engagement; {POLICY.least_tested} are needed"
    )


def _like(context: "pd.Series[Any]", *values: float) -> PostValues:
    """Values as if of posts of the same persona on the same platform."""
    n = len(values)
    return PostValues(
        np.array(values, dtype=np.float64),
        np.full(n, context["persona"], dtype=object),
        np.full(n, context["platform"], dtype=object),
    )
