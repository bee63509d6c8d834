"""Likeness of two distributions, from 0 (nothing in common) to 1 (the same).

Counts: Morisita's index, which does not rise or fall with the number of rows (Morisita 1959).
Amounts and rates: 1 minus the Hellinger distance of two normal or Bernoulli distributions.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TINY = 1e-12
LEAST_VARIANCE = 1e-4  # of logs: values within 1 % are the same


def count_overlap(counts: Floats, others: Floats) -> Floats:
    """(P,): (K,) counts beside (P, K). NaN where one has fewer than 2."""
    with np.errstate(invalid="ignore", divide="ignore"):
        total, totals = counts.sum(), others.sum(axis=1)
        repeats = (counts * (counts - 1)).sum() / (total * (total - 1))
        others_repeats = (others * (others - 1)).sum(axis=1) / (totals * (totals - 1))
        overlap = 2 * (others @ counts) / ((repeats + others_repeats) * total * totals)
    no_repeats = np.isinf(overlap)  # nothing twice in either: too little to tell
    bounded: Floats = np.where(no_repeats, np.nan, np.clip(overlap, 0, 1))
    return bounded


def normal_overlap(mean: Floats, variance: Floats, means: Floats, variances: Floats) -> Floats:
    """(P, K): 1 - Hellinger distance of normal distributions."""
    both = np.maximum(variance, LEAST_VARIANCE) + np.maximum(variances, LEAST_VARIANCE)
    product = np.maximum(variance, LEAST_VARIANCE) * np.maximum(variances, LEAST_VARIANCE)
    common = np.sqrt(2 * np.sqrt(product) / both) * np.exp(-((mean - means) ** 2) / (4 * both))
    return _from_common(common)


def rate_overlap(rate: Floats, rates: Floats) -> Floats:
    """(P, K): 1 - Hellinger distance of Bernoulli distributions."""
    return _from_common(np.sqrt(rate * rates) + np.sqrt((1 - rate) * (1 - rates)))


def _from_common(common: Floats) -> Floats:
    overlap: Floats = 1 - np.sqrt(np.maximum(1 - common, 0.0))
    return overlap
