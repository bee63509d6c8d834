"""Find hours in which more series of one scope than by chance are unusual, or silent, at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runlore.signals.rules.series.grid import SECOND_US, Floats, Instants

HOUR_S = 3_600
LEAST_SERIES = 3  # at once
LEAST_PAST = 100  # bins before any verdict
APART = 12  # bins between a bin and its past; one crowd is one event
MOSTLY = 0.9  # of its past bins: a series that has points in so many is missed
TESTS_A_WEEK = 2 * 168  # of one scope

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Crowd:
    """Bins, first to last, with too many series at once. seen: the most in one of them.

    expected: the mean of the bins before. series: which they were. probability: of so many.
    """

    first: int
    last: int
    seen: int
    expected: float
    series: tuple[int, ...]
    probability: float


def find_crowds(is_odd: Flags, most_probability: float) -> list[Crowd]:
    """is_odd: shape (series, bins). Each bin is judged by those before it.

    The count of past bins is taken as negative binomial, by its mean and variance, for series of
    one scope move together; as Poisson where it does not vary more than that.
    """
    count = is_odd.sum(axis=0).astype(float)
    if len(count) <= LEAST_PAST + APART:
        return []
    mean, probability = _rarity(count)
    bins = np.flatnonzero((count >= LEAST_SERIES) & (probability <= most_probability))
    if not len(bins):
        return []
    return [
        Crowd(
            int(run[0]),
            int(run[-1]),
            int(count[run].max()),
            float(mean[run[0]]),
            tuple(np.flatnonzero(is_odd[:, run].any(axis=1)).tolist()),
            float(probability[run].min()),
        )
        for run in np.split(bins, np.flatnonzero(np.diff(bins) > APART) + 1)
    ]


def find_silent(has_points: Flags) -> Flags:
    """Series without a point in a bin, of those that had one in MOSTLY all bins before.

    has_points: shape (series, bins).
    """
    past = np.cumsum(has_points, axis=1)
    begun = np.maximum.accumulate(has_points, axis=1).cumsum(axis=1)
    share = np.zeros(has_points.shape)
    share[:, 1:] = past[:, :-1] / np.maximum(begun[:, :-1], 1)
    is_regular = (share >= MOSTLY) & (begun > LEAST_PAST)
    return is_regular & ~has_points


def to_bins(at: Instants, bin_s: int, first_us: int, bins: int) -> Flags:
    """Whether a bin holds one of these instants."""
    made = np.zeros(bins, bool)
    places = (at - first_us) // (bin_s * SECOND_US)
    made[places[(places >= 0) & (places < bins)]] = True
    return made


def _rarity(count: Floats) -> tuple[Floats, Floats]:
    """Mean of the past and probability of so many or more, for each bin."""
    from scipy.special import betainc, gammainc

    past = np.arange(len(count)) - APART
    is_known = past >= LEAST_PAST
    size = np.where(is_known, past, 1)
    sums = np.concatenate([[0.0], np.cumsum(count)])[size]
    squares = np.concatenate([[0.0], np.cumsum(count**2)])[size]
    mean = (sums + 0.5) / size
    spread = squares / size - (sums / size) ** 2
    most = np.maximum(count, 1)
    extra = np.maximum(spread - mean, 1e-9)
    wide = betainc(most, mean**2 / extra, 1 - mean / (mean + extra))
    tail = np.where(spread > mean, wide, gammainc(most, mean))
    return mean, np.where(is_known & (count > 0), tail, 1.0)
