"""Where a forecast of a piece of content stands among comparable posts."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True, eq=False)
class ForecastScale:
    """Content scores of one post, by its forecast: `recent` ones of comparable posts."""

    recent: PostValues
    context: "pd.Series[Any]"

    def score(self, rate: float) -> float:
        return 100 * float(self._places(np.array([rate]))[0])

    def rate_of(self, score: float) -> float:
        """The lowest forecast of a recent post that has this score; the highest where none has."""
        rates = np.unique(self.recent.values)
        at = int(np.searchsorted(100 * self._places(rates), score - 1e-9))
        return float(rates[min(at, len(rates) - 1)])

    def _places(self, rates: NDArray[np.float64]) -> NDArray[np.float64]:
        return even_places(self.recent, _like(self.context, *rates.tolist()), POLICY.pooling)


def forecast_scale(
    reference: ScoreReference, context: "pd.Series[Any]", at: datetime
) -> ForecastScale | None:
    """None: too few posts to place a forecast among."""
    if why_no_place(reference, at):
        return None
    return ForecastScale(recent_forecasts(reference.history, to_us(at), POLICY), context)


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
