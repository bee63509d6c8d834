"""What an aggregate says, from noisy numbers alone: this costs nothing and cannot tell more."""

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from runlore.privacy.rules.aggregates import MILLI, AggregateRelease
from runlore.privacy.rules.policy import LEAST_PERSONAS, RATE_EDGES

Z95 = 1.959964
DOUBT = 0.05  # how often noise alone may lift a cell above its least number of personas


@dataclass(frozen=True)
class NoisyEstimate:
    """low, high: 95 %, of the noise."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class HourShare:
    """share: of the personas whose best hour it is; None: suppressed."""

    hour: int
    share: float | None


@dataclass(frozen=True)
class HashtagEffect:
    """lift: by how many percentage points posts with it did better than the persona's others."""

    hashtag: str
    personas: int
    lift: NoisyEstimate


@dataclass(frozen=True)
class AggregateFigures:
    """None: suppressed. personas: noisy. sd: between personas. hashtags: the best first."""

    personas: NoisyEstimate | None
    mean: NoisyEstimate | None
    sd: float | None
    hours: tuple[HourShare, ...]
    hashtags: tuple[HashtagEffect, ...]
    reasons: tuple[str, ...]


def read_figures(release: AggregateRelease) -> AggregateFigures:
    """Cells with too few personas are None, judged by their noisy count and with a margin.

    With fewer than 5 personas, 95 of 100 cells are suppressed; the noise decides about the others.
    """
    hours = _hours(release)
    least = LEAST_PERSONAS + _margin(release.scales["personas"])
    if release.personas < least:
        reason = (
            f"fewer than {LEAST_PERSONAS} personas, or too few to tell beside the noise:"
            f" about {int(np.ceil(least))} are needed"
        )
        none = tuple(HourShare(hour, None) for hour in range(24))
        return AggregateFigures(None, None, None, none, (), (reason,))
    reasons = []
    if all(one.share is None for one in hours):
        reasons.append("best hours: each has too few personas to tell beside the noise")
    if not release.hashtags:
        reasons.append(f"hashtags: none is shared by {release.threshold} personas or more")
    count, mean = _count(release), _mean(release)
    tags = sorted(_hashtags(release), key=lambda one: (-one.lift.value, one.hashtag))
    return AggregateFigures(
        count, mean, _sd(release, mean.value), hours, tuple(tags), tuple(reasons)
    )


def percentile_of(release: AggregateRelease, rate: float) -> NoisyEstimate | None:
    """The share of personas with a lower mean rate, 0 .. 100; None: the noise hides it.

    Within a bin of `RATE_EDGES` personas are taken to be spread evenly.
    """
    counts = np.array(release.rates, float)
    total = float(counts.sum())
    noise = sqrt(2) * release.scales["rates"]
    if total < LEAST_PERSONAS + noise * sqrt(len(counts)) * Z95:
        return None
    below = np.maximum.accumulate(np.concatenate([[0.0], counts.cumsum()]).clip(0, total))
    share = float(np.interp(rate, RATE_EDGES, below / total))
    bins = max(1.0, float(np.interp(rate, RATE_EDGES, np.arange(len(RATE_EDGES)))))
    wide = noise / total * sqrt(bins * (1 - share) ** 2 + (len(counts) - bins) * share**2)
    low, high = np.clip([share - Z95 * wide, share + Z95 * wide], 0, 1)
    return NoisyEstimate(100 * share, 100 * float(low), 100 * float(high))


def _margin(scale: float, cells: int = 1) -> float:
    """What Laplace noise exceeds in one of the cells with probability `DOUBT`, at most."""
    return scale * log(cells / (2 * DOUBT))


def _count(release: AggregateRelease) -> NoisyEstimate:
    wide = release.scales["personas"] * log(1 / 0.05)
    count = float(release.personas)
    return NoisyEstimate(count, max(0.0, count - wide), count + wide)


def _mean(release: AggregateRelease) -> NoisyEstimate:
    half = release.highest_rate / 2
    away = release.rate_sum / MILLI / release.personas
    noise = release.scales["mean"] / MILLI
    of_count = sqrt(2) * release.scales["personas"]
    wide = Z95 * sqrt(noise**2 + (away * of_count) ** 2) / release.personas
    value, low, high = np.clip([half + away + step for step in (0, -wide, wide)], 0, 2 * half)
    return NoisyEstimate(float(value), float(low), float(high))


def _sd(release: AggregateRelease, mean: float) -> float | None:
    half = release.highest_rate / 2
    squares = release.spread_sum / 100 / release.personas + half**2 / 2
    variance = squares - (mean - half) ** 2
    noise = release.scales["spread"] / 100 / release.personas
    return sqrt(variance) if variance > Z95 * noise else None


def _hours(release: AggregateRelease) -> tuple[HourShare, ...]:
    least = LEAST_PERSONAS + _margin(release.scales["hours"], len(release.hours))
    counts: NDArray[np.float64] = np.array(release.hours, float)
    total = max(float(counts.sum()), 1.0)
    return tuple(
        HourShare(hour, min(1.0, count / total) if count >= least else None)
        for hour, count in enumerate(counts.tolist())
    )


def _hashtags(release: AggregateRelease) -> list[HashtagEffect]:
    noise = release.scales["lifts"] / MILLI
    of_count = release.scales["hashtags"]
    effects = []
    for name, count in release.hashtags.items():
        lift = release.lifts[name] / MILLI / count
        wide = Z95 * sqrt(noise**2 + (lift * of_count) ** 2) / count
        effects.append(HashtagEffect(name, count, NoisyEstimate(lift, lift - wide, lift + wide)))
    return effects
