"""Scores of content as people and programs read them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runlore.engagement.actions.scoring import ContentScore
from runlore.engagement.rules.scores.promise import Tier, tier_of


@dataclass(frozen=True)
class ScoreReason:
    """effect: percent of the audience more or less, of a forecast; points of a rule of thumb."""

    name: str
    effect: float
    text: str


@dataclass(frozen=True)
class ScoreView:
    """score: 0..100, the share of comparable posts with a lower forecast. low, high: the place at
    which it will end, 80 %. top_fifth, success_probability: chances. comparable_by: the narrowest
    group that counts. counts: on record before publication, so it is compared with what came of it.
    """

    source: str
    context_id: str
    persona: str
    platform: str
    at: datetime
    method: str
    score: float
    tier: Tier
    low: float | None
    high: float | None
    confidence: str
    top_fifth: float | None
    forecast: float | None
    success_probability: float | None
    comparable_posts: int
    comparable_by: str | None
    reasons: tuple[ScoreReason, ...]
    why_rules: str
    version: str | None
    prediction_id: str | None
    engagement_rate: float | None
    ended_at: float | None


def show_score(score: ContentScore) -> ScoreView:
    row, outcome = score.row, score.outcome
    return ScoreView(
        row.source,
        row.source_id,
        row.persona,
        row.platform,
        row.at,
        row.method,
        row.score,
        tier_of(row.score),
        row.low,
        row.high,
        row.confidence,
        row.top_fifth,
        score.forecast,
        row.success,
        row.posts,
        row.level,
        _reasons(score),
        score.why,
        score.version,
        None if row.prediction_id is None else str(row.prediction_id),
        None if outcome is None else outcome.rate,
        None if outcome is None else outcome.place,
    )


def _reasons(score: ContentScore) -> tuple[ScoreReason, ...]:
    if score.rules:
        words: dict[Any, str] = {True: "holds", False: "does not hold", None: "not known"}
        return tuple(
            ScoreReason(rule.name, rule.points, f"{rule.text}: {words[rule.holds]}")
            for rule in score.rules
        )
    return tuple(
        ScoreReason(reason.feature, reason.effect, reason.text or reason.feature)
        for reason in score.reasons or ()
    )
