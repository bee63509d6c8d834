"""Aggregates and benchmarks as they are told: noisy figures, what is suppressed, and its price."""

from dataclasses import dataclass
from datetime import datetime

from runlore.privacy.actions.aggregates import AggregateAnswer, BenchmarkAnswer
from runlore.privacy.rules.benchmarks import Tier
from runlore.privacy.rules.figures import (
    HashtagEffect,
    HourShare,
    NoisyEstimate,
    read_figures,
)


@dataclass(frozen=True)
class AggregateView:
    """platform: None is all. None elsewhere: suppressed. is_new: it was charged."""

    platform: str | None
    days: int
    since: datetime
    until: datetime
    is_new: bool
    is_suppressed: bool
    personas: NoisyEstimate | None
    mean_rate: NoisyEstimate | None
    sd_between_personas: float | None
    hours: tuple[HourShare, ...]
    hashtags: tuple[HashtagEffect, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class BenchmarkView:
    """own_rate: exact, in percent; it is the persona's own. best_hour: local; None: not known."""

    persona: str
    platform: str | None
    days: int
    since: datetime
    until: datetime
    own_rate: float
    own_posts: int
    own_best_hour: int | None
    mean_rate: NoisyEstimate | None
    percentile: NoisyEstimate | None
    z_score: float | None
    tier: Tier | None
    is_tier_sure: bool
    advice: tuple[str, ...]
    reasons: tuple[str, ...]
    is_new: bool


def show_aggregate(answer: AggregateAnswer) -> AggregateView:
    figures = read_figures(answer.release)
    return AggregateView(
        platform=answer.stored.platform or None,
        days=answer.stored.days,
        since=answer.since,
        until=answer.stored.data_until,
        is_new=answer.is_new,
        is_suppressed=figures.personas is None,
        personas=figures.personas,
        mean_rate=figures.mean,
        sd_between_personas=figures.sd,
        hours=figures.hours,
        hashtags=figures.hashtags,
        reasons=figures.reasons,
    )


def show_benchmark(answer: BenchmarkAnswer) -> BenchmarkView:
    found, own, result = answer.aggregate, answer.own, answer.result
    return BenchmarkView(
        persona=answer.persona,
        platform=found.stored.platform or None,
        days=found.stored.days,
        since=found.since,
        until=found.stored.data_until,
        own_rate=own.rate,
        own_posts=own.posts,
        own_best_hour=own.best_hour if own.best_hour >= 0 else None,
        mean_rate=read_figures(found.release).mean,
        percentile=result.percentile,
        z_score=result.z_score,
        tier=result.tier,
        is_tier_sure=result.is_tier_sure,
        advice=result.advice,
        reasons=result.reasons,
        is_new=found.is_new,
    )
