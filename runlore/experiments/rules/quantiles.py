"""How far the same quantile of two arms is apart: exact at every look and for every sample size."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.experiments.rules.sequence import NARROWEST_AT, NOTHING_KNOWN, mixture_units
from runlore.experiments.rules.sketch import Floats, Ints, Sketch, edges
from runlore.kernel.intervals import Interval


@dataclass(frozen=True, eq=False)
class QuantileCells:
    """Where an arm's quantile may be, and what speaks against each place.

    low, high: (k,), edges of the buckets that hold units, with all below them first and all above
    them last. log_e: (k,), the logarithm of the e-value against a quantile in that cell.
    """

    low: Floats
    high: Floats
    log_e: Floats


def quantile_interval(
    control: Sketch,
    variant: Sketch,
    share: float,
    alpha: float,
    narrowest_at: float = NARROWEST_AT,
    times: float = 1.0,
) -> Interval:
    """Holds variant's quantile - times · control's at every look at once with 1 - alpha.

    Whether a unit lies below the true quantile is a coin with known odds, so a beta mixture of
    likelihood ratios is an e-process for each arm without further assumptions (Howard & Ramdas,
    Sequential estimation of quantiles with applications to A/B testing and best-arm
    identification, Bernoulli 2022). The arms' e-values are multiplied; what the product does not
    refute at 1 / alpha is in the interval, rounded outward to the sketch's buckets.
    """
    if not (control.counts and variant.counts):
        return NOTHING_KNOWN
    theirs, mine = (_cells(arm, share, alpha, narrowest_at) for arm in (control, variant))
    budget = -math.log(alpha) - theirs.log_e
    first = np.searchsorted(-np.minimum.accumulate(mine.log_e), -budget, side="right")
    backward = np.minimum.accumulate(mine.log_e[::-1])
    last = mine.log_e.size - 1 - np.searchsorted(-backward, -budget, side="right")
    is_open = first < mine.log_e.size
    if not is_open.any():
        return NOTHING_KNOWN
    low, high = _times(theirs, times)
    return Interval(
        float(np.min(mine.low[first[is_open]] - high[is_open])),
        float(np.max(mine.high[last[is_open]] - low[is_open])),
    )


def quantile_p_value(
    control: Sketch,
    variant: Sketch,
    share: float,
    alpha: float,
    narrowest_at: float = NARROWEST_AT,
) -> float:
    """1 / e-value of "both quantiles are the same", at most 1: may be read at any look.

    The e-value is the smallest over all places where the common quantile could be.
    """
    if not (control.counts and variant.counts):
        return 1.0
    places = np.union1d(control.codes, variant.codes).astype(np.int64)
    log_e = np.zeros(places.size + 2)
    for arm in (control, variant):
        log_e += _log_e(*_ranks(arm, places), arm.n, share, _prior(alpha, narrowest_at))
    return math.exp(-max(float(log_e.min()), 0.0))


def _prior(alpha: float, narrowest_at: float) -> float:
    """How many units the mixture counts as known before the first: half of them in each arm."""
    return mixture_units(alpha, narrowest_at) / 2


def _cells(arm: Sketch, share: float, alpha: float, narrowest_at: float) -> QuantileCells:
    codes = np.array(arm.codes, dtype=np.int64)
    log_e = _log_e(*_ranks(arm, codes), arm.n, share, _prior(alpha, narrowest_at))
    low, high = edges(codes)
    return QuantileCells(np.r_[-np.inf, low, high[-1]], np.r_[low[0], high, np.inf], log_e)


def _ranks(arm: Sketch, places: Ints) -> tuple[Ints, Ints]:
    """How many units lie below each place, and at or below it; below all and above all besides."""
    upto = np.r_[0, np.cumsum(arm.counts)]
    codes = np.array(arm.codes, dtype=np.int64)
    below = upto[np.searchsorted(codes, places, side="left")]
    within = upto[np.searchsorted(codes, places, side="right")]
    return np.r_[0, below, arm.n], np.r_[0, within, arm.n]


def _log_e(below: Ints, within: Ints, n: int, share: float, prior: float) -> Floats:
    """The least that any rank between the two gives: ties are never held against a place."""
    middle = np.clip(n * share, below, within)
    ranks: tuple[NDArray[np.generic], ...] = (below, within, middle)
    log_ratios = [_log_ratio(rank.astype(np.float64), n, share, prior) for rank in ranks]
    return np.asarray(np.minimum.reduce(log_ratios), dtype=np.float64)


def _log_ratio(rank: Floats, n: int, share: float, prior: float) -> Floats:
    """Of `rank` of n units below: a beta mixture's likelihood against that of `share`."""
    from scipy.special import betaln

    alpha, beta = prior * share, prior * (1 - share)
    mixed = betaln(alpha + rank, beta + n - rank) - betaln(alpha, beta)
    alone = rank * math.log(share) + (n - rank) * math.log1p(-share)
    return np.asarray(mixed - alone, dtype=np.float64)


def _times(cells: QuantileCells, times: float) -> tuple[Floats, Floats]:
    if not times:
        nothing = np.zeros(cells.low.size)
        return nothing, nothing
    ends = cells.low * times, cells.high * times
    return np.minimum(*ends), np.maximum(*ends)
