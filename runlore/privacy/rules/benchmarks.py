"""Where a persona stands among the others, by noisy figures of them."""

from dataclasses import dataclass
from typing import Literal

from runlore.privacy.rules.aggregates import AggregateRelease
from runlore.privacy.rules.figures import (
    AggregateFigures,
    NoisyEstimate,
    percentile_of,
    read_figures,
)

Tier = Literal["top_performer", "above_average", "average", "below_average"]
TIERS: tuple[tuple[float, Tier], ...] = (
    (90, "top_performer"),
    (75, "above_average"),
    (25, "average"),
    (0, "below_average"),
)
MOST_ADVICE = 3


@dataclass(frozen=True)
class OwnFigures:
    """Of one persona: mean rate in percent, posts, their best hour or -1, and its hashtags."""

    rate: float
    posts: int
    best_hour: int
    hashtags: frozenset[str]


@dataclass(frozen=True)
class PersonaBenchmark:
    """percentile: share of personas below. z_score: of the mean rate. None: cannot be told.

    is_tier_sure: whether the interval of the percentile lies within the tier.
    """

    percentile: NoisyEstimate | None
    z_score: float | None
    tier: Tier | None
    is_tier_sure: bool
    advice: tuple[str, ...]
    reasons: tuple[str, ...]


def benchmark(release: AggregateRelease, own: OwnFigures) -> PersonaBenchmark:
    figures = read_figures(release)
    if figures.mean is None:
        return PersonaBenchmark(None, None, None, False, (), figures.reasons)
    percentile = percentile_of(release, own.rate)
    z_score = (own.rate - figures.mean.value) / figures.sd if figures.sd else None
    reasons = [] if percentile else ["percentile: the noise hides how rates are spread"]
    if z_score is None:
        reasons.append("z-score: the noise hides how far personas differ")
    tier = tier_of(percentile.value) if percentile else None
    is_sure = percentile is not None and tier_of(percentile.low) == tier_of(percentile.high)
    return PersonaBenchmark(
        percentile, z_score, tier, is_sure, _advice(figures, own), tuple(reasons)
    )


def tier_of(percentile: float) -> Tier:
    return next(tier for least, tier in TIERS if percentile >= least)


def _advice(figures: AggregateFigures, own: OwnFigures) -> tuple[str, ...]:
    """What others do well with, as an idea to test: it need not hold for this persona."""
    told = [
        f"Try #{one.hashtag}: with it, posts of about {one.personas:,} personas did"
        f" {one.lift.value:+.2f} percentage points beside their others"
        f" ({one.lift.low:+.2f} to {one.lift.high:+.2f}, noise alone)"
        for one in figures.hashtags
        if one.lift.low > 0 and one.hashtag not in own.hashtags
    ]
    shares = [(one.share, one.hour) for one in figures.hours if one.share is not None]
    if shares:
        share, hour = max(shares)
        if hour != own.best_hour:
            told.append(
                f"Try {hour}:00 local time: it is the best hour of {share:.0%} of the personas"
            )
    return tuple(told[:MOST_ADVICE])
