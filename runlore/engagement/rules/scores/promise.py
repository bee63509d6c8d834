"""What a score promises: how posts with such a score end among comparable posts."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Confidence = Literal["high", "medium", "low"]
Tier = Literal["excellent", "good", "average", "below average", "poor"]

TIERS: tuple[Tier, ...] = ("excellent", "good", "average", "below average", "poor")
TIER_WIDTH = 20.0  # points of the score
HIGH_WIDTH, MEDIUM_WIDTH = 40.0, 65.0  # points between the bounds of a score's place
TOP = 0.8  # a post above that place is in the top fifth
MOST_CORRELATION = 0.999
GRID = 400  # points of a tier's average
Z = 1.959964


def tier_of(score: float) -> Tier:
    """80 and more: excellent; 60: good; 40: average; 20: below average; less: poor."""
    return TIERS[4 - min(int(max(score, 0.0) // TIER_WIDTH), 4)]


def confidence_of(low: float, high: float) -> Confidence:
    """By the width of the 80 % interval of the place at which a post will end, in points."""
    if high - low <= HIGH_WIDTH:
        return "high"
    return "medium" if high - low <= MEDIUM_WIDTH else "low"


@dataclass(frozen=True)
class ScorePromise:
    """correlation: Spearman's, of scores and places. posts: past ones that it was measured on."""

    correlation: float
    posts: int

    def top_fifth(self, scores: Floats) -> Floats:
        """(n,): the chance to end in the top fifth of comparable posts, for (n,) scores 0..100."""
        from scipy.special import ndtr, ndtri

        pull, rest = self._normal()
        chances: Floats = ndtr((pull * ndtri(_places(scores)) - ndtri(TOP)) / rest)
        least = 1 / (self.posts + 2)  # so many posts cannot tell a smaller chance: Laplace
        return np.clip(chances, least, 1 - least)

    def _normal(self) -> tuple[float, float]:
        """Pearson's correlation of the Gaussian copula with this rank correlation, and the rest."""
        at_most = min(max(self.correlation, 0.0), MOST_CORRELATION)
        pull = float(2 * np.sin(np.pi * at_most / 6))
        return pull, float(np.sqrt(1 - pull**2))


@dataclass(frozen=True)
class TierShare:
    """A tier's promise beside what was seen. posts: with a final engagement.

    posts_share: of all scored posts; 20 % is promised. top, low, high: the share that ended in the
    top fifth, with its 95 % interval (Wilson). Shares are 0..1; None without posts.
    """

    tier: Tier
    posts: int
    posts_share: float | None
    promised_top: float | None
    top: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, eq=False)
class ScoredPosts:
    """(n,) scores 0..100, places 0..1 at which posts ended, and chances that were promised."""

    scores: Floats
    places: Floats
    promised_top: Floats


def fit_promise(scores: Floats, places: Floats) -> ScorePromise:
    """The promise of (n,) scores 0..100 from the (n,) places 0..1 at which such posts ended.

    Scores and places are ranks, so one number, their correlation, says how they hang together: a
    Gaussian copula (Sklar 1959; Nelsen, An Introduction to Copulas, 2006, 5.1). A correlation
    below 0 promises what chance does.
    """
    if len(scores) < 3 or np.ptp(scores) == 0 or np.ptp(places) == 0:
        return ScorePromise(0.0, len(scores))
    from scipy.stats import spearmanr

    return ScorePromise(max(float(spearmanr(scores, places)[0]), 0.0), len(scores))


def promise_of(promise: ScorePromise, scores: Floats, places: Floats) -> ScoredPosts:
    return ScoredPosts(scores, places, promise.top_fifth(scores))


def tier_shares(posts: ScoredPosts) -> tuple[TierShare, ...]:
    """One row for each tier, the best first."""
    at = np.minimum(posts.scores // TIER_WIDTH, 4)
    return tuple(_share(posts, tier, at == 4 - i) for i, tier in enumerate(TIERS))


def tier_promises(promise: ScorePromise) -> dict[Tier, float]:
    """The chance of the top fifth on average over each tier's scores."""
    steps = (np.arange(GRID) + 0.5) / GRID * TIER_WIDTH
    return {
        tier: float(promise.top_fifth(steps + TIER_WIDTH * (4 - i)).mean())
        for i, tier in enumerate(TIERS)
    }


def _share(posts: ScoredPosts, tier: Tier, rows: NDArray[np.bool_]) -> TierShare:
    n = int(rows.sum())
    if not n:
        share = 0.0 if len(rows) else None
        return TierShare(tier, 0, share, None, None, None, None)
    tops = int((posts.places[rows] >= TOP).sum())
    low, high = _wilson(tops, n)
    promised = float(posts.promised_top[rows].mean())
    return TierShare(tier, n, n / len(rows), promised, tops / n, low, high)


def _places(scores: Floats) -> Floats:
    """(n,): scores as shares, off the ends."""
    return np.clip(np.asarray(scores, dtype=np.float64) / 100, 1e-4, 1 - 1e-4)


def _wilson(count: int, of: int) -> tuple[float, float]:
    middle = (count + Z**2 / 2) / (of + Z**2)
    reach = Z / (of + Z**2) * np.sqrt(count * (of - count) / of + Z**2 / 4)
    return max(0.0, float(middle - reach)), min(1.0, float(middle + reach))
