"""From which probability on to promise, and how wide intervals are: from answers of the past."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.planning.rules.promise import KEPT
from runlore.planning.rules.promises.boosting import LEVELS
from runlore.planning.rules.promises.walk_forward import RawAnswers

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

NORMAL_95 = 1.959964
ONE_SIDED_95 = 1.644854
NEWEST_WIDTHS = 4_000  # answers that widths are learned from
ADAPTING = 0.3  # of a miss of coverage that is made good at the next renewal
LEAST_MADE, LEAST_GROUPS = 100, 20  # promises, and groups of dependent ones
THRESHOLDS = np.arange(0.5, 0.99, 0.005)
NARROWEST = 0.02  # of an interval of 90 %, in logs


@dataclass(frozen=True, eq=False)
class KeptShare:
    """share: of tasks that were promised; kept: of those, what came true, with a 95 % interval.

    The interval lets tasks of one group depend on each other.
    """

    made: int
    share: float
    kept: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, eq=False)
class PromiseRule:
    """threshold: of the raw chance, None: no promise. answers: that it was learned from.

    past: what the threshold would have promised of these. raw, chance: points of the calibration.
    offsets: (levels,) what to add to each quantile, in widths of the 90 % interval.
    """

    threshold: float | None
    answers: int
    past: KeptShare
    raw: Floats
    chance: Floats
    offsets: Floats

    def promises(self, answers: RawAnswers) -> Mask:
        if self.threshold is None:
            return np.zeros(len(answers.chances), dtype=np.bool_)
        is_made: Mask = answers.chances >= self.threshold
        return is_made

    def probabilities(self, raw: Floats) -> Floats:
        calibrated: Floats = np.interp(raw, self.raw, self.chance)
        return calibrated

    def quantiles(self, raw: Floats) -> Floats:
        """(n, levels), rising."""
        moved: Floats = np.sort(raw + self.offsets * widths(raw)[:, None], axis=1)
        return moved


def learn_rule(
    answers: RawAnswers, hits: Mask, truth: Floats, groups: Ints, levels: Floats
) -> PromiseRule:
    """From (n,) answers to tasks that were not learned from, whose outcomes are known by now.

    Promises are made from the lowest probability on above which surely 80 % were kept: with 95 %
    confidence (one-sided), tasks of one group taken as dependent. levels: those that quantiles are
    put at, see `adapt_levels`.
    """
    threshold = choose_threshold(answers.chances, hits, groups)
    is_made = answers.chances >= (2.0 if threshold is None else threshold)
    raw, chance = _calibrate(answers.chances, hits)
    newest = slice(-NEWEST_WIDTHS, None)
    raw_quantiles = answers.quantiles[newest]
    scaled = (truth[newest, None] - raw_quantiles) / widths(raw_quantiles)[:, None]
    offsets = np.array([np.quantile(scaled[:, at], level) for at, level in enumerate(levels)])
    return PromiseRule(
        threshold, len(hits), kept_share(is_made, hits, groups), raw, chance, offsets
    )


def adapt_levels(levels: Floats, shares: Floats) -> Floats:
    """Aim higher where a smaller share of truths than LEVELS was below a quantile of late.

    Adaptive conformal inference (Gibbs & Candès, 2021), for each quantile.
    """
    moved = levels + ADAPTING * (np.array(LEVELS) - shares)
    adapted: Floats = np.sort(np.clip(moved, 0.002, 0.998))
    return adapted


def choose_threshold(chances: Floats, hits: Mask, groups: Ints) -> float | None:
    """The lowest of those above which 80 % were surely kept; None: there is none."""
    chosen = None
    for threshold in THRESHOLDS[::-1]:
        made = kept_share(chances >= threshold, hits, groups)
        if made.kept is None or made.low is None:
            continue
        if made.kept - (made.kept - made.low) * ONE_SIDED_95 / NORMAL_95 >= KEPT:
            chosen = float(threshold)
    return chosen


def kept_share(is_made: Mask, hits: Mask, groups: Ints) -> KeptShare:
    """The interval is that of a mean of clusters (cluster-robust variance)."""
    made = int(is_made.sum())
    share = made / max(len(is_made), 1)
    if not made:
        return KeptShare(0, share, None, None, None)
    kept = float(hits[is_made].mean())
    _, group = np.unique(groups[is_made], return_inverse=True)
    count = int(group.max()) + 1
    if made < LEAST_MADE or count < LEAST_GROUPS:
        return KeptShare(made, share, kept, None, None)
    sums = np.bincount(group, weights=hits[is_made] - kept)
    error = float(np.sqrt((sums**2).sum() * count / (count - 1))) / made
    floor = 1 / made  # where all were kept, the variance is not 0
    half = NORMAL_95 * max(error, floor)
    return KeptShare(made, share, kept, max(kept - half, 0.0), min(kept + half, 1.0))


def widths(quantiles: Floats) -> Floats:
    wide: Floats = np.maximum(quantiles[:, -1] - quantiles[:, 0], NARROWEST)
    return wide


def _calibrate(chances: Floats, hits: Mask) -> tuple[Floats, Floats]:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    fitted.fit(chances, hits.astype(np.float64))
    return fitted.X_thresholds_.astype(np.float64), fitted.y_thresholds_.astype(np.float64)
